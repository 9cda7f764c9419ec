#pragma once

#include "core/bytes.h"

namespace imgfs::vmdk {

// The structures of VMDK extents as they lie on disk, little-endian; offsets and sizes are in
// sectors of 512 bytes. Sources: VMware, Virtual Disk Format 5.0 (hosted sparse, stream-optimised,
// COWD); for seSparse, the layout that other readers agree on.

constexpr std::uint64_t kSector = 512;

/// A hosted sparse extent.
struct SparseHeader {
  static constexpr std::uint32_t kMagic = 0x564d444b;  ///< "KDMV"
  static constexpr std::uint32_t kNewLineTest = 1;
  static constexpr std::uint32_t kRedundantDirectory = 2;
  static constexpr std::uint32_t kZeroedGrains = 4;  ///< an entry of 1 is a grain of zeros
  static constexpr std::uint32_t kCompressed = 1U << 16;
  static constexpr std::uint32_t kMarkers = 1U << 17;
  static constexpr std::uint64_t kDirectoryAtEnd = UINT64_MAX;
  static constexpr std::uint16_t kDeflate = 1;
  le32 magic;
  le32 version;
  le32 flags;
  le64 capacity;
  le64 grain_size;
  le64 descriptor_offset;
  le64 descriptor_size;
  le32 entries_per_table;
  le64 redundant_directory_offset;
  le64 directory_offset;
  le64 overhead;
  std::uint8_t unclean_shutdown;
  char new_line_test[4];  ///< "\n \r\n": broken by a transfer as text
  le16 compress_algorithm;
  std::byte pad[433];
};
static_assert(sizeof(SparseHeader) == 512);
static_assert(offsetof(SparseHeader, compress_algorithm) == 77);

/// Before each compressed grain, and, with size 0, before the tables and the footer.
struct Marker {
  static constexpr std::uint32_t kEndOfStream = 0;
  static constexpr std::uint32_t kFooter = 3;
  le64 sector;  ///< of a grain: on the virtual disk
  le32 size;    ///< bytes of compressed data, which follow at once
  le32 type;    ///< only with size 0; in a grain the data begins here
};
static_assert(sizeof(Marker) == 16);
constexpr std::size_t kGrainMarker = 12;  ///< bytes before a grain's data

/// An extent of ESX's copy-on-write disks.
struct CowdHeader {
  static constexpr std::uint32_t kMagic = 0x44574f43;  ///< "COWD"
  static constexpr std::uint64_t kEntriesPerTable = 4096;
  le32 magic;
  le32 version;
  le32 flags;
  le32 capacity;
  le32 grain_size;
  le32 directory_offset;
  le32 directory_entries;
  le32 next_free;
};
static_assert(sizeof(CowdHeader) == 32);

/// A space-efficient sparse extent.
struct SeSparseHeader {
  static constexpr std::uint64_t kMagic = 0xcafebabe;
  static constexpr std::uint64_t kVersion = 0x200000001;
  le64 magic;
  le64 version;
  le64 capacity;
  le64 grain_size;
  le64 table_size;
  le64 flags;
  le64 reserved[4];
  le64 volatile_header_offset;
  le64 volatile_header_size;
  le64 journal_header_offset;
  le64 journal_header_size;
  le64 journal_offset;
  le64 journal_size;
  le64 directory_offset;
  le64 directory_size;
  le64 tables_offset;
  le64 tables_size;
  le64 free_bitmap_offset;
  le64 free_bitmap_size;
  le64 backmap_offset;
  le64 backmap_size;
  le64 grains_offset;
  le64 grains_size;
  std::byte pad[304];
};
static_assert(sizeof(SeSparseHeader) == 512);
static_assert(offsetof(SeSparseHeader, directory_offset) == 128);
static_assert(offsetof(SeSparseHeader, grains_offset) == 192);

struct SeSparseVolatileHeader {
  static constexpr std::uint64_t kMagic = 0xcafecafe;
  le64 magic;
  le64 free_table_number;
  le64 next_transaction;
  le64 replay_journal;  ///< not 0: the journal holds what the tables do not
  std::byte pad[480];
};
static_assert(sizeof(SeSparseVolatileHeader) == 512);

}  // namespace imgfs::vmdk
