#pragma once

#include "tests/volumes/disk_builder.h"

namespace imgfs::volumes {

struct MdOptions {
  int minor = 2;              ///< of version 1; -1: version 0.90
  std::int32_t level = 1;
  std::uint64_t events = 10;
  std::size_t size = 512 << 10;  ///< bytes of the member
  std::uint64_t data_offset = 64;     ///< sectors; version 1
  std::uint64_t data_size = 512;      ///< sectors
  unsigned role = 0;
  unsigned features = 0;
};

inline std::uint32_t md_checksum(const DiskBuilder& disk, std::size_t at, std::size_t size) {
  const Device device = disk.device();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i + 4 <= size; i += 4) sum += read_struct<le32>(*device, at + i).value().value();
  if (size % 4 != 0) sum += read_struct<le16>(*device, at + size - 2).value().value();
  return static_cast<std::uint32_t>((sum & 0xffffffffU) + (sum >> 32));
}

/// A superblock of an array with the UUID 00010203-… and the name "host:0" for the member at `offset`.
inline void md_member(DiskBuilder& disk, std::size_t offset, const MdOptions& o = {}) {
  if (o.minor < 0) {
    const std::size_t at = offset + o.size / 65536 * 65536 - 65536;
    disk.u32(at, 0xa92b4efc).u32(at + 8, 90).u32(at + 20, 0x00010203).u32(at + 28, static_cast<std::uint32_t>(o.level));
    disk.u32(at + 32, o.data_size / 2).u32(at + 52, 0x04050607).u32(at + 56, 0x08090a0b).u32(at + 60, 0x0c0d0e0f);
    disk.u64(at + 156, o.events).u32(at + 3968 + 16, o.role == 0 ? 6 : 0);
    disk.u32(at + 152, 0).u32(at + 152, md_checksum(disk, at, 4096));
    return;
  }
  const std::size_t place = o.minor == 1 ? 0 : o.minor == 2 ? 4096 : (o.size / 512 - 16) / 8 * 8 * 512;
  const std::size_t at = offset + place;
  disk.u32(at, 0xa92b4efc).u32(at + 4, 1).u32(at + 8, o.features).text(at + 32, "host:0");
  for (std::size_t i = 0; i < 16; ++i) disk.u8(at + 16 + i, i);
  disk.u32(at + 72, static_cast<std::uint32_t>(o.level)).u64(at + 80, o.data_size).u32(at + 92, 2);
  disk.u64(at + 128, o.data_offset).u64(at + 136, o.data_size).u64(at + 144, place / 512);
  disk.u64(at + 200, o.events).u32(at + 220, 3).u16(at + 256, o.role).u16(at + 258, 1).u16(at + 260, 0xfffe);
  disk.u32(at + 216, 0).u32(at + 216, md_checksum(disk, at, 256 + 6));
}

}  // namespace imgfs::volumes
