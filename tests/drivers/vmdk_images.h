#pragma once

#include <libdeflate.h>

#include "drivers/vmdk_format.h"
#include "tests/drivers/vhd_support.h"

namespace imgfs::test {

constexpr std::size_t kGrain = 4096;
constexpr std::size_t kTableEntries = 8;

enum class VmdkKind { sparse, stream, stream_at_end };

inline std::string vmdk_text(std::string_view type, std::string_view extents,
                             std::string_view ids = "CID=11111111\nparentCID=ffffffff\n") {
  return "# Disk DescriptorFile\nversion=1\n" + std::string(ids) + "createType=\"" +
         std::string(type) + "\"\n" + std::string(extents);
}

inline Bytes deflated(std::span<const std::byte> data) {
  libdeflate_compressor* const compressor = libdeflate_alloc_compressor(6);
  Bytes out(libdeflate_zlib_compress_bound(compressor, data.size()));
  out.resize(
      libdeflate_zlib_compress(compressor, data.data(), data.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

/// A hosted sparse extent with grains of 4 KiB and tables of 8: header, descriptor at sector 1, for
/// `sparse` the redundant directory at sector 4 and its tables from 5, the directory at 15 and its
/// tables from 16; then the grains, of which those that are zeros are not there.
inline Bytes vmdk_image(const Bytes& disk, VmdkKind kind = VmdkKind::sparse,
                        std::string text = {}) {
  const std::size_t grains = (disk.size() + kGrain - 1) / kGrain;
  const std::size_t tables = (grains + kTableEntries - 1) / kTableEntries;
  const bool compressed = kind != VmdkKind::sparse;
  if (text.empty())
    text =
        vmdk_text(compressed ? "streamOptimized" : "monolithicSparse", "RW 1 SPARSE \"x.vmdk\"\n");
  vmdk::SparseHeader header{};
  header.magic = vmdk::SparseHeader::kMagic;
  header.version = compressed ? 3 : 1;
  header.flags = compressed ? 0x30001U : 7U;
  header.capacity = disk.size() / 512;
  header.grain_size = kGrain / 512;
  header.descriptor_offset = 1;
  header.descriptor_size = 3;
  header.entries_per_table = kTableEntries;
  header.redundant_directory_offset = compressed ? 0 : 4;
  header.directory_offset = 15;
  std::memcpy(header.new_line_test, "\n \r\n", 4);
  header.compress_algorithm = compressed ? 1 : 0;
  Bytes image((16 + tables) * 512);
  put(image, 512, std::string_view(text).substr(0, 1536));
  for (std::size_t i = 0; i < tables; ++i) {
    le32 sector;
    sector = static_cast<std::uint32_t>(16 + i);
    put(image, 15 * 512 + 4 * i, sector);
    sector = static_cast<std::uint32_t>(5 + i);
    if (!compressed) put(image, 4 * 512 + 4 * i, sector);
  }
  for (std::size_t i = 0; i < grains; ++i) {
    Bytes data(kGrain);
    std::copy_n(disk.begin() + static_cast<std::ptrdiff_t>(i * kGrain),
                std::min(kGrain, disk.size() - i * kGrain), data.begin());
    if (std::ranges::all_of(data, [](std::byte b) { return b == std::byte{}; })) continue;
    le32 sector;
    sector = static_cast<std::uint32_t>(image.size() / 512);
    const std::size_t at = i / kTableEntries * 512 + i % kTableEntries * 4;
    put(image, 16 * 512 + at, sector);
    if (!compressed) put(image, 5 * 512 + at, sector);
    if (compressed) {
      data = deflated(data);
      vmdk::Marker marker{};
      marker.sector = i * kGrain / 512;
      marker.size = static_cast<std::uint32_t>(data.size());
      const auto bytes = std::as_bytes(std::span(&marker, 1)).first(vmdk::kGrainMarker);
      image.insert(image.end(), bytes.begin(), bytes.end());
    }
    image.insert(image.end(), data.begin(), data.end());
    image.resize((image.size() + 511) / 512 * 512);
  }
  if (kind == VmdkKind::stream_at_end) {
    vmdk::Marker marker{};
    marker.type = vmdk::Marker::kFooter;
    put(image, image.size(), marker);
    image.resize((image.size() + 511) / 512 * 512);
    put(image, image.size(), header);
    image.resize(image.size() + 512);
    header.directory_offset = vmdk::SparseHeader::kDirectoryAtEnd;
  }
  put(image, 0, header);
  return image;
}

/// A COWD extent with grains of one sector; `own` says which sectors are its own.
template <class Own>
Bytes vmdk_cowd(const Bytes& disk, Own own) {
  vmdk::CowdHeader header{};
  header.magic = vmdk::CowdHeader::kMagic;
  header.version = 1;
  header.flags = 3;
  header.capacity = static_cast<std::uint32_t>(disk.size() / 512);
  header.grain_size = 1;
  header.directory_offset = 4;
  header.directory_entries = 1;
  Bytes image;
  put(image, 0, header);
  le32 sector;
  sector = 5;
  put(image, 4 * 512, sector);
  image.resize(5 * 512 + 4096 * 4);
  for (std::size_t i = 0; i < disk.size() / 512; ++i) {
    if (!own(i)) continue;
    sector = static_cast<std::uint32_t>(image.size() / 512);
    put(image, 5 * 512 + 4 * i, sector);
    image.insert(image.end(), disk.begin() + static_cast<std::ptrdiff_t>(i * 512),
                 disk.begin() + static_cast<std::ptrdiff_t>(i * 512 + 512));
  }
  return image;
}

/// An seSparse extent with one table: directory at sector 4, table at 8, grains from 80 on in
/// descending order. Grains of zeros are marked as such where their number is even, absent else.
inline Bytes vmdk_sesparse(const Bytes& disk) {
  const std::size_t grains = (disk.size() + kGrain - 1) / kGrain;
  vmdk::SeSparseHeader header{};
  header.magic = vmdk::SeSparseHeader::kMagic;
  header.version = vmdk::SeSparseHeader::kVersion;
  header.capacity = disk.size() / 512;
  header.grain_size = 8;
  header.table_size = 64;
  header.volatile_header_offset = 1;
  header.directory_offset = 4;
  header.directory_size = 1;
  header.tables_offset = 8;
  header.tables_size = 64;
  header.grains_offset = 80;
  vmdk::SeSparseVolatileHeader second{};
  second.magic = vmdk::SeSparseVolatileHeader::kMagic;
  Bytes image(80 * 512 + grains * kGrain);
  put(image, 0, header);
  put(image, 512, second);
  le64 entry;
  entry = 0x1000000000000000;
  put(image, 4 * 512, entry);
  for (std::size_t i = 0; i < grains; ++i) {
    Bytes data(kGrain);
    std::copy_n(disk.begin() + static_cast<std::ptrdiff_t>(i * kGrain),
                std::min(kGrain, disk.size() - i * kGrain), data.begin());
    const bool zeros = std::ranges::all_of(data, [](std::byte b) { return b == std::byte{}; });
    const std::uint64_t number = grains - 1 - i;
    entry = !zeros       ? 3ULL << 60 | (number & 0xfff) << 48 | number >> 12
            : i % 2 == 0 ? 2ULL << 60
                         : 0;
    put(image, 8 * 512 + 8 * i, entry);
    lay(image, 80 * 512 + number * kGrain, zeros ? Bytes(kGrain, std::byte{0xee}) : data);
  }
  return image;
}

}  // namespace imgfs::test
