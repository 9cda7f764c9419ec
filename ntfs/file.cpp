#include "ntfs/file.h"

#include <algorithm>
#include <string>

namespace imgfs::ntfs {
namespace {

/// Windows allows an attribute list no more.
constexpr std::uint64_t kMaximumList = 256U << 10;

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::ranges::equal(a, b);
}

}  // namespace

Result<File> File::open(const Volume& volume, std::uint64_t number) {
  File file(volume);
  file.records_.push_back(TRY(volume.mft.record(number)));
  const Record& base = file.base();
  if (!base.is_in_use())
    return Error{Errc::not_found, "MFT record " + std::to_string(number) + " is free", {}};
  if (base.base().number != 0)
    return corrupt("MFT record " + std::to_string(number) + " is an extension of record " +
                   std::to_string(base.base().number));
  for (const Attribute& attribute : base.attributes())
    if (attribute.type == AttributeType::attribute_list) {
      auto done = file.read_list(attribute);
      if (!done)
        return in_context(std::move(done.error()),
                          "MFT record " + std::to_string(number) + ": attribute list");
      break;
    }
  return file;
}

Result<void> File::read_list(const Attribute& list) {
  const Attribute* const pieces[] = {&list};
  const Stream stream = TRY(Stream::open(volume_.geometry, pieces));
  list_ = TRY(stream.read_all(volume_, kMaximumList));
  has_list_ = true;
  return parse_list();
}

Result<void> File::parse_list() {
  const std::span<const std::byte> bytes(list_);
  for (std::size_t at = 0; at < bytes.size();) {
    const auto entry = get<AttributeListEntry>(bytes, at);
    const std::size_t length = entry ? entry->length.value() : 0;
    if (!entry || length < sizeof(AttributeListEntry) || length > bytes.size() - at ||
        entry->name_offset + std::size_t{entry->name_length} * 2 > length)
      return corrupt("entry of " + std::to_string(length) + " bytes in a list of " +
                         std::to_string(bytes.size()),
                     at);
    listed_.push_back({static_cast<AttributeType>(entry->type.value()), entry->instance.value(),
                       entry->lowest_vcn.value(), file_reference(entry->mft_reference.value()),
                       entry->name_length == 0 ? at : at + entry->name_offset,
                       std::size_t{entry->name_length} * 2});
    at += length;
  }
  return success();
}

Result<const Record*> File::extension(FileReference reference) {
  for (const Record& record : records_)
    if (record.number() == reference.number) return &record;
  Record record = TRY(volume_.mft.record(reference));
  if (record.base().number != number() ||
      (record.base().sequence != 0 && record.base().sequence != base().sequence()))
    return corrupt("MFT record " + std::to_string(reference.number) +
                   " is not an extension of record " + std::to_string(number()) + " but of " +
                   std::to_string(record.base().number));
  records_.push_back(std::move(record));
  return &records_.back();
}

Result<const Attribute*> File::resolve(const Listed& listed) {
  const Record* const record = TRY(extension(listed.record));
  for (const Attribute& attribute : record->attributes())
    if (attribute.type == listed.type && attribute.instance == listed.instance &&
        attribute.lowest_vcn == listed.lowest_vcn && same_bytes(attribute.name, name_of(listed)))
      return &attribute;
  return corrupt("MFT record " + std::to_string(number()) +
                 ": its attribute list names an attribute that record " +
                 std::to_string(listed.record.number) + " does not have");
}

Result<const Attribute*> File::find(AttributeType type, std::string_view name) {
  bool goes_on =
      false;  // a later piece is there: without the first, the attribute is damaged, not absent
  if (!has_list_) {
    for (const Attribute& attribute : base().attributes()) {
      if (attribute.type != type || !name_is(attribute.name, name)) continue;
      if (attribute.lowest_vcn == 0) return &attribute;
      goes_on = true;
    }
  }
  for (const Listed& listed : listed_) {
    if (listed.type != type || !name_is(name_of(listed), name)) continue;
    if (listed.lowest_vcn == 0) return resolve(listed);
    goes_on = true;
  }
  if (goes_on)
    return corrupt("MFT record " + std::to_string(number()) +
                   ": the first piece of an attribute is missing");
  return nullptr;
}

Result<std::vector<const Attribute*>> File::all(AttributeType type) {
  std::vector<const Attribute*> out;
  if (!has_list_) {
    for (const Attribute& attribute : base().attributes())
      if (attribute.type == type && attribute.lowest_vcn == 0) out.push_back(&attribute);
    return out;
  }
  for (const Listed& listed : listed_)
    if (listed.type == type && listed.lowest_vcn == 0) out.push_back(TRY(resolve(listed)));
  return out;
}

Result<Stream> File::stream(const Attribute& first) {
  std::vector<const Attribute*> pieces{&first};
  if (has_list_ && first.non_resident) {
    for (const Listed& listed : listed_)
      if (listed.type == first.type && listed.lowest_vcn != 0 &&
          same_bytes(name_of(listed), first.name))
        pieces.push_back(TRY(resolve(listed)));
    std::ranges::sort(pieces, {}, &Attribute::lowest_vcn);
  }
  auto opened = Stream::open(volume_.geometry, pieces);
  if (!opened)
    return in_context(std::move(opened.error()), "MFT record " + std::to_string(number()));
  return opened;
}

Result<std::optional<Stream>> File::stream(AttributeType type, std::string_view name) {
  const Attribute* const first = TRY(find(type, name));
  if (first == nullptr) return std::optional<Stream>{};
  return std::optional<Stream>(TRY(stream(*first)));
}

Result<std::optional<std::vector<std::byte>>> File::value(AttributeType type, std::string_view name,
                                                          std::uint64_t limit) {
  using Value = std::optional<std::vector<std::byte>>;
  const Attribute* const first = TRY(find(type, name));
  if (first == nullptr) return Value{};
  if (first->non_resident) {
    const Stream opened = TRY(stream(*first));
    return Value(TRY(opened.read_all(volume_, limit)));
  }
  if (first->value.size() > limit)
    return Error{
        Errc::too_large,
        std::to_string(first->value.size()) + " bytes (at most " + std::to_string(limit) + ")",
        {}};
  return Value(std::in_place, first->value.begin(), first->value.end());
}

Result<StandardInformation> File::standard_information() {
  const Attribute* const attribute = TRY(find(AttributeType::standard_information));
  const auto information =
      attribute == nullptr ? std::nullopt : get<StandardInformation>(attribute->value);
  if (!information)
    return corrupt("MFT record " + std::to_string(number()) + " without $STANDARD_INFORMATION");
  return *information;
}

}  // namespace imgfs::ntfs
