#pragma once

#include "core/bytes.h"

namespace imgfs::checkers {

// The head of a registry hive and its transaction logs as they lie on disk. The cells behind it are
// hivex's. Source: https://github.com/msuhanov/regf/blob/master/Windows%20registry%20file%20format%20specification.md

struct HiveBaseBlock {
  static constexpr std::uint32_t kSize = 4096;      ///< bytes before the first hive bin
  static constexpr std::uint32_t kLogTypeOld = 1;   ///< also 2: "DIRT" and a bitmap
  static constexpr std::uint32_t kLogTypeNew = 6;   ///< "HvLE" entries
  char signature[4];                                ///< "regf"
  le32 primary_sequence;                            ///< differs from the next while a write is unfinished
  le32 secondary_sequence;
  le64 last_written;
  le32 major_version;
  le32 minor_version;
  le32 file_type;  ///< 0 in a hive
  le32 file_format;
  le32 root_cell;
  le32 bins_size;  ///< bytes of all hive bins
  le32 clustering_factor;
  std::byte file_name[64];
  std::byte reserved[396];
  le32 checksum;  ///< XOR of the 127 words before it
};
static_assert(sizeof(HiveBaseBlock) == 512);
static_assert(offsetof(HiveBaseBlock, checksum) == 508);

struct HiveLogEntry {
  char signature[4];  ///< "HvLE"
  le32 size;          ///< bytes of the whole entry, a multiple of 512
  le32 flags;
  le32 sequence;
  le32 bins_size;
  le32 dirty_pages;
  le64 hash_of_pages;   ///< Marvin32 of all behind this head
  le64 hash_of_head;    ///< Marvin32 of the 32 bytes before it
};
static_assert(sizeof(HiveLogEntry) == 40);

struct HiveDirtyPage {
  le32 offset;  ///< in the hive bins' data
  le32 size;
};
static_assert(sizeof(HiveDirtyPage) == 8);

}  // namespace imgfs::checkers
