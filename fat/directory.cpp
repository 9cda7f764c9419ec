#include "fat/directory.h"

#include <algorithm>
#include <cstring>

#include "core/text.h"
#include "fat/names.h"

namespace imgfs::fat {
namespace {

constexpr std::uint64_t kBuffer = 16U << 10;
constexpr unsigned kMaxPieces = 20;
constexpr std::size_t kUnits = 13;  ///< of UTF-16 in a piece

bool is_free(const ShortEntry& entry) { return entry.name[0] == 0 || entry.name[0] == kDeleted; }

LongEntry as_long(const ShortEntry& entry) {
  return *get<LongEntry>(std::as_bytes(std::span(&entry, 1)));
}

void put(std::u16string& name, std::size_t at, std::span<const std::byte> units) {
  for (std::size_t i = 0; i < units.size(); i += 2)
    name[at++] = static_cast<char16_t>(get<le16>(units, i)->value());
}

bool has_name(const ShortEntry& entry, std::string_view name) {
  return std::string_view(entry.name, sizeof entry.name) == name;
}

}  // namespace

bool is_dot(const ShortEntry& entry) { return has_name(entry, ".          "); }
bool is_dot_dot(const ShortEntry& entry) { return has_name(entry, "..         "); }

Result<void> DirectoryReader::fill() {
  const Extent extent = TRY(find_extent(map_, at_));
  const std::uint64_t skip = at_ - extent.logical;
  const std::uint64_t count = std::min({kBuffer, extent.length - skip, size_ - at_});
  buffer_.resize(static_cast<std::size_t>(count));
  TRY(device_.read(extent.physical + skip, buffer_));
  buffer_start_ = at_;
  buffer_position_ = extent.physical + skip;
  return success();
}

Result<std::optional<ShortEntry>> DirectoryReader::next_raw() {
  if (at_ >= size_ || size_ - at_ < kEntrySize) return std::optional<ShortEntry>();
  if (at_ < buffer_start_ || at_ - buffer_start_ >= buffer_.size()) TRY(fill());
  const std::uint64_t inside = at_ - buffer_start_;
  const auto entry = get<ShortEntry>(buffer_, static_cast<std::size_t>(inside));
  if (!entry) return corrupt("directory entry crosses a cluster's end", buffer_position_ + inside);
  position_ = buffer_position_ + inside;
  at_ += kEntrySize;
  return entry;
}

Result<DirectoryReader::Long> DirectoryReader::read_long(ShortEntry& entry, std::u16string& name) {
  LongEntry piece = as_long(entry);
  const unsigned pieces = piece.order & ~unsigned{kLastLongEntry};
  if ((piece.order & kLastLongEntry) == 0 || pieces == 0 || pieces > kMaxPieces) return Long::skip;
  const std::uint8_t checksum = piece.checksum;
  name.assign(pieces * kUnits, u'\0');
  for (unsigned left = pieces; left-- > 0;) {
    put(name, left * kUnits, piece.name1);
    put(name, left * kUnits + 5, piece.name2);
    put(name, left * kUnits + 11, piece.name3);
    const auto following = TRY(next_raw());
    if (!following) return Long::end;
    entry = *following;
    if (left == 0) break;
    if (entry.attributes != kLongName) return Long::retry;
    piece = as_long(entry);
    if ((piece.order & ~unsigned{kLastLongEntry}) != left || piece.checksum != checksum)
      return Long::retry;
  }
  if (entry.name[0] == kDeleted) return Long::skip;
  if (entry.attributes == kLongName) return Long::retry;
  if (is_free(entry) || (entry.attributes & kVolumeLabel) != 0) return Long::skip;
  name.resize(std::min(name.size(), name.find(u'\0')));
  return short_name_checksum(entry) == checksum && !name.empty() ? Long::good
                                                                 : Long::wrong_checksum;
}

Result<std::optional<DirectoryReader::Item>> DirectoryReader::next() {
  std::u16string long_name;
  auto raw = TRY(next_raw());
  while (raw) {
    ShortEntry entry = *raw;
    auto how = Long::wrong_checksum;
    if (entry.attributes == kLongName && entry.name[0] != kDeleted) {
      how = TRY(read_long(entry, long_name));
      if (how == Long::end) break;
      raw = entry;
      if (how == Long::retry) continue;
    }
    const bool skip = how == Long::skip || is_free(entry) ||
                      (entry.attributes & kVolumeLabel) != 0 || is_dot(entry) || is_dot_dot(entry);
    if (!skip) {
      Item item{entry, position_, at_, {}, short_name(entry)};
      item.name = how == Long::good ? utf16_to_wtf8(long_name) : item.short_name;
      return std::optional(std::move(item));
    }
    raw = TRY(next_raw());
  }
  return std::optional<Item>();
}

}  // namespace imgfs::fat
