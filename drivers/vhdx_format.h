#pragma once

#include <array>

#include "core/bytes.h"

namespace imgfs::vhdx {

// The structures of VHDX as they lie on disk, little-endian.
// Source: Microsoft, [MS-VHDX]: Virtual Hard Disk v2 (VHDX) File Format.

using Guid = std::array<std::byte, 16>;

/// The bytes of a GUID from its usual spelling's five fields.
constexpr Guid guid(std::uint32_t a, std::uint16_t b, std::uint16_t c, std::uint16_t d,
                    std::uint64_t e) {
  const auto byte = [](std::uint64_t value, int shift) {
    return static_cast<std::byte>(value >> shift & 0xff);
  };
  return {byte(a, 0),  byte(a, 8),  byte(a, 16), byte(a, 24), byte(b, 0),  byte(b, 8),
          byte(c, 0),  byte(c, 8),  byte(d, 8),  byte(d, 0),  byte(e, 40), byte(e, 32),
          byte(e, 24), byte(e, 16), byte(e, 8),  byte(e, 0)};
}

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kHeaderOffsets[] = {64 << 10, 128 << 10};
constexpr std::uint64_t kRegionTableOffsets[] = {192 << 10, 256 << 10};
constexpr std::size_t kTableSize = 64
                                   << 10;  ///< bytes of a region table, and of the metadata table
constexpr std::string_view kFileSignature = "vhdxfile";

struct Header {
  static constexpr std::string_view kSignature = "head";
  char signature[4];
  le32 checksum;  ///< CRC-32C over the 4096 bytes of the header, this field as zeros
  le64 sequence_number;
  Guid file_write_guid;
  Guid data_write_guid;
  Guid log_guid;  ///< zero: the log is empty
  le16 log_version;
  le16 version;
  le32 log_length;  ///< bytes
  le64 log_offset;  ///< bytes
  std::byte reserved[4016];
};
static_assert(sizeof(Header) == 4096);

struct RegionTableHeader {
  static constexpr std::string_view kSignature = "regi";
  static constexpr std::uint32_t kMaxEntries = 2047;
  char signature[4];
  le32 checksum;  ///< CRC-32C over the 64 KiB of the table, this field as zeros
  le32 entry_count;
  le32 reserved;
};
static_assert(sizeof(RegionTableHeader) == 16);

struct RegionTableEntry {
  static constexpr Guid kBat = guid(0x2dc27766, 0xf623, 0x4200, 0x9d64, 0x115e9bfd4a08);
  static constexpr Guid kMetadata = guid(0x8b7ca206, 0x4790, 0x4b9a, 0xb8fe, 0x575f050f886e);
  Guid id;
  le64 file_offset;
  le32 length;
  le32 required;  ///< bit 0
};
static_assert(sizeof(RegionTableEntry) == 32);

struct MetadataTableHeader {
  static constexpr std::string_view kSignature = "metadata";
  static constexpr std::uint16_t kMaxEntries = 2047;
  char signature[8];
  le16 reserved;
  le16 entry_count;
  std::byte reserved_2[20];
};
static_assert(sizeof(MetadataTableHeader) == 32);

struct MetadataTableEntry {
  static constexpr Guid kFileParameters = guid(0xcaa16737, 0xfa36, 0x4d43, 0xb3b6, 0x33f0aa44e76b);
  static constexpr Guid kDiskSize = guid(0x2fa54224, 0xcd1b, 0x4876, 0xb211, 0x5dbed83bf4b8);
  static constexpr Guid kDiskId = guid(0xbeca12ab, 0xb2e6, 0x4523, 0x93ef, 0xc309e000c746);
  static constexpr Guid kLogicalSector = guid(0x8141bf1d, 0xa96f, 0x4709, 0xba47, 0xf233a8faab5f);
  static constexpr Guid kPhysicalSector = guid(0xcda348c7, 0x445d, 0x4471, 0x9cc9, 0xe9885251c556);
  static constexpr Guid kParentLocator = guid(0xa8d35f2d, 0xb30b, 0x454d, 0xabf7, 0xd3d84834ab0c);
  static constexpr std::uint32_t kIsRequired = 4;
  Guid id;
  le32 offset;  ///< bytes from the start of the metadata region
  le32 length;
  le32 flags;
  le32 reserved;
};
static_assert(sizeof(MetadataTableEntry) == 32);

struct FileParameters {
  static constexpr std::uint32_t kLeaveBlocksAllocated = 1;  ///< a fixed disk
  static constexpr std::uint32_t kHasParent = 2;
  le32 block_size;
  le32 flags;
};
static_assert(sizeof(FileParameters) == 8);

struct ParentLocatorHeader {
  static constexpr Guid kVhdx = guid(0xb04aefb7, 0xd19e, 0x4a81, 0xb789, 0x25b8e9445913);
  Guid locator_type;
  le16 reserved;
  le16 key_value_count;
};
static_assert(sizeof(ParentLocatorHeader) == 20);

struct ParentLocatorEntry {
  le32 key_offset;  ///< bytes from the start of the locator; UTF-16LE
  le32 value_offset;
  le16 key_length;  ///< bytes
  le16 value_length;
};
static_assert(sizeof(ParentLocatorEntry) == 12);

/// Entries of the block allocation table: the state in bits 0–2, the offset in MiB from bit 20 on.
enum class BlockState : std::uint8_t {
  not_present = 0,
  undefined = 1,
  zero = 2,
  unmapped = 3,
  fully_present = 6,
  partially_present = 7,
};

struct LogEntryHeader {
  static constexpr std::string_view kSignature = "loge";
  char signature[4];
  le32 checksum;  ///< CRC-32C over the whole entry, this field as zeros
  le32 entry_length;
  le32 tail;  ///< byte offset in the log of the oldest entry that still counts
  le64 sequence_number;
  le32 descriptor_count;
  le32 reserved;
  Guid log_guid;
  le64 flushed_file_offset;  ///< the file had at least this size when the entry was written
  le64 last_file_offset;     ///< the file must get at least this size
};
static_assert(sizeof(LogEntryHeader) == 64);

struct LogDescriptor {
  static constexpr std::string_view kZero = "zero";
  static constexpr std::string_view kData = "desc";
  char signature[4];
  le32 trailing_bytes;  ///< zero descriptor: reserved
  le64 leading_bytes;   ///< zero descriptor: length in bytes
  le64 file_offset;
  le64 sequence_number;
};
static_assert(sizeof(LogDescriptor) == 32);

struct LogDataSector {
  static constexpr std::string_view kSignature = "data";
  char signature[4];
  le32 sequence_high;
  std::byte data[4084];
  le32 sequence_low;
};
static_assert(sizeof(LogDataSector) == 4096);

}  // namespace imgfs::vhdx
