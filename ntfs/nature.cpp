#include "ntfs/nature.h"

#include <algorithm>
#include <array>

#include "core/text.h"
#include "ntfs/ntfs_format.h"

namespace imgfs::ntfs {
namespace {

constexpr std::uint64_t kMaximumReparse = 16384 + sizeof(ReparseHeader);  ///< as Windows
constexpr std::uint64_t kMaximumEa = 65536;
constexpr std::uint64_t kMaximumInterix = 8 + 2 * 4096;

std::string hex(std::uint32_t value) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(value >> shift & 255U);
  return "0x" + to_hex(bytes);
}

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/// A target that Windows' object manager would resolve.
std::string absolute_target(std::string text) {
  std::ranges::replace(text, '\\', '/');
  for (const std::string_view prefix : {"/?"
                                        "?/",
                                        "//?/", "//./"})
    if (text.starts_with(prefix)) {
      text.erase(0, prefix.size());
      break;
    }
  if (text.size() >= 2 && is_letter(text[0]) && text[1] == ':') {
    if (text[0] == 'C' || text[0] == 'c') {
      text.erase(0, 2);
    } else {
      if (text[0] >= 'a') text[0] = static_cast<char>(text[0] - 'a' + 'A');
      text.insert(0, "/");
    }
  }
  return text.starts_with('/') ? text : "/" + text;
}

/// WSL keeps its links' targets in UTF-8 behind a version number.
Result<std::string> wsl_target(std::span<const std::byte> data) {
  const auto version = get<le32>(data);
  if (!version || version->value() != 2) return unsupported("WSL link of a version other than 2");
  return std::string(as_chars(data.subspan(sizeof(le32))));
}

void read_wof(std::span<const std::byte> data, Nature& out) {
  const auto wof = get<WofReparse>(data);
  if (!wof) {
    out.problem = corrupt("WOF reparse data of " + std::to_string(data.size()) + " bytes");
  } else if (wof->wof_provider.value() == WofReparse::kProviderWim) {
    out.problem = unsupported("content lies in a WIM file (WIMBoot)");
  } else if (wof->wof_version.value() != 1 ||
             wof->wof_provider.value() != WofReparse::kProviderFile ||
             wof->provider_version.value() != 1 || wof->compression_format.value() > 3) {
    out.problem = unsupported("WOF version " + std::to_string(wof->wof_version.value()) +
                              ", provider " + std::to_string(wof->wof_provider.value()) +
                              ", format " + std::to_string(wof->compression_format.value()));
  } else {
    out.wof = static_cast<WofFormat>(wof->compression_format.value());
  }
}

/// Reparse points of files that are no links: whether the file's own data are its content.
void read_file_tag(std::uint32_t tag, std::span<const std::byte> data, Nature& out) {
  if (tag == reparse_tag::kWof) return read_wof(data, out);
  if (tag == reparse_tag::kAppExecLink) return;  // an empty file
  if (tag == reparse_tag::kDedup) {
    out.problem = unsupported("deduplicated: content lies in the volume's chunk store");
  } else if (tag == reparse_tag::kSingleInstance) {
    out.problem = unsupported("single-instance storage: content lies in another file");
  } else if ((tag & reparse_tag::kCloudMask) == reparse_tag::kCloud) {
    out.problem = unsupported("cloud placeholder: content is not on this volume");
    out.problem_if_holes = (out.attributes & (kOffline | kRecallOnOpen | kRecallOnDataAccess)) == 0;
  } else {
    out.problem =
        unsupported("reparse point with tag " + hex(tag) + ": content belongs to a filter driver");
  }
}

Result<void> read_device_number(const Volume& volume, File& file, Nature& out) {
  static_cast<void>(volume);
  const auto all = TRY(file.value(AttributeType::ea, {}, kMaximumEa));
  const auto number = all ? ea_value(*all, "$LXDEV") : std::nullopt;
  const auto major = number ? get<le32>(as_bytes(*number), 0) : std::nullopt;
  const auto minor = number ? get<le32>(as_bytes(*number), 4) : std::nullopt;
  if (!major || !minor) return corrupt("WSL device without its number");
  out.device_major = major->value();
  out.device_minor = minor->value();
  return success();
}

Result<void> read_reparse(const Volume& volume, File& file, Nature& out) {
  const auto value = TRY(file.value(AttributeType::reparse_point, {}, kMaximumReparse));
  if (!value) return success();  // the flag alone means nothing
  const auto header = get<ReparseHeader>(*value);
  if (!header) return corrupt("reparse point of " + std::to_string(value->size()) + " bytes");
  const auto data = std::span<const std::byte>(*value).subspan(sizeof(ReparseHeader));
  const std::uint32_t tag = header->tag.value();
  switch (tag) {
    case reparse_tag::kSymlink:
    case reparse_tag::kMountPoint:
    case reparse_tag::kLxSymlink: {
      out.type = FileType::symlink;
      auto target = tag == reparse_tag::kLxSymlink ? wsl_target(data) : link_target(tag, data);
      if (target)
        out.target = std::move(target.value());
      else
        out.problem = std::move(target.error());
      return success();
    }
    case reparse_tag::kUnixSocket: out.type = FileType::socket; return success();
    case reparse_tag::kLxFifo: out.type = FileType::fifo; return success();
    case reparse_tag::kLxCharacter:
      out.type = FileType::character;
      return read_device_number(volume, file, out);
    case reparse_tag::kLxBlock:
      out.type = FileType::block;
      return read_device_number(volume, file, out);
    default: break;
  }
  if (out.type == FileType::regular) read_file_tag(tag, data, out);
  return success();
}

/// Files with the system attribute and little or no data: what Interix (and ntfs-3g) make of
/// special files.
Result<void> read_interix(const Volume& volume, File& file, Nature& out) {
  const Attribute* const data = TRY(file.find(AttributeType::data));
  if (data == nullptr) return success();
  const std::uint64_t size = data->size();
  if ((out.attributes & kHidden) == 0 && size <= 1) {
    out.type = size == 0 ? FileType::fifo : FileType::socket;
    return success();
  }
  if (size <= 8 || size > kMaximumInterix || data->is_encrypted()) return success();
  const Stream stream = TRY(file.stream(*data));
  const auto content = TRY(stream.read_all(volume, kMaximumInterix));
  const std::string_view magic = as_chars(content).substr(0, 8);
  const auto file_head = get<InterixFile>(content);
  const bool is_device = file_head && content.size() == sizeof(InterixFile);
  if (magic == std::string_view("IntxLNK\1", 8)) {
    out.type = FileType::symlink;
    out.target = utf16le_to_wtf8(std::span(content).subspan(8));
  } else if (is_device && magic == std::string_view("IntxCHR\0", 8)) {
    out.type = FileType::character;
  } else if (is_device && magic == std::string_view("IntxBLK\0", 8)) {
    out.type = FileType::block;
  }
  if (out.type == FileType::character || out.type == FileType::block) {
    out.device_major = static_cast<std::uint32_t>(file_head->major.value());
    out.device_minor = static_cast<std::uint32_t>(file_head->minor.value());
  }
  return success();
}

}  // namespace

