#pragma once

#include <string>

#include "core/block_device.h"

namespace imgfs::volumes {

/// What a volume's bytes say that it is.
struct Content {
  std::string type;   ///< as INTERFACE spells it; empty where nothing was recognised
  std::string label;  ///< bytes, where the format has a simple one
  std::string uuid;   ///< as blkid spells it

  explicit operator bool() const { return !type.empty(); }
};

/// Recognises `device` by the magic numbers of its superblocks, checksums verified where the check
/// is cheap. RAID and LVM members come before the file systems that their data may look like.
/// What cannot be read is not recognised.
Content recognise(const BlockDevice& device);

}  // namespace imgfs::volumes
