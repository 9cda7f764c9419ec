#include "ntfs/record.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/text.h"

namespace imgfs::ntfs {
namespace {

std::uint16_t unit_at(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) |
                                    std::to_integer<unsigned>(bytes[at + 1]) << 8);
}

Result<void> parse_resident(std::span<const std::byte> raw, Attribute& out) {
  const auto header = get<ResidentHeader>(raw);
  if (!header) return corrupt("resident attribute of " + std::to_string(raw.size()) + " bytes");
  const auto value = part(raw, header->value_offset.value(), header->value_length.value());
  if (!value)
    return corrupt("resident value at " + std::to_string(header->value_offset.value()) + " of " +
                   std::to_string(header->value_length.value()) + " bytes in an attribute of " +
                   std::to_string(raw.size()));
  out.value = *value;
  return success();
}

Result<void> parse_non_resident(std::span<const std::byte> raw, Attribute& out) {
  const auto header = get<NonResidentHeader>(raw);
  if (!header) return corrupt("non-resident attribute of " + std::to_string(raw.size()) + " bytes");
  out.lowest_vcn = header->lowest_vcn.value();
  out.highest_vcn = header->highest_vcn.value();
  out.compression_unit = header->compression_unit;
  const std::size_t pairs = header->mapping_pairs_offset.value();
  if (pairs < sizeof(NonResidentHeader) || pairs > raw.size())
    return corrupt("mapping pairs at " + std::to_string(pairs) + " in an attribute of " +
                   std::to_string(raw.size()) + " bytes");
  out.mapping_pairs = raw.subspan(pairs);
  if (out.lowest_vcn != 0) return success();
  out.allocated_size = header->allocated_size.value();
  out.data_size = header->data_size.value();
  out.initialized_size = header->initialized_size.value();
  out.reserved_size = out.allocated_size;
  if ((out.flags & (AttributeHeader::kSparse | AttributeHeader::kCompressed)) != 0) {
    const auto compressed_size = get<le64>(raw, sizeof(NonResidentHeader));
    if (!compressed_size) return corrupt("compressed attribute without its compressed size");
    out.allocated_size = compressed_size->value();
  }
  return success();
}

Result<Attribute> parse_attribute(const AttributeHeader& header, std::span<const std::byte> raw) {
  Attribute out{static_cast<AttributeType>(header.type.value()),
                {},
                header.flags.value(),
                header.instance.value(),
                header.non_resident != 0,
                {}};
  if (header.name_length != 0) {
    const auto name = part(raw, header.name_offset.value(), std::uint64_t{header.name_length} * 2);
    if (!name) return corrupt("attribute name outside of its attribute");
    out.name = *name;
  }
  if (out.non_resident)
    TRY(parse_non_resident(raw, out));
  else
    TRY(parse_resident(raw, out));
  return out;
}

}  // namespace

Result<void> apply_fixups(std::span<std::byte> record, std::string_view magic) {
  const auto header = get<MultiSectorHeader>(record);
  if (!header) return corrupt("record of " + std::to_string(record.size()) + " bytes");
  const std::string_view found(header->magic, sizeof header->magic);
  if (found != magic)
    return corrupt("record begins with \"" + printable(found) + "\" (expected \"" +
                   std::string(magic) + "\")");
  constexpr std::size_t kStride = MultiSectorHeader::kStride;
  const std::size_t offset = header->usa_offset.value();
  const std::size_t count = header->usa_count.value();
  if (record.size() % kStride != 0 || count != record.size() / kStride + 1 || offset % 2 != 0 ||
      offset < sizeof(MultiSectorHeader) || offset + 2 * count > record.size())
    return corrupt("update sequence of " + std::to_string(count) + " entries at " +
                   std::to_string(offset) + " in a record of " + std::to_string(record.size()) +
                   " bytes");
  const std::uint16_t expected = unit_at(record, offset);
  for (std::size_t i = 1; i < count; ++i) {
    std::byte* const place = record.data() + i * kStride - 2;
    if (unit_at(record, i * kStride - 2) != expected)
      return corrupt("update sequence number " + std::to_string(unit_at(record, i * kStride - 2)) +
                     " in sector " + std::to_string(i - 1) + " (expected " +
                     std::to_string(expected) + "): torn write");
    std::memcpy(place, record.data() + offset + 2 * i, 2);
  }
  return success();
}

bool name_is(std::span<const std::byte> utf16, std::string_view ascii) {
  if (utf16.size() != 2 * ascii.size()) return false;
  for (std::size_t i = 0; i < ascii.size(); ++i)
    if (unit_at(utf16, 2 * i) != static_cast<unsigned char>(ascii[i])) return false;
  return true;
}

Result<Record> Record::parse(std::vector<std::byte> bytes, std::uint64_t number) {
  Record record(std::move(bytes), number);
  const auto prepare = [&]() -> Result<void> {
    TRY(apply_fixups(record.bytes_, "FILE"));
    const auto header = get<RecordHeader>(record.bytes_);
    if (!header) return corrupt("record of " + std::to_string(record.bytes_.size()) + " bytes");
    record.header_ = *header;
    // What a free record holds is left over from its last file.
    return record.is_in_use() ? record.parse_attributes() : success();
  };
  if (auto done = prepare(); !done)
    return in_context(std::move(done.error()), "MFT record " + std::to_string(number));
  return record;
}

Result<void> Record::parse_attributes() {
  const std::size_t used = header_.bytes_in_use.value();
  std::size_t at = header_.attrs_offset.value();
  if (used > bytes_.size() || at < sizeof(RecordHeader) || at > used || at % 8 != 0)
    return corrupt("attributes from " + std::to_string(at) + " to " + std::to_string(used) +
                   " in a record of " + std::to_string(bytes_.size()) + " bytes");
  const auto in_use = std::span<const std::byte>(bytes_).first(used);
  attributes_.reserve(8);
  while (true) {
    const auto type = get<le32>(in_use, at);
    if (!type) return corrupt("attributes have no end", at);
    if (type->value() == static_cast<std::uint32_t>(AttributeType::end)) return success();
    const auto header = get<AttributeHeader>(in_use, at);
    if (!header) return corrupt("attribute header past the record's end", at);
    const std::size_t length = header->length.value();
    const auto raw = part(in_use, at, length);
    // The length counts at least the header, so that the loop makes progress.
    if (!raw || length < sizeof(ResidentHeader) || length % 8 != 0)
      return corrupt("attribute of " + std::to_string(length) + " bytes, type " +
                         std::to_string(type->value()),
                     at);
    auto attribute = parse_attribute(*header, *raw);
    if (!attribute)
      return in_context(
          std::move(attribute.error()), "attribute 0x" + [&] {
            const auto high = static_cast<char>(type->value() >> 8 & 255U);
            const auto low = static_cast<char>(type->value() & 255U);
            return to_hex(std::string{high, low});
          }());
    attributes_.push_back(attribute.value());
    at += length;
  }
}

}  // namespace imgfs::ntfs
