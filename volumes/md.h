#pragma once

#include <optional>
#include <string>

#include "core/block_device.h"

namespace imgfs::volumes {

/// A member of a Linux MD array.
struct MdMember {
  std::string version;  ///< "0.90", "1.0", "1.1", "1.2"
  std::string uuid;     ///< of the array, as blkid spells it
  std::string name;     ///< of the array; 0.90 has none
  std::string level;    ///< "raid1", "raid5", "linear" …
  std::uint64_t events = 0;
  std::uint64_t data_offset = 0;  ///< bytes
  std::uint64_t data_size = 0;    ///< bytes
  std::string
      problem;  ///< why its data area is not the array's content; empty for a RAID1 member in sync
};

/// The superblock at one of its four places, its checksum and its place verified; nothing where
/// there is none.
std::optional<MdMember> find_md_superblock(const BlockDevice& device);

}  // namespace imgfs::volumes
