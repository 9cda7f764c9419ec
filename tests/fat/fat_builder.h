#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/memory_device.h"
#include "fat/fat.h"

namespace imgfs::fat {

struct FatOptions {
  unsigned bits = 12;
  std::size_t sector = 512;
  std::size_t cluster_sectors = 1;
  std::size_t root_entries = 64;  ///< FAT12 and FAT16
  std::size_t clusters = 0;       ///< 0: a number that fits `bits`
  std::size_t fats = 2;
};

/// A FAT volume in memory, written piece by piece. FAT32's root directory lies in cluster 2.
class FatBuilder {
 public:
  explicit FatBuilder(FatOptions options = {}) : o_(options) {
    if (o_.clusters == 0) o_.clusters = o_.bits == 12 ? 200 : o_.bits == 16 ? 4100 : 300;
    if (o_.bits == 32) o_.root_entries = 0;
    const std::size_t bytes = ((o_.clusters + 2) * o_.bits + 7) / 8;
    fat_sectors_ = (bytes + o_.sector - 1) / o_.sector;
    reserved_ = o_.bits == 32 ? 8 : 1;
    data_ = (reserved_ + o_.fats * fat_sectors_) * o_.sector + o_.root_entries * 32;
    bytes_.resize(data_ + o_.clusters * o_.cluster_sectors * o_.sector);
    boot();
    fat(0, o_.bits == 12 ? 0xff8 : o_.bits == 16 ? 0xfff8 : 0x0ffffff8);
    fat(1, end());
    if (o_.bits == 32) chain({2});
  }

  FatBuilder& number(std::size_t offset, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes_[offset + i] = static_cast<std::byte>(value >> (8 * i));
    return *this;
  }
  FatBuilder& text(std::size_t offset, std::string_view text) {
    std::memcpy(bytes_.data() + offset, text.data(), text.size());
    return *this;
  }
  /// One entry of every copy of the table.
  FatBuilder& fat(std::size_t cluster, std::uint32_t value) {
    for (std::size_t copy = 0; copy < o_.fats; ++copy) {
      const std::size_t table = (reserved_ + copy * fat_sectors_) * o_.sector;
      if (o_.bits != 12) {
        number(table + cluster * o_.bits / 8, value, o_.bits / 8);
        continue;
      }
      const std::size_t at = table + cluster * 3 / 2;
      const auto old = std::to_integer<unsigned>(bytes_[at]) | std::to_integer<unsigned>(bytes_[at + 1]) << 8;
      number(at, cluster % 2 == 0 ? (old & 0xf000U) | value : (old & 0xfU) | value << 4, 2);
    }
    return *this;
  }
  FatBuilder& chain(std::vector<std::size_t> clusters) {
    for (std::size_t i = 0; i < clusters.size(); ++i)
      fat(clusters[i], i + 1 < clusters.size() ? static_cast<std::uint32_t>(clusters[i + 1]) : end());
    return *this;
  }
  /// An 8.3 entry at a byte of the volume; `name` has 11 characters. 2001-02-03 04:05:06, read on 2002-03-04.
  FatBuilder& entry(std::size_t at, std::string_view name, unsigned attributes, std::size_t cluster, std::size_t size,
                    unsigned case_bits = 0) {
    text(at, name).number(at + 11, attributes, 1).number(at + 12, case_bits, 1);
    number(at + 22, 4 << 11 | 5 << 5 | 3, 2).number(at + 24, 21 << 9 | 2 << 5 | 3, 2).number(at + 18, 22 << 9 | 3 << 5 | 4, 2);
    return number(at + 26, cluster & 0xffffU, 2).number(at + 20, cluster >> 16, 2).number(at + 28, size, 4);
  }
  static unsigned checksum(std::string_view name) {
    unsigned sum = 0;
    for (const char c : name) sum = (((sum & 1U) << 7) + (sum >> 1) + static_cast<unsigned char>(c)) & 0xffU;
    return sum;
  }
  /// The pieces of a long name, one after the other; how many bytes they take.
  std::size_t long_name(std::size_t at, std::u16string_view name, std::string_view short_name) {
    const std::size_t pieces = (name.size() + 12) / 13;
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::size_t piece = pieces - 1 - i;
      const std::size_t p = at + i * 32;
      number(p, (piece + 1) | (i == 0 ? 0x40U : 0U), 1).number(p + 11, 0x0f, 1).number(p + 13, checksum(short_name), 1);
      for (std::size_t c = 0; c < 13; ++c) {
        const std::size_t index = piece * 13 + c;
        const std::size_t place = c < 5 ? 1 + c * 2 : c < 11 ? 14 + (c - 5) * 2 : 28 + (c - 11) * 2;
        number(p + place, index < name.size() ? name[index] : index == name.size() ? 0 : 0xffff, 2);
      }
    }
    return pieces * 32;
  }
  /// "." and ".." of a directory in `cluster`.
  FatBuilder& dots(std::size_t cluster, std::size_t parent) {
    return entry(cluster_at(cluster), ".          ", 0x10, cluster, 0).entry(cluster_at(cluster) + 32, "..         ", 0x10, parent, 0);
  }

  std::uint32_t end() const { return o_.bits == 12 ? 0xfff : o_.bits == 16 ? 0xffff : 0x0fffffff; }
  std::size_t cluster_size() const { return o_.cluster_sectors * o_.sector; }
  std::size_t cluster_at(std::size_t cluster) const { return data_ + (cluster - 2) * cluster_size(); }
  std::size_t root_at() const { return o_.bits == 32 ? cluster_at(2) : data_ - o_.root_entries * 32; }
  std::vector<std::byte>& bytes() { return bytes_; }
  Device device() const { return std::make_shared<MemoryDevice>(bytes_); }
  Result<FileSystemPtr> open() const { return file_system_type().open(device(), Recovery::none); }
  bool probe() const { return file_system_type().probe(*device()); }

 private:
  void boot() {
    const std::size_t sectors = bytes_.size() / o_.sector;
    text(0, "\xeb\x3c\x90mkfs.fat").number(11, o_.sector, 2).number(13, o_.cluster_sectors, 1).number(14, reserved_, 2);
    number(16, o_.fats, 1).number(17, o_.root_entries, 2).number(21, 0xf8, 1).number(510, 0xaa55, 2).number(32, sectors, 4);
    if (o_.bits == 32)
      number(36, fat_sectors_, 4).number(44, 2, 4).number(67, 0x1234abcd, 4);
    else
      number(22, fat_sectors_, 2).number(39, 0x1234abcd, 4);
  }

  FatOptions o_;
  std::size_t fat_sectors_;
  std::size_t reserved_;
  std::size_t data_;  ///< byte of cluster 2
  std::vector<std::byte> bytes_;
};

}  // namespace imgfs::fat
