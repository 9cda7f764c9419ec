#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace imgfs::fat {

/// The first sector. Source: Microsoft, FAT32 File System Specification 1.03, "Boot Sector and
/// BPB".
struct BootSectorData {
  std::byte jump[3];
  char oem_name[8];
  le16 bytes_per_sector;
  std::uint8_t sectors_per_cluster;
  le16 reserved_sectors;
  std::uint8_t number_of_fats;
  le16 root_entries;  ///< 0 for FAT32
  le16 total_sectors_16;
  std::uint8_t media;
  le16 fat_size_16;  ///< sectors; 0 for FAT32
  le16 sectors_per_track;
  le16 heads;
  le32 hidden_sectors;
  le32 total_sectors_32;
};
static_assert(sizeof(BootSectorData) == 36);

/// Follows in FAT32 at 36.
struct BootSector32 {
  le32 fat_size;  ///< sectors
  le16 ext_flags;
  le16 version;
  le32 root_cluster;
  le16 fsinfo_sector;
  le16 backup_sector;
  std::byte reserved[12];
};
static_assert(sizeof(BootSector32) == 28);

/// Follows in FAT12 and FAT16 at 36, in FAT32 at 64.
struct BootSectorTail {
  std::uint8_t drive;
  std::uint8_t state;  ///< bit 0: not unmounted cleanly
  std::uint8_t signature;
  std::byte serial[4];
  char label[11];
  char type[8];
};
static_assert(sizeof(BootSectorTail) == 26);

constexpr std::uint16_t kExtFlagsOneFat = 0x80;  ///< only the FAT named in bits 0 to 3 is current

/// Source: the same, "FAT Directory Structure".
struct ShortEntry {
  char name[11];
  std::uint8_t attributes;
  std::uint8_t case_bits;  ///< Windows NT: name or extension in lower case
  std::uint8_t creation_tenths;
  le16 creation_time;
  le16 creation_date;
  le16 access_date;
  le16 cluster_high;  ///< FAT32 only
  le16 write_time;
  le16 write_date;
  le16 cluster_low;
  le32 size;
};
static_assert(sizeof(ShortEntry) == 32);

/// A piece of a long name, 13 UTF-16 units. Source: the same, "FAT Long Directory Entries".
struct LongEntry {
  std::uint8_t order;
  std::byte name1[10];
  std::uint8_t attributes;  ///< kLongName
  std::uint8_t type;
  std::uint8_t checksum;
  std::byte name2[12];
  le16 cluster;
  std::byte name3[4];
};
static_assert(sizeof(LongEntry) == 32);

constexpr std::uint8_t kReadOnly = 0x01;
constexpr std::uint8_t kVolumeLabel = 0x08;
constexpr std::uint8_t kDirectory = 0x10;
constexpr std::uint8_t kLongName = 0x0f;
constexpr std::uint8_t kLastLongEntry = 0x40;
constexpr std::uint8_t kLowerBase = 0x08;
constexpr std::uint8_t kLowerExtension = 0x10;
constexpr char kDeleted = '\xe5';
constexpr std::size_t kEntrySize = 32;

}  // namespace imgfs::fat
