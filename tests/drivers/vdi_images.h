#pragma once

#include "drivers/vdi_format.h"
#include "tests/drivers/vhd_support.h"

namespace imgfs::test {

constexpr std::uint32_t kVdiBlock = 4096;

/// A VDI with blocks of 4 KiB, in the order last to first; zeros are not stored.
inline Bytes vdi_image(const Bytes& disk, std::uint32_t extra = 0) {
  const std::size_t blocks = (disk.size() + kVdiBlock - 1) / kVdiBlock;
  vdi::Header header{};
  header.signature = vdi::Header::kSignature;
  header.version = vdi::Header::kVersion;
  header.header_size = 400;
  header.type = vdi::Header::kDynamic;
  header.blocks_offset = 512;
  header.data_offset = 1024;
  header.sector_size = 512;
  header.disk_size = disk.size();
  header.block_size = kVdiBlock;
  header.block_extra = extra;
  header.blocks = static_cast<std::uint32_t>(blocks);
  Bytes image;
  put(image, 0, header);
  image.resize(1024);
  std::uint32_t count = 0;
  for (std::size_t block = blocks; block-- > 0;) {
    Bytes data(kVdiBlock);
    const std::size_t start = block * kVdiBlock;
    std::copy_n(disk.begin() + static_cast<std::ptrdiff_t>(start),
                std::min<std::size_t>(kVdiBlock, disk.size() - start), data.begin());
    le32 entry;
    entry = vdi::kFree;
    if (std::ranges::any_of(data, [](std::byte b) { return b != std::byte{}; })) {
      entry = count++;
      image.insert(image.end(), extra, std::byte{0xdd});
      image.insert(image.end(), data.begin(), data.end());
    }
    put(image, 512 + block * 4, entry);
  }
  return image;
}

}  // namespace imgfs::test
