#pragma once

#include <vector>

#include "core/file_system.h"
#include "ext/superblock.h"

namespace imgfs::ext {

/// The device as it is after the kernel's recovery, in memory, and its superblock. What was done,
/// and what could not be, goes to `remarks`; nothing that is wrong with a journal keeps the rest
/// from being read.
struct Recovered {
  Device device;
  Superblock super;
  bool complete = true;  ///< false where a journal that had to be replayed was not
};
Result<Recovered> recover(Device device, Superblock super, Recovery recovery,
                          std::vector<Remark>& remarks);

}  // namespace imgfs::ext
