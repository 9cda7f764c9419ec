#pragma once

#include <set>

#include "drivers/vhdx_header.h"
#include "tests/drivers/vhd_support.h"

namespace imgfs::test {

constexpr std::size_t kVhdxMiB = std::size_t{1} << 20;
constexpr std::size_t kVhdxLog = 1 * kVhdxMiB;
constexpr std::size_t kVhdxMetadata = 2 * kVhdxMiB;
constexpr std::size_t kVhdxTable = 3 * kVhdxMiB;  ///< blocks follow from 4 MiB on
constexpr vhdx::Guid kVhdxLogId = {std::byte{7}};

template <class T>
void put_signed(T& structure, std::string_view signature) {
  std::memcpy(structure.signature, signature.data(), signature.size());
}

/// Puts the right checksums into headers, region tables and the entries at the start of the log.
inline void fix_vhdx(Bytes& image) {
  const auto fix = [&](std::size_t at, std::size_t size) {
    if (at > image.size() || image.size() - at < size) return;
    le32 sum;
    sum = vhdx::checksum(std::span(image).subspan(at, size), 4);
    put(image, at + 4, sum);
  };
  for (const std::size_t at : vhdx::kHeaderOffsets) fix(at, 4096);
  for (const std::size_t at : vhdx::kRegionTableOffsets) fix(at, vhdx::kTableSize);
  for (std::size_t at = kVhdxLog; at + 4096 <= std::min(image.size(), kVhdxLog + 65536);) {
    const auto entry = get<vhdx::LogEntryHeader>(image, at);
    const std::size_t length = entry->entry_length.value();
    if (std::string_view(entry->signature, 4) != "loge" || length == 0 || length > 65536) break;
    fix(at, length);
    at += length;
  }
}

struct VhdxOptions {
  std::uint32_t sector = 512;
  const std::set<std::size_t>* own = nullptr;  ///< sectors of a differencing disk
  std::uint8_t id = 1;
  std::uint8_t parent = 0;
};

inline void put_utf16(Bytes& image, std::size_t at, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    le16 unit;
    unit = static_cast<std::uint16_t>(static_cast<unsigned char>(text[i]));
    put(image, at + 2 * i, unit);
  }
}

inline void put_metadata(Bytes& image, std::size_t size, const VhdxOptions& options) {
  vhdx::MetadataTableHeader header{};
  put_signed(header, vhdx::MetadataTableHeader::kSignature);
  header.entry_count = options.own == nullptr ? 3 : 4;
  put(image, kVhdxMetadata, header);
  std::size_t index = 0;
  const auto item = [&](const vhdx::Guid& id, std::uint32_t offset, std::uint32_t length) {
    vhdx::MetadataTableEntry entry{};
    entry.id = id;
    entry.offset = offset;
    entry.length = length;
    entry.flags = vhdx::MetadataTableEntry::kIsRequired;
    put(image, kVhdxMetadata + 32 * ++index, entry);
    return kVhdxMetadata + offset;
  };
  vhdx::FileParameters parameters{};
  parameters.block_size = kVhdxMiB;
  parameters.flags = options.own == nullptr ? 0 : vhdx::FileParameters::kHasParent;
  put(image, item(vhdx::MetadataTableEntry::kFileParameters, 65536, 8), parameters);
  le64 bytes;
  bytes = size;
  put(image, item(vhdx::MetadataTableEntry::kDiskSize, 65552, 8), bytes);
  le32 sector;
  sector = options.sector;
  put(image, item(vhdx::MetadataTableEntry::kLogicalSector, 65568, 4), sector);
  if (options.own == nullptr) return;
  const std::string linkage = "{000000" + std::string(1, "0123456789"[options.parent / 10]) +
                              std::string(1, "0123456789"[options.parent % 10]) +
                              "-0000-0000-0000-000000000000}";
  const std::size_t at = item(vhdx::MetadataTableEntry::kParentLocator, 65600, 400);
  vhdx::ParentLocatorHeader locator{};
  locator.locator_type = vhdx::ParentLocatorHeader::kVhdx;
  locator.key_value_count = 2;
  put(image, at, locator);
  std::size_t text = 44;
  const std::pair<std::string, std::string> pairs[] = {{"parent_linkage", linkage},
                                                       {"relative_path", ".\\parent.vhdx"}};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& [key, value] = pairs[i];
    vhdx::ParentLocatorEntry entry{};
    entry.key_offset = static_cast<std::uint32_t>(text);
    entry.value_offset = static_cast<std::uint32_t>(text + 2 * key.size());
    entry.key_length = static_cast<std::uint16_t>(2 * key.size());
    entry.value_length = static_cast<std::uint16_t>(2 * value.size());
    put(image, at + 20 + 12 * i, entry);
    put_utf16(image, at + text, key + value);
    text += 2 * (key.size() + value.size());
  }
}

