#pragma once

#include <string>

#include "core/block_device.h"

namespace imgfs::fat {

/// The layout of a FAT volume, sound in itself: every number below has been checked against the
/// others.
struct BootSector {
  unsigned bits = 0;                ///< of a FAT entry: 12, 16, 32
  std::uint32_t sector_size = 0;    ///< bytes
  std::uint32_t cluster_size = 0;   ///< bytes
  std::uint64_t fat_offset = 0;     ///< bytes: the FAT that is current
  std::uint64_t fat_size = 0;       ///< bytes of one FAT
  std::uint64_t root_offset = 0;    ///< bytes: FAT12 and FAT16
  std::uint32_t root_size = 0;      ///< bytes; 0 in FAT32
  std::uint32_t root_cluster = 0;   ///< FAT32; else 0
  std::uint64_t data_offset = 0;    ///< bytes: where cluster 2 begins
  std::uint32_t cluster_limit = 0;  ///< one more than the highest valid cluster number
  bool dirty = false;
  std::string uuid;        ///< the serial number as blkid spells it
  bool cut_short = false;  ///< the device ends before the volume does

  bool is_cluster(std::uint32_t number) const { return number >= 2 && number < cluster_limit; }
  /// Where a valid cluster lies, in bytes.
  std::uint64_t cluster_offset(std::uint32_t number) const {
    return data_offset + std::uint64_t{number - 2} * cluster_size;
  }

  /// Reads and checks it as Linux does.
  static Result<BootSector> read(const BlockDevice& device);
};

/// True where the first sector is a FAT boot sector, and not one of NTFS, exFAT or a disk's table.
bool probe(const BlockDevice& device);

}  // namespace imgfs::fat
