#pragma once

#include "core/bytes.h"

namespace imgfs::vhd {

// The structures of a Virtual Hard Disk as they lie on disk, all big-endian.
// Source: Microsoft, Virtual Hard Disk Image Format Specification, version 1.0 (October 2006).

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kMaxSectors = 0xff000000;  ///< 2040 GiB, the format's limit

struct Footer {
  static constexpr std::string_view kCookie = "conectix";
  static constexpr std::uint32_t kFixed = 2;
  static constexpr std::uint32_t kDynamic = 3;
  static constexpr std::uint32_t kDifferencing = 4;
  char cookie[8];
  be32 features;
  be32 file_format_version;  ///< major in the upper half
  be64 data_offset;          ///< of the dynamic header, in bytes
  be32 time_stamp;           ///< seconds since 2000-01-01 UTC
  char creator_application[4];
  be32 creator_version;
  be32 creator_host_os;
  be64 original_size;
  be64 current_size;  ///< bytes
  be16 cylinders;
  std::uint8_t heads;
  std::uint8_t sectors_per_track;
  be32 disk_type;
  be32 checksum;
  std::byte unique_id[16];
  std::uint8_t saved_state;
  std::byte reserved[427];
};
static_assert(sizeof(Footer) == 512);
static_assert(offsetof(Footer, checksum) == 64);

struct ParentLocator {
  static constexpr std::uint32_t kRelativeUnicode = 0x57327275;  ///< "W2ru", UTF-16LE
  static constexpr std::uint32_t kAbsoluteUnicode = 0x57326b75;  ///< "W2ku", UTF-16LE
  static constexpr std::uint32_t kMacUrl = 0x4d616358;           ///< "MacX", a file URL in UTF-8
  be32 platform_code;
  be32 platform_data_space;
  be32 platform_data_length;  ///< bytes
  be32 reserved;
  be64 platform_data_offset;  ///< bytes, from the start of the file
};
static_assert(sizeof(ParentLocator) == 24);

struct DynamicHeader {
  static constexpr std::string_view kCookie = "cxsparse";
  char cookie[8];
  be64 data_offset;
  be64 table_offset;  ///< of the block allocation table, in bytes
  be32 header_version;
  be32 max_table_entries;
  be32 block_size;  ///< bytes of data in a block, without its bitmap
  be32 checksum;
  std::byte parent_unique_id[16];
  be32 parent_time_stamp;  ///< seconds since 2000-01-01 UTC
  be32 reserved;
  std::byte parent_unicode_name[512];  ///< UTF-16BE
  ParentLocator parent_locators[8];
  std::byte reserved_2[256];
};
static_assert(sizeof(DynamicHeader) == 1024);
static_assert(offsetof(DynamicHeader, checksum) == 36);
static_assert(offsetof(DynamicHeader, parent_locators) == 576);

constexpr std::uint32_t kUnallocated = 0xffffffff;  ///< in the block allocation table

}  // namespace imgfs::vhd
