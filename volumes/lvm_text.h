#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace imgfs::volumes {

/// A value of LVM2's text format: `key = 1`, `key = "text"`, `key = ["a", 1]` or `key { … }`.
struct LvmValue {
  enum class Kind { number, text, list, section };
  Kind kind = Kind::section;
  std::string key;   ///< empty for the items of a list
  std::string text;  ///< without quotes and escapes
  std::int64_t number = 0;
  std::vector<LvmValue> items;  ///< of a list or a section, in their order

  /// The item `name` of a section; null where there is none.
  const LvmValue* find(std::string_view name) const;
  const LvmValue* section(std::string_view name) const;
  /// A number from 0 to `limit`; nothing where it is absent, of another kind or out of range.
  std::optional<std::uint64_t> number_of(std::string_view name, std::uint64_t limit) const;
  /// Empty where it is absent or of another kind.
  std::string_view text_of(std::string_view name) const;
  /// Whether the list `name` has the text `item`.
  bool has_flag(std::string_view name, std::string_view item) const;
};

/// Parses a whole text into its top section. Bounded: depth 8, half a million values. The position
/// of an error counts from the text's start.
Result<LvmValue> parse_lvm_text(std::string_view text);

}  // namespace imgfs::volumes
