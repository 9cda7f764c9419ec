#include "drivers/vhdx_header.h"

#include <optional>

#include "core/crc32c.h"
#include "core/text.h"

namespace imgfs::vhdx {
namespace {

/// The header at `offset` where its signature and checksum hold.
std::optional<Header> valid_header(const BlockDevice& file, std::uint64_t offset) {
  const auto header = read_struct<Header>(file, offset);
  if (!header) return std::nullopt;
  const Header& found = header.value();
  if (std::string_view(found.signature, sizeof found.signature) != Header::kSignature)
    return std::nullopt;
  const auto bytes = std::as_bytes(std::span(&found, 1));
  if (checksum(bytes, offsetof(Header, checksum)) != found.checksum.value()) return std::nullopt;
  return found;
}

Result<void> check_version(const Header& header) {
  if (header.version.value() != 1)
    return unsupported("VHDX version " + std::to_string(header.version.value()) + ", known is 1");
  if (header.log_version.value() != 0)
    return unsupported("VHDX log of version " + std::to_string(header.log_version.value()) +
                       ", known is 0");
  return success();
}

/// The region table at `offset`; empty where its signature or checksum does not hold.
std::vector<std::byte> valid_table(const BlockDevice& file, std::uint64_t offset) {
  std::vector<std::byte> table(kTableSize);
  if (!file.read(offset, table)) return {};
  const auto header = get<RegionTableHeader>(table);
  if (std::string_view(header->signature, sizeof header->signature) !=
          RegionTableHeader::kSignature ||
      checksum(table, offsetof(RegionTableHeader, checksum)) != header->checksum.value())
    return {};
  return table;
}

Result<Region> check_region(const RegionTableEntry& entry, const char* name) {
  const Region region{entry.file_offset.value(), entry.length.value()};
  if (region.offset < kMiB || region.offset % kMiB != 0 || region.length % kMiB != 0 ||
      region.length == 0 || region.offset > UINT64_MAX - region.length)
    return corrupt(std::string("VHDX ") + name + " region of " + std::to_string(region.length) +
                       " bytes, expected whole MiB behind the first",
                   region.offset);
  return region;
}

}  // namespace

std::uint32_t checksum(std::span<const std::byte> bytes, std::size_t field) {
  std::uint32_t crc = crc32c(~0U, bytes.first(field));
  crc = crc32c_zeros(crc, sizeof(le32));
  return ~crc32c(crc, bytes.subspan(field + sizeof(le32)));
}

Result<Header> choose_header(const BlockDevice& file, std::vector<Remark>& remarks) {
  const auto first = valid_header(file, kHeaderOffsets[0]);
  const auto second = valid_header(file, kHeaderOffsets[1]);
  if (!first && !second)
    return corrupt("neither VHDX header holds: signature or checksum wrong in both",
                   kHeaderOffsets[0]);
  const Header* chosen = first ? &*first : &*second;
  if (first && second) {
    const std::uint64_t a = first->sequence_number.value();
    const std::uint64_t b = second->sequence_number.value();
    if (a == b && as_chars(std::as_bytes(std::span(&*first, 1))) !=
                      as_chars(std::as_bytes(std::span(&*second, 1))))
      return corrupt("both VHDX headers have the sequence number " + std::to_string(a) +
                         " but differ: none counts",
                     kHeaderOffsets[0]);
    if (b > a) chosen = &*second;
  } else {
    remarks.push_back({Remark::Kind::damaged, std::string("VHDX header ") + (first ? "2" : "1") +
                                                  " is damaged: the other one is used"});
  }
  TRY(check_version(*chosen));
  return *chosen;
}

Result<Regions> read_regions(const BlockDevice& file, std::vector<Remark>& remarks) {
  std::vector<std::byte> table = valid_table(file, kRegionTableOffsets[0]);
  if (table.empty()) {
    table = valid_table(file, kRegionTableOffsets[1]);
    if (table.empty())
      return corrupt("neither VHDX region table holds: signature or checksum wrong in both",
                     kRegionTableOffsets[0]);
    remarks.push_back(
        {Remark::Kind::damaged, "the first VHDX region table is damaged: its copy is used"});
  }
  const std::uint32_t count = get<RegionTableHeader>(table)->entry_count.value();
  if (count > RegionTableHeader::kMaxEntries)
    return corrupt("VHDX region table of " + std::to_string(count) + " entries, at most are 2047");
  std::optional<Region> bat;
  std::optional<Region> metadata;
  for (std::size_t i = 0; i < count; ++i) {
    const auto entry =
        *get<RegionTableEntry>(table, sizeof(RegionTableHeader) + i * sizeof(RegionTableEntry));
    const bool is_bat = entry.id == RegionTableEntry::kBat;
    if (!is_bat && entry.id != RegionTableEntry::kMetadata) {
      if ((entry.required.value() & 1) != 0)
        return unsupported("VHDX region " + guid_text(entry.id) + " that a reader must know");
      continue;
    }
    auto& region = is_bat ? bat : metadata;
    if (region) return corrupt("VHDX region table names a region twice");
    region = TRY(check_region(entry, is_bat ? "block table" : "metadata"));
  }
  if (!bat || !metadata)
    return corrupt(std::string("VHDX without a ") + (bat ? "metadata" : "block table") + " region");
  return Regions{*bat, *metadata};
}

}  // namespace imgfs::vhdx
