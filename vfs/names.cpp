#include "vfs/names.h"

#include <array>
#include <charconv>
#include <cstring>

#include "core/text.h"

namespace imgfs {

namespace {

constexpr std::string_view kPrefix = ".bad-name.";
constexpr std::size_t kLongestCode = 255;

}  // namespace

bool is_name_code(std::string_view name) { return name.starts_with(kPrefix); }

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return false;
  if (std::memchr(name.data(), '/', name.size()) != nullptr ||
      std::memchr(name.data(), 0, name.size()) != nullptr)
    return false;
  return name[0] != '.' || (name != "." && name != ".." && !is_name_code(name));
}

std::string place_code(std::uint64_t cookie) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), cookie, 16).ptr;
  return std::string(kPrefix) + "@" + std::string(digits.data(), end);
}

std::string name_code(std::string_view name, std::uint64_t cookie) {
  if (kPrefix.size() + 2 * name.size() > kLongestCode) return place_code(cookie);
  return std::string(kPrefix) + to_hex(name);
}

std::optional<NameCode> parse_name_code(std::string_view name) {
  if (!is_name_code(name)) return std::nullopt;
  const std::string_view code = name.substr(kPrefix.size());
  if (code.starts_with("@")) {
    std::uint64_t cookie = 0;
    const auto [end, error] =
        std::from_chars(code.data() + 1, code.data() + code.size(), cookie, 16);
    if (error != std::errc() || end != code.data() + code.size() || place_code(cookie) != name)
      return std::nullopt;
    return NameCode{std::nullopt, cookie};
  }
  auto bytes = from_hex(code);
  if (!bytes || is_plain_name(*bytes) || name_code(*bytes, 0) != name) return std::nullopt;
  return NameCode{std::move(*bytes), 0};
}

}  // namespace imgfs
