#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace imgfs::ntfs {

/// $UpCase: how this volume turns each UTF-16 unit into upper case, and so how names are ordered.
class UpCase {
 public:
  /// Not known: only ASCII letters have a case, and no index can be trusted to be in this order.
  UpCase() = default;
  /// The volume's own table, UTF-16LE, at most 65536 units.
  static Result<UpCase> parse(std::span<const std::byte> table);

  bool is_known() const { return !table_.empty(); }
  char16_t operator()(char16_t unit) const {
    if (unit < table_.size()) return table_[unit];
    const bool is_small = !is_known() && unit >= u'a' && unit <= u'z';
    return is_small ? static_cast<char16_t>(unit - u'a' + u'A') : unit;
  }

  /// Orders `name` against a stored name (UTF-16LE), ignoring case, as an index of names is
  /// ordered.
  std::strong_ordering compare(std::u16string_view name, std::span<const std::byte> stored) const;

 private:
  std::vector<char16_t> table_;
};

}  // namespace imgfs::ntfs
