#pragma once

#include <cstdint>

#include "core/block_device.h"

namespace imgfs::ntfs {

/// What the boot sector says, checked: every size is a power of two within the format's limits.
struct Geometry {
  std::uint32_t sector_size;       ///< 256 … 4096
  std::uint32_t cluster_size;      ///< 256 … 2 MiB
  std::uint32_t record_size;       ///< of an MFT record
  std::uint32_t index_block_size;  ///< default; each index names its own
  std::uint64_t sectors;
  std::uint64_t clusters;
  std::uint64_t mft_lcn;
  std::uint64_t mftmirr_lcn;
  std::uint64_t serial;
  bool from_backup = false;  ///< the boot sector at the end of the volume was taken

  std::uint64_t cluster_offset(std::uint64_t lcn) const { return lcn * cluster_size; }
};

/// True where the first or the last sector is a boot sector of NTFS.
bool probe(const BlockDevice& device);

/// Reads the boot sector or, where it is damaged, its backup in the volume's last sector.
Result<Geometry> read_geometry(const BlockDevice& device);

/// Checks one boot sector; `position` is where it lies.
Result<Geometry> parse_boot_sector(std::span<const std::byte> sector, std::uint64_t position);

}  // namespace imgfs::ntfs
