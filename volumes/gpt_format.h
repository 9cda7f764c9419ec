#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace imgfs::volumes {

/// Source: UEFI 2.10, 5.3.2, table 5-5.
struct GptHeader {
  char signature[8];  ///< "EFI PART"
  le32 revision;
  le32 header_size;
  le32 header_crc32;
  le32 reserved;
  le64 my_lba;
  le64 alternate_lba;
  le64 first_usable_lba;
  le64 last_usable_lba;
  std::byte disk_guid[16];
  le64 partition_entry_lba;
  le32 number_of_partition_entries;
  le32 size_of_partition_entry;
  le32 partition_entry_array_crc32;
};
static_assert(sizeof(GptHeader) == 92);
static_assert(offsetof(GptHeader, partition_entry_lba) == 72);

/// Source: the same, 5.3.3, table 5-6.
struct GptEntry {
  std::byte partition_type_guid[16];
  std::byte unique_partition_guid[16];
  le64 starting_lba;
  le64 ending_lba;  ///< inclusive
  le64 attributes;
  std::byte partition_name[72];  ///< UTF-16LE
};
static_assert(sizeof(GptEntry) == 128);

constexpr std::uint64_t kGptLegacyBiosBootable = 1U << 2;

}  // namespace imgfs::volumes
