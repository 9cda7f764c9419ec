#pragma once

#include "volumes/volume.h"

namespace imgfs::volumes {

/// Puts the data area of the newest member of each MD RAID1 array in the place of its volume. The
/// other members of the same array, and members of arrays of other levels, keep no device but a
/// reason.
void open_md_arrays(VolumeTable& table);

}  // namespace imgfs::volumes
