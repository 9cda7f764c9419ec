#pragma once

#include "core/file_system.h"
#include "xfs/superblock.h"

namespace imgfs::xfs {

/// Brings the superblock's counters up to date from the headers of the allocation groups: after a crash only those
/// are right, and only they know which blocks the free space btrees have. What the log had begun to free and unlinked files that were open count as used. Leaves them as they
/// are where a header cannot be read.
void recount(const BlockDevice& device, Superblock& sb);

/// statfs' numbers from the superblock's counters, as the kernel.
SpaceUsage space_usage(const Superblock& sb);

}  // namespace imgfs::xfs
