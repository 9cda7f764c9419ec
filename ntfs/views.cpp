#include "ntfs/views.h"

#include <array>

#include "ntfs/directory.h"
#include "ntfs/index.h"

namespace imgfs::ntfs {
namespace {

constexpr std::uint64_t kMaximumDescriptor = 256U << 10;  ///< as Windows

/// The data of a view's entry.
std::optional<std::span<const std::byte>> data_of(const IndexItem& item) {
  const auto offset = get<le16>(item.entry, 0);
  const auto length = get<le16>(item.entry, 2);
  if (!offset || !length) return std::nullopt;
  return part(item.entry, offset->value(), length->value());
}

}  // namespace

Result<std::optional<std::string>> security_descriptor(const Volume& volume, std::uint32_t id) {
  using Text = std::optional<std::string>;
  File secure = TRY(File::open(volume, kSecureFile));
  const auto index = TRY(Index::open(volume, secure, "$SII"));
  if (!index) return Text{};
  std::optional<SecurityDescriptorHeader> header;
  const auto order = [&](std::span<const std::byte> key) -> Result<std::strong_ordering> {
    const auto stored = get<le32>(key);
    if (!stored) return corrupt("$SII key of " + std::to_string(key.size()) + " bytes");
    return id <=> stored->value();
  };
  const auto found = [&](const IndexItem& item) -> Result<bool> {
    const auto data = data_of(item);
    if (data) header = get<SecurityDescriptorHeader>(*data);
    if (!header) return corrupt("$SII entry without its header");
    return false;
  };
  TRY(index->search(order, found));
  if (!header) return Text{};
  const std::uint64_t length = header->length.value();
  if (length < sizeof(SecurityDescriptorHeader) || length > kMaximumDescriptor)
    return corrupt("security descriptor of " + std::to_string(length) + " bytes");
  const auto stream = TRY(secure.stream(AttributeType::data, "$SDS"));
  if (!stream) return corrupt("$Secure without $SDS");
  std::vector<std::byte> bytes(static_cast<std::size_t>(length));
  const std::size_t count = TRY(stream->read(volume, header->offset.value(), bytes));
  const auto stored = get<SecurityDescriptorHeader>(bytes);
  if (count != bytes.size() || !stored || stored->security_id.value() != id ||
      stored->length.value() != header->length.value())
    return corrupt("$SDS does not hold security descriptor " + std::to_string(id),
                   header->offset.value());
  return Text(std::string(as_chars(bytes).substr(sizeof(SecurityDescriptorHeader))));
}

Result<std::optional<std::string>> birth_identifiers(const Volume& volume,
                                                     std::string_view object_id) {
  using Text = std::optional<std::string>;
  File extend = TRY(File::open(volume, kExtendFile));
  const auto reference = find_name(volume, extend, "$ObjId", Case::exact);
  if (!reference) return Text{};
  File file = TRY(File::open(volume, reference.value().number));
  const auto index = TRY(Index::open(volume, file, "$O"));
  if (!index) return Text{};
  std::array<std::uint32_t, 4> wanted{};
  const auto words = [](std::span<const std::byte> key) {
    std::array<std::uint32_t, 4> out{};
    for (std::size_t i = 0; i < out.size(); ++i)
      if (const auto word = get<le32>(key, 4 * i)) out[i] = word->value();
    return out;
  };
  wanted = words(as_bytes(object_id));
  Text out;
  // Identifiers are ordered by their four little-endian words.
  const auto order = [&](std::span<const std::byte> key) -> Result<std::strong_ordering> {
    return wanted <=> words(key);
  };
  const auto found = [&](const IndexItem& item) -> Result<bool> {
    const auto data = data_of(item);
    const auto births = data ? part(*data, 8, 48) : std::nullopt;
    if (!births) return corrupt("$ObjId entry is too short");
    out = std::string(as_chars(*births));
    return false;
  };
  TRY(index->search(order, found));
  return out;
}

}  // namespace imgfs::ntfs