Result<std::string> link_target(std::uint32_t tag, std::span<const std::byte> data) {
  const auto link = get<LinkReparse>(data);
  const bool is_symlink = tag == reparse_tag::kSymlink;
  const auto flags = get<le32>(data, sizeof(LinkReparse));
  if (!link || (is_symlink && !flags))
    return corrupt("link data of " + std::to_string(data.size()) + " bytes");
  const std::size_t buffer = sizeof(LinkReparse) + (is_symlink ? sizeof(le32) : 0);
  const auto units = part(data, buffer + link->substitute_name_offset.value(),
                          link->substitute_name_length.value());
  if (!units || units->size() < 2 || units->size() % 2 != 0)
    return corrupt("link target at " + std::to_string(link->substitute_name_offset.value()) +
                   " of " + std::to_string(link->substitute_name_length.value()) + " bytes in " +
                   std::to_string(data.size()));
  std::string text = utf16le_to_wtf8(*units);
  if (is_symlink && (flags->value() & LinkReparse::kRelative) != 0) {
    std::ranges::replace(text, '\\', '/');
    return text;
  }
  return absolute_target(std::move(text));
}

std::optional<std::string> ea_value(std::span<const std::byte> all, std::string_view name) {
  // Each: le32 offset of the next (0: none), u8 flags, u8 name length, le16 value length, name,
  // NUL, value.
  constexpr std::size_t kHead = 8;
  for (std::size_t at = 0;;) {
    const auto next = get<le32>(all, at);
    const auto name_length = get<std::array<std::uint8_t, 2>>(all, at + 4);
    const auto value_length = get<le16>(all, at + 6);
    if (!next || !name_length || !value_length) return std::nullopt;
    const auto found = part(all, at + kHead, (*name_length)[1]);
    const auto value = part(all, at + kHead + (*name_length)[1] + 1, value_length->value());
    if (!found || !value) return std::nullopt;
    if (as_chars(*found) == name) return std::string(as_chars(*value));
    if (next->value() < kHead || next->value() > all.size() - at) return std::nullopt;
    at += next->value();
  }
}

Result<Nature> nature_of(const Volume& volume, File& file, const StandardInformation& information) {
  Nature out;
  out.attributes = information.file_attributes.value();
  out.type = file.base().is_directory() ? FileType::directory : FileType::regular;
  if ((out.attributes & kReparsePoint) != 0)
    TRY(read_reparse(volume, file, out));
  else if ((out.attributes & kSystem) != 0 && out.type == FileType::regular &&
           file.number() >= kFirstUserFile)
    TRY(read_interix(volume, file, out));
  return out;
}

}  // namespace imgfs::ntfs
