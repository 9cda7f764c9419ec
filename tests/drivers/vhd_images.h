#pragma once

#include <set>

#include "drivers/vhd_footer.h"
#include "tests/drivers/vhd_support.h"

namespace imgfs::test {

constexpr std::uint32_t kVhdBlock = 4096;

/// Puts the right checksums into the structures at their usual places.
inline void fix_vhd(Bytes& image) {
  const auto fix = [&](std::size_t at, std::size_t size, std::size_t field) {
    if (at > image.size() || image.size() - at < size) return;
    be32 sum;
    sum = vhd::checksum(std::span(image).subspan(at, size), field);
    put(image, at + field, sum);
  };
  if (as_chars(image).starts_with(vhd::Footer::kCookie)) {  // not a fixed disk, whose data this is
    fix(0, 512, offsetof(vhd::Footer, checksum));
    fix(512, 1024, offsetof(vhd::DynamicHeader, checksum));
  }
  if (image.size() >= 512) fix(image.size() - 512, 512, offsetof(vhd::Footer, checksum));
}

inline vhd::Footer vhd_footer(std::uint64_t size, std::uint32_t type, std::uint8_t id = 1) {
  vhd::Footer footer{};
  std::memcpy(footer.cookie, "conectix", 8);
  footer.file_format_version = 0x10000;
  footer.data_offset = 512;
  std::memcpy(footer.creator_application, "win ", 4);
  footer.current_size = size;
  footer.cylinders = 2;
  footer.heads = 4;
  footer.sectors_per_track = 3;
  footer.disk_type = type;
  footer.unique_id[15] = std::byte{id};
  return footer;
}

inline Bytes vhd_fixed(Bytes disk) {
  const std::size_t size = disk.size();
  put(disk, size, vhd_footer(size, vhd::Footer::kFixed));
  fix_vhd(disk);
  return disk;
}

/// A dynamic disk of blocks of 4 KiB, without those that are zeros; with `own` (sectors) a
/// differencing one with the parent `parent.vhd` of identity `parent`.
inline Bytes vhd_sparse(const Bytes& disk, const std::set<std::size_t>* own = nullptr,
                        std::uint8_t id = 1, std::uint8_t parent = 0) {
  const auto type = own == nullptr ? vhd::Footer::kDynamic : vhd::Footer::kDifferencing;
  const vhd::Footer footer = vhd_footer(disk.size(), type, id);
  const std::size_t blocks = (disk.size() + kVhdBlock - 1) / kVhdBlock;
  vhd::DynamicHeader header{};
  std::memcpy(header.cookie, "cxsparse", 8);
  header.table_offset = 1536;
  header.header_version = 0x10000;
  header.max_table_entries = static_cast<std::uint32_t>(blocks);
  header.block_size = kVhdBlock;
  header.parent_unique_id[15] = std::byte{parent};
  const std::u16string name = u"parent.vhd";
  for (std::size_t i = 0; i < name.size(); ++i)
    header.parent_unicode_name[2 * i + 1] = static_cast<std::byte>(name[i]);
  Bytes image;
  put(image, 0, footer);
  put(image, 512, header);
  image.resize(1536 + (blocks * 4 + 511) / 512 * 512);
  for (std::size_t block = 0; block < blocks; ++block) {
    Bytes data(kVhdBlock);
    Bytes bitmap(512);
    const std::size_t start = block * kVhdBlock;
    std::copy_n(disk.begin() + static_cast<std::ptrdiff_t>(start),
                std::min<std::size_t>(kVhdBlock, disk.size() - start), data.begin());
    bool used =
        own == nullptr && std::ranges::any_of(data, [](std::byte b) { return b != std::byte{}; });
    for (std::size_t sector = 0; own != nullptr && sector < kVhdBlock / 512; ++sector) {
      if (own->contains(start / 512 + sector)) {
        bitmap[sector / 8] |= std::byte{0x80} >> static_cast<int>(sector % 8);
        used = true;
      } else {  // what is not its own must never be seen
        std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(sector * 512), 512, std::byte{0xee});
      }
    }
    be32 entry;
    entry = used ? static_cast<std::uint32_t>(image.size() / 512) : vhd::kUnallocated;
    put(image, 1536 + block * 4, entry);
    if (!used) continue;
    image.insert(image.end(), bitmap.begin(), bitmap.end());
    image.insert(image.end(), data.begin(), data.end());
  }
  put(image, image.size(), footer);
  fix_vhd(image);
  return image;
}

}  // namespace imgfs::test
