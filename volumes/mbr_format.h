#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace imgfs::volumes {

/// One of the four entries of an MBR or EBR. Source: UEFI 2.10, 5.2.1, table 5-2.
struct MbrRecord {
  std::uint8_t boot_indicator;
  std::uint8_t starting_chs[3];
  std::uint8_t os_type;
  std::uint8_t ending_chs[3];
  le32 starting_lba;
  le32 size_in_lba;
};
static_assert(sizeof(MbrRecord) == 16);

/// The first sector of a disk, or of each link of an extended partition. Source: the same, table
/// 5-1.
struct MbrSector {
  std::byte boot_code[440];
  le32 unique_disk_signature;
  le16 unknown;
  MbrRecord partition_record[4];
  le16 signature;
};
static_assert(sizeof(MbrSector) == 512);
static_assert(offsetof(MbrSector, partition_record) == 446);

constexpr std::uint16_t kMbrSignature = 0xaa55;

constexpr std::uint8_t kTypeExtended = 0x05;
constexpr std::uint8_t kTypeExtendedLba = 0x0f;
constexpr std::uint8_t kTypeExtendedLinux = 0x85;
constexpr std::uint8_t kTypeDynamic = 0x42;
constexpr std::uint8_t kTypeProtective = 0xee;

}  // namespace imgfs::volumes
