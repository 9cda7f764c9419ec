#pragma once

#include "core/file_system.h"
#include "xfs/inode_changes.h"
#include "xfs/superblock.h"

namespace imgfs::xfs {

/// A file system's device as it would be after the log's recovery.
struct Recovered {
  Device device;                 ///< as given where there is nothing to replay
  bool clean = true;             ///< the log says that it was unmounted
  bool replayed = false;
  InodeChanges changes;          ///< what unfinished intents change beside the device
  std::vector<Remark> remarks;
};

/// Looks at the log and, with Recovery::log, replays it in memory. What cannot be replayed is a remark, and the
/// device is then as it lies on disk.
Recovered recover(Device device, const Superblock& sb, Recovery recovery);

}  // namespace imgfs::xfs
