#pragma once

#include "volumes/volume.h"

namespace imgfs::volumes {

/// Appends the logical volumes of every volume group whose physical volumes are among the table's
/// volumes. Damaged metadata is said in the remarks and in the physical volume's problem.
void list_logical_volumes(VolumeTable& table);

}  // namespace imgfs::volumes
