#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/memory_device.h"
#include "volumes/crc32.h"
#include "volumes/volume.h"

namespace imgfs::volumes {

/// A disk in memory, written piece by piece.
class DiskBuilder {
 public:
  explicit DiskBuilder(std::size_t size) : bytes_(size) {}

  DiskBuilder& text(std::size_t offset, std::string_view text) {
    std::memcpy(bytes_.data() + offset, text.data(), text.size());
    return *this;
  }
  /// `size` bytes, little-endian.
  DiskBuilder& number(std::size_t offset, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes_[offset + i] = static_cast<std::byte>(value >> (8 * i));
    return *this;
  }
  DiskBuilder& u8(std::size_t offset, std::uint64_t value) { return number(offset, value, 1); }
  DiskBuilder& u16(std::size_t offset, std::uint64_t value) { return number(offset, value, 2); }
  DiskBuilder& u32(std::size_t offset, std::uint64_t value) { return number(offset, value, 4); }
  DiskBuilder& u64(std::size_t offset, std::uint64_t value) { return number(offset, value, 8); }

  /// An entry of the MBR or EBR in sector `sector`; the signature as well.
  DiskBuilder& entry(std::size_t sector, std::size_t index, unsigned type, std::uint32_t start, std::uint32_t count,
                     unsigned flag = 0, std::size_t sector_size = 512) {
    const std::size_t at = sector * sector_size + 446 + index * 16;
    u16(sector * sector_size + 510, 0xaa55);
    return u8(at, flag).u8(at + 4, type).u32(at + 8, start).u32(at + 12, count);
  }
  /// The start of an ext2 file system: enough to be recognised.
  DiskBuilder& ext2(std::size_t offset) { return u16(offset + 1024 + 56, 0xef53).u32(offset + 1024 + 4, 1); }

  std::uint32_t crc(std::size_t offset, std::size_t size) const {
    return ~crc32(~0U, std::span(bytes_).subspan(offset, size));
  }
  std::uint32_t lvm_crc(std::size_t offset, std::size_t size) const {
    return crc32(0xf597a6cf, std::span(bytes_).subspan(offset, size));
  }
  std::vector<std::byte>& bytes() { return bytes_; }
  Device device() const { return std::make_shared<MemoryDevice>(bytes_); }
  VolumeTable find() const { return find_volumes(device()); }

 private:
  std::vector<std::byte> bytes_;
};

/// "p1@512+1024 p5@…": what a table's volumes are; a '!' behind where there is a problem, a '-' without a device.
inline std::string shape(const VolumeTable& table) {
  std::string out;
  for (const Volume& volume : table.volumes) {
    if (!out.empty()) out += ' ';
    out += volume.name + "@" + (volume.offset ? std::to_string(*volume.offset) : "?") + "+" + std::to_string(volume.size);
    if (!volume.device) out += '-';
    if (!volume.problem.empty()) out += '!';
  }
  return out;
}

inline bool has_remark(const VolumeTable& table, std::string_view text) {
  for (const Remark& remark : table.remarks)
    if (remark.text.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace imgfs::volumes
