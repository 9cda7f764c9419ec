#pragma once

#include "core/file_system.h"
#include "xfs/superblock.h"

namespace imgfs::xfs {

/// statfs' numbers of a cleanly unmounted file system: from the superblock's counters, as the kernel.
SpaceUsage space_usage(const Superblock& sb);

}  // namespace imgfs::xfs
