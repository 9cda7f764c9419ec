#include "ntfs/upcase.h"

#include <algorithm>
#include <string>

namespace imgfs::ntfs {
namespace {

char16_t unit_at(std::span<const std::byte> bytes, std::size_t index) {
  return static_cast<char16_t>(std::to_integer<unsigned>(bytes[2 * index]) |
                               std::to_integer<unsigned>(bytes[2 * index + 1]) << 8);
}

}  // namespace

Result<UpCase> UpCase::parse(std::span<const std::byte> table) {
  if (table.empty() || table.size() % 2 != 0 || table.size() > 2 * 65536)
    return corrupt("$UpCase of " + std::to_string(table.size()) + " bytes (at most 131072)");
  UpCase upcase;
  upcase.table_.resize(table.size() / 2);
  for (std::size_t i = 0; i < upcase.table_.size(); ++i) upcase.table_[i] = unit_at(table, i);
  return upcase;
}

std::strong_ordering UpCase::compare(std::u16string_view name,
                                     std::span<const std::byte> stored) const {
  const std::size_t stored_units = stored.size() / 2;
  const std::size_t common = std::min(name.size(), stored_units);
  for (std::size_t i = 0; i < common; ++i) {
    const char16_t unit = unit_at(stored, i);
    if (name[i] == unit) continue;
    const auto order = (*this)(name[i]) <=> (*this)(unit);
    if (order != 0) return order;
  }
  return name.size() <=> stored_units;
}

}  // namespace imgfs::ntfs
