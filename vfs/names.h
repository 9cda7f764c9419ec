#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace imgfs {

/// Longest name in bytes that is shown as it is: what the kernel's FUSE takes.
constexpr std::size_t kLongestName = 1024;

/// Whether a path can hold `name`, and no code of ours could be meant by it.
bool is_plain_name(std::string_view name);

/// Whether `name` is spelt like a code: ".bad-name.…".
bool is_name_code(std::string_view name);

/// The code of an on-disk name that no path can hold: its bytes in hexadecimal, or where it lies if
/// that were too long. `cookie` is the entry's own place in its directory.
std::string name_code(std::string_view name, std::uint64_t cookie);
/// The code of an entry by its place alone: of a second one with the same name.
std::string place_code(std::uint64_t cookie);

/// What a code means: either an on-disk name or a place.
struct NameCode {
  std::optional<std::string> name;
  std::uint64_t cookie = 0;
};
/// Nothing where `name` is not a code exactly as the functions above spell it.
std::optional<NameCode> parse_name_code(std::string_view name);

}  // namespace imgfs
