#include "ntfs/xattrs.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/text.h"
#include "ntfs/directory.h"
#include "ntfs/views.h"

namespace imgfs::ntfs {
namespace {

constexpr std::uint64_t kMaximumValue = 65536;  ///< XATTR_SIZE_MAX of the kernel
constexpr std::string_view kUser = "user.";
constexpr std::string_view kSystemPrefix = "system.ntfs_";
constexpr std::string_view kWofStream = "WofCompressedData";

using Value = std::optional<std::string>;

std::string text_of(std::span<const std::byte> bytes) { return std::string(as_chars(bytes)); }

template <class T>
void put(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i) & 255U);
}

/// Each number of `width` bytes turned round: the forms for big-endian readers.
std::string swapped(std::string text, std::size_t width) {
  for (std::size_t at = 0; at + width <= text.size(); at += width)
    std::reverse(text.begin() + static_cast<std::ptrdiff_t>(at),
                 text.begin() + static_cast<std::ptrdiff_t>(at + width));
  return text;
}

std::string attribute_bits(const File& file, const Nature& nature) {
  std::uint32_t bits = nature.attributes & ~std::uint32_t{kDirectoryAttribute};
  if (file.base().is_directory()) bits |= kDirectoryAttribute;
  if (bits == 0) bits = kNormal;
  std::string out;
  put(out, bits);
  return out;
}

/// Creation, change of data, access, change of the record.
Result<std::string> times(File& file) {
  const StandardInformation information = TRY(file.standard_information());
  std::string out;
  put(out, information.creation_time.value());
  put(out, information.last_data_change_time.value());
  put(out, information.last_access_time.value());
  put(out, information.last_mft_change_time.value());
  return out;
}

Result<Value> whole(File& file, AttributeType type, std::string_view name = {}) {
  const auto bytes = TRY(file.value(type, name, kMaximumValue));
  return bytes ? Value(text_of(*bytes)) : Value{};
}

Result<Value> object_id(const Volume& volume, File& file) {
  const auto stored = TRY(file.value(AttributeType::object_id, {}, kMaximumValue));
  if (!stored || stored->size() < 16) return Value{};
  std::string out = text_of(*stored).substr(0, 64);
  if (out.size() < 64) {
    out.resize(16);
    const auto births = birth_identifiers(volume, out);
    if (births && births.value()) out += *births.value();
  }
  return Value(std::move(out));
}

Result<Value> dos_name(File& file) {
  const auto names = TRY(file.all(AttributeType::file_name));
  for (const Attribute* const attribute : names) {
    const Name name = TRY(parse_name(attribute->value));
    if (name.header.name_type == FileName::kDos || name.header.name_type == FileName::kWin32AndDos)
      return Value(utf16le_to_wtf8(name.units));
  }
  return Value{};
}

Result<Value> acl(const Volume& volume, File& file) {
  const Attribute* const information = TRY(file.find(AttributeType::standard_information));
  const auto id = information == nullptr
                      ? std::nullopt
                      : get<le32>(information->value, sizeof(StandardInformation) + 4);
  if (id && id->value() != 0) {
    auto shared = TRY(security_descriptor(volume, id->value()));
    if (shared) return shared;
  }
  return whole(file, AttributeType::security_descriptor);
}

Result<Value> system_value(const Volume& volume, File& file, const Nature& nature,
                           std::string_view name) {
  if (name == "attrib") return Value(attribute_bits(file, nature));
  if (name == "attrib_be") return Value(swapped(attribute_bits(file, nature), 4));
  if (name == "times") return Value(TRY(times(file)));
  if (name == "times_be") return Value(swapped(TRY(times(file)), 8));
  if (name == "crtime") return Value(TRY(times(file)).substr(0, 8));
  if (name == "crtime_be") return Value(swapped(TRY(times(file)).substr(0, 8), 8));
  if (name == "reparse_data") {
    if ((nature.attributes & kReparsePoint) == 0) return Value{};
    return whole(file, AttributeType::reparse_point);
  }
  if (name == "object_id") return object_id(volume, file);
  if (name == "dos_name") return dos_name(file);
  if (name == "acl") return acl(volume, file);
  if (name == "ea") return whole(file, AttributeType::ea);
  if (name == "efsinfo") return whole(file, AttributeType::logged_utility_stream, "$EFS");
  return Value{};
}

/// A stream with this name; the name is UTF-16, so it is not looked up by ASCII text.
Result<Value> stream_value(const Volume& volume, File& file, std::string_view name) {
  const auto all = TRY(file.all(AttributeType::data));
  for (const Attribute* const attribute : all) {
    if (attribute->name.empty() || utf16le_to_wtf8(attribute->name) != name) continue;
    const Stream stream = TRY(file.stream(*attribute));
    const auto bytes = TRY(stream.read_all(volume, kMaximumValue));
    return Value(text_of(bytes));
  }
  return Value{};
}

bool is_hidden(const Nature& nature, std::span<const std::byte> name) {
  return nature.wof && name_is(name, kWofStream);
}

}  // namespace

Result<std::vector<std::string>> list_streams(File& file, const Nature& nature) {
  std::vector<std::string> out;
  const auto all = TRY(file.all(AttributeType::data));
  for (const Attribute* const attribute : all)
    if (!attribute->name.empty() && !is_hidden(nature, attribute->name))
      out.push_back(std::string(kUser) + utf16le_to_wtf8(attribute->name));
  return out;
}

Result<std::string> extended_attribute(const Volume& volume, File& file, const Nature& nature,
                                       std::string_view name) {
  Value value;
  if (name.starts_with(kUser))
    value = TRY(stream_value(volume, file, name.substr(kUser.size())));
  else if (name.starts_with(kSystemPrefix))
    value = TRY(system_value(volume, file, nature, name.substr(kSystemPrefix.size())));
  if (!value) return Error{Errc::no_attribute, "no such attribute", {}};
  return *value;
}

}  // namespace imgfs::ntfs
