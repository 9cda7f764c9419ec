#pragma once

#include <map>
#include <string>

#include "core/block_device.h"
#include "drivers/vhdx_header.h"

namespace imgfs::vhdx {

/// What the metadata region says, checked.
struct Metadata {
  std::uint64_t disk_size = 0;       ///< bytes, at most 64 TiB, whole logical sectors
  std::uint64_t block_size = 0;      ///< bytes, a power of two from 1 to 256 MiB
  std::uint64_t logical_sector = 0;  ///< bytes, 512 or 4096
  bool fixed = false;                ///< blocks are to stay allocated
  bool has_parent = false;
  std::map<std::string, std::string> parent;  ///< keys and values of the parent locator
};

/// Unknown items that a reader must know are refused.
Result<Metadata> read_metadata(const BlockDevice& file, const Region& region);

}  // namespace imgfs::vhdx