inline void put_areas(Bytes& image, const VhdxOptions& options) {
  put(image, 0, vhdx::kFileSignature);
  for (std::size_t i = 0; i < 2; ++i) {
    vhdx::Header header{};
    put_signed(header, vhdx::Header::kSignature);
    header.sequence_number = 5 + i;
    header.data_write_guid[0] = static_cast<std::byte>(options.id / 10 * 16 + options.id % 10);
    header.version = 1;
    header.log_length = kVhdxMiB;
    header.log_offset = kVhdxLog;
    put(image, vhdx::kHeaderOffsets[i], header);
    vhdx::RegionTableHeader regions{};
    put_signed(regions, vhdx::RegionTableHeader::kSignature);
    regions.entry_count = 2;
    put(image, vhdx::kRegionTableOffsets[i], regions);
    vhdx::RegionTableEntry entry{};
    entry.id = vhdx::RegionTableEntry::kBat;
    entry.file_offset = kVhdxTable;
    entry.length = kVhdxMiB;
    entry.required = 1;
    put(image, vhdx::kRegionTableOffsets[i] + 16, entry);
    entry.id = vhdx::RegionTableEntry::kMetadata;
    entry.file_offset = kVhdxMetadata;
    put(image, vhdx::kRegionTableOffsets[i] + 48, entry);
  }
}

/// A VHDX with blocks of 1 MiB, of which those that are zeros are not there. The chunk of a small
/// disk is the first: block i is entry i, and its bitmap block the entry after the chunk.
inline Bytes vhdx_image(const Bytes& disk, const VhdxOptions& options = {}) {
  Bytes image(4 * kVhdxMiB);
  put_areas(image, options);
  put_metadata(image, disk.size(), options);
  const std::size_t chunk = (std::size_t{1} << 23) * options.sector / kVhdxMiB;
  const std::size_t per = kVhdxMiB / options.sector;
  Bytes bitmap(kVhdxMiB);
  le64 entry;
  for (std::size_t block = 0; block * kVhdxMiB < disk.size(); ++block) {
    Bytes data(kVhdxMiB);
    const std::size_t start = block * kVhdxMiB;
    std::copy_n(disk.begin() + static_cast<std::ptrdiff_t>(start),
                std::min(kVhdxMiB, disk.size() - start), data.begin());
    bool used = options.own == nullptr &&
                std::ranges::any_of(data, [](std::byte b) { return b != std::byte{}; });
    for (std::size_t i = 0; options.own != nullptr && i < per; ++i) {
      const std::size_t sector = block * per + i;
      if (options.own->contains(sector)) {
        bitmap[sector / 8] |= std::byte{1} << static_cast<int>(sector % 8);
        used = true;
      } else {
        std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(i * options.sector), options.sector,
                    std::byte{0xee});
      }
    }
    if (!used) continue;
    entry = image.size() | (options.own == nullptr ? 6U : 7U);
    put(image, kVhdxTable + 8 * block, entry);
    image.insert(image.end(), data.begin(), data.end());
  }
  if (options.own != nullptr) {
    entry = image.size() | 6U;
    put(image, kVhdxTable + 8 * chunk, entry);
    image.insert(image.end(), bitmap.begin(), bitmap.end());
  }
  fix_vhdx(image);
  return image;
}

/// Puts a log entry of 8 KiB with one write of a sector at `at` of the log, and its identity into
/// both headers.
inline void put_log_entry(Bytes& image, std::size_t at, std::uint64_t sequence, std::uint32_t tail,
                          std::uint64_t target, const Bytes& sector) {
  vhdx::LogEntryHeader header{};
  put_signed(header, vhdx::LogEntryHeader::kSignature);
  header.entry_length = 8192;
  header.tail = tail;
  header.sequence_number = sequence;
  header.descriptor_count = 1;
  header.log_guid = kVhdxLogId;
  header.flushed_file_offset = image.size();
  header.last_file_offset = image.size();
  put(image, kVhdxLog + at, header);
  vhdx::LogDescriptor descriptor{};
  put_signed(descriptor, vhdx::LogDescriptor::kData);
  std::memcpy(&descriptor.leading_bytes, sector.data(), 8);
  std::memcpy(&descriptor.trailing_bytes, sector.data() + 4092, 4);
  descriptor.file_offset = target;
  descriptor.sequence_number = sequence;
  put(image, kVhdxLog + at + sizeof header, descriptor);
  vhdx::LogDataSector data{};
  put_signed(data, vhdx::LogDataSector::kSignature);
  data.sequence_high = static_cast<std::uint32_t>(sequence >> 32);
  data.sequence_low = static_cast<std::uint32_t>(sequence);
  std::memcpy(data.data, sector.data() + 8, sizeof data.data);
  put(image, kVhdxLog + at + 4096, data);
  for (const std::size_t place : vhdx::kHeaderOffsets)
    put(image, place + offsetof(vhdx::Header, log_guid), kVhdxLogId);
}

}  // namespace imgfs::test
