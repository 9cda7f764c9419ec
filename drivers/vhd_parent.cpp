#include "drivers/vhd_parent.h"

#include <algorithm>

#include "core/text.h"
#include "drivers/parent_disk.h"

namespace imgfs::vhd {
namespace {

constexpr std::size_t kMaxLocator = 4096;  ///< bytes; a Windows path has at most 260 characters

std::vector<std::byte> locator_bytes(const BlockDevice& file, const ParentLocator& locator) {
  std::vector<std::byte> bytes(
      std::min<std::size_t>(locator.platform_data_length.value(), kMaxLocator));
  if (!file.read(locator.platform_data_offset.value(), bytes)) bytes.clear();
  return bytes;
}

/// "file://localhost/Volumes/x/base%20disk.vhd" as a path.
std::string url_path(std::string_view url) {
  std::string path;
  if (url.starts_with("file://")) {
    url.remove_prefix(7);
    url.remove_prefix(std::min(url.find('/'), url.size()));
  }
  for (std::size_t i = 0; i < url.size(); ++i) {
    const auto byte =
        url[i] == '%' && url.size() - i > 2 ? from_hex(url.substr(i + 1, 2)) : std::nullopt;
    path += byte ? byte->front() : url[i];
    if (byte) i += 2;
  }
  return path;
}

std::string big_endian_name(std::span<const std::byte> utf16) {
  std::vector<std::byte> swapped(utf16.begin(), utf16.end());
  for (std::size_t i = 0; i + 1 < swapped.size(); i += 2) std::swap(swapped[i], swapped[i + 1]);
  return utf16le_to_wtf8(swapped);
}

}  // namespace

std::vector<std::string> parent_names(const BlockDevice& file, const DynamicHeader& header) {
  std::vector<std::string> names;
  for (const std::uint32_t wanted :
       {ParentLocator::kRelativeUnicode, ParentLocator::kMacUrl, ParentLocator::kAbsoluteUnicode}) {
    for (const ParentLocator& locator : header.parent_locators) {
      if (locator.platform_code.value() != wanted) continue;
      const auto bytes = locator_bytes(file, locator);
      add_path(names, wanted == ParentLocator::kMacUrl ? url_path(as_chars(bytes))
                                                       : utf16le_to_wtf8(bytes));
    }
  }
  add_path(names, big_endian_name(header.parent_unicode_name));
  return names;
}

}  // namespace imgfs::vhd
