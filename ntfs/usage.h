#pragma once

#include "core/file_system.h"
#include "ntfs/volume.h"

namespace imgfs::ntfs {

/// Counts free clusters and records in their bitmaps: takes time in proportion to the volume's
/// size.
Result<SpaceUsage> count_usage(const Volume& volume);

}  // namespace imgfs::ntfs
