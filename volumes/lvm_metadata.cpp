#include "volumes/lvm_metadata.h"

#include <algorithm>
#include <array>
#include <limits>

#include "volumes/crc32.h"
#include "volumes/lvm_format.h"

namespace imgfs::volumes {
namespace {

constexpr std::string_view kMagic = " LVM2 x[5A%r0N*>";
constexpr std::uint64_t kMaxText = 16U << 20;  ///< bytes; the usual area has 1 MiB

struct Place {
  std::uint64_t area_size;
  LvmRawLocation text;
};

/// The area's header; nothing where there is no text.
Result<std::optional<Place>> read_header(const BlockDevice& device, LvmArea area) {
  std::array<std::byte, kLvmSector> sector;
  TRY(device.read(area.offset, sector));
  const auto header = *get<LvmMetadataHeader>(sector);
  if (std::string_view(header.magic, sizeof header.magic) != kMagic)
    return corrupt("LVM metadata area without its magic", area.offset);
  if (crc32(kLvmCrcSeed, std::span(sector).subspan(4)) != header.checksum.value())
    return corrupt("checksum of the LVM metadata area's header is wrong", area.offset);
  if (header.version.value() != 1 || header.start.value() != area.offset)
    return corrupt("LVM metadata area of version " + std::to_string(header.version.value()) +
                       " for offset " + std::to_string(header.start.value()) +
                       " (version 1 expected)",
                   area.offset);
  const std::uint64_t size = header.size.value();
  if (size <= kLvmSector || size > device.size() - area.offset)
    return corrupt("LVM metadata area of " + std::to_string(size) + " bytes does not fit",
                   area.offset);
  const auto text = *get<LvmRawLocation>(sector, sizeof(LvmMetadataHeader));
  if (text.offset.value() == 0 || (text.flags.value() & kLvmLocationIgnored) != 0)
    return std::optional<Place>();
  return std::optional(Place{size, text});
}

/// The text lies in a ring behind the header's sector and may wrap around.
Result<std::string> read_text(const BlockDevice& device, LvmArea area, const Place& place) {
  const std::uint64_t offset = place.text.offset.value();
  const std::uint64_t size = place.text.size.value();
  if (offset < kLvmSector || offset >= place.area_size || size > place.area_size - kLvmSector ||
      size > kMaxText)
    return corrupt("LVM metadata text of " + std::to_string(size) + " bytes at " +
                       std::to_string(offset) + " does not fit into its area of " +
                       std::to_string(place.area_size),
                   area.offset);
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  const auto first = static_cast<std::size_t>(std::min(size, place.area_size - offset));
  TRY(device.read(area.offset + offset, std::span(bytes).first(first)));
  TRY(device.read(area.offset + kLvmSector, std::span(bytes).subspan(first)));
  if (crc32(kLvmCrcSeed, bytes) != place.text.checksum.value())
    return corrupt("checksum of the LVM metadata text is wrong", area.offset + offset);
  return std::string(as_chars(bytes));
}

}  // namespace

Result<std::optional<LvmMetadata>> read_lvm_area(const BlockDevice& device, LvmArea area) {
  const auto place = TRY(read_header(device, area));
  if (!place) return std::optional<LvmMetadata>();
  const std::string text = TRY(read_text(device, area, *place));
  auto parsed = parse_lvm_text(text);
  if (!parsed) return in_context(parsed.error(), "LVM metadata text");
  LvmValue top = std::move(parsed.value());
  const auto group = std::ranges::find(top.items, LvmValue::Kind::section, &LvmValue::kind);
  if (group == top.items.end()) return corrupt("LVM metadata without a volume group", area.offset);
  LvmMetadata out;
  out.group = group->key;
  out.volume_group = std::move(*group);
  const auto seqno = out.volume_group.number_of("seqno", std::numeric_limits<std::uint32_t>::max());
  if (!seqno) return corrupt("LVM metadata without a sequence number", area.offset);
  out.seqno = *seqno;
  return std::optional(std::move(out));
}

Result<LvmMetadata> read_lvm_metadata(const BlockDevice& device, const LvmLabel& label) {
  LvmMetadata newest;
  std::optional<Error> problem;
  for (const LvmArea& area : label.metadata) {
    auto metadata = read_lvm_area(device, area);
    if (!metadata)
      problem = metadata.error();
    else if (metadata.value() && (newest.group.empty() || metadata.value()->seqno > newest.seqno))
      newest = std::move(*metadata.value());
  }
  if (newest.group.empty() && problem) return *problem;
  return newest;
}

}  // namespace imgfs::volumes
