#include "drivers/vmdk_descriptor.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"

namespace imgfs::vmdk {
namespace {

constexpr std::uint64_t kMaxSectors = std::uint64_t{1} << 54;  // 2^63 bytes

std::string cased(std::string_view text, char first, char last, int shift) {
  std::string out(text);
  for (char& c : out)
    if (c >= first && c <= last) c = static_cast<char>(c + shift);
  return out;
}
std::string lower(std::string_view text) { return cased(text, 'A', 'Z', 'a' - 'A'); }
std::string upper(std::string_view text) { return cased(text, 'a', 'z', 'A' - 'a'); }

std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The next line, without its end; `text` becomes the rest.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = trimmed(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// The next word; `text` becomes the rest, without spaces in front.
std::string_view next_word(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  const std::string_view word = text.substr(0, end);
  text = trimmed(text.substr(end));
  return word;
}

Error bad_extent(std::string_view line) {
  return corrupt("VMDK extent line \"" + printable(line.substr(0, 200)) +
                 "\", expected ACCESS SECTORS TYPE \"FILE\" OFFSET");
}

Result<ExtentLine> parse_extent(std::string_view line) {
  std::string_view rest = line;
  ExtentLine extent;
  extent.access = upper(next_word(rest));
  const auto sectors = number(next_word(rest), 10);
  extent.type = upper(next_word(rest));
  if (!sectors || *sectors == 0 || *sectors > kMaxSectors || extent.type.empty())
    return bad_extent(line);
  extent.sectors = *sectors;
  if (extent.type == "ZERO") return extent;
  const std::size_t close = rest.starts_with('"') ? rest.find('"', 1) : std::string_view::npos;
  if (close == std::string_view::npos || close == 1) return bad_extent(line);
  extent.file = rest.substr(1, close - 1);
  rest = trimmed(rest.substr(close + 1));
  if (!rest.empty()) {
    const auto offset = number(next_word(rest), 10);
    if (!offset || *offset > kMaxSectors) return bad_extent(line);
    extent.offset = *offset;
  }
  return extent;
}

std::string unquoted(std::string_view value) {
  if (value.starts_with('"')) {
    value.remove_prefix(1);
    value = value.substr(0, value.find('"'));
  }
  return std::string(value);
}

/// One "key = value"; the first of a name counts.
Result<void> parse_value(std::string_view key, std::string_view text, Descriptor& out,
                         bool& has_parent) {
  const std::string name = lower(key);
  const std::string value = unquoted(text);
  const bool is_cid = name == "cid";
  if (is_cid || name == "parentcid") {
    const auto id = number(value, 16);
    if (!id || *id > UINT32_MAX)
      return corrupt("VMDK descriptor: " + printable(key) + " is \"" +
                     printable(value.substr(0, 40)) + "\", expected up to 8 hexadecimal digits");
    if (is_cid && !out.cid) out.cid = static_cast<std::uint32_t>(*id);
    if (!is_cid && !has_parent) out.parent_cid = static_cast<std::uint32_t>(*id);
    has_parent = has_parent || !is_cid;
  } else if (name == "createtype" && out.create_type.empty()) {
    out.create_type = value;
  } else if (name == "parentfilenamehint" && out.parent_file.empty()) {
    out.parent_file = value;
  } else if (name.starts_with("encryption.")) {
    out.encrypted = true;
  }
  return success();
}

}  // namespace

Result<Descriptor> parse_descriptor(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  Descriptor out;
  bool has_parent = false;
  std::uint64_t total = 0;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.empty() || line.front() == '#') continue;
    const std::string access = upper(line.substr(0, line.find_first_of(" \t")));
    if (access == "RW" || access == "RDONLY" || access == "NOACCESS") {
      if (out.extents.size() == kMaxExtents)
        return Error{Errc::too_large, "VMDK of more than 4096 extents", {}};
      out.extents.push_back(TRY(parse_extent(line)));
      total += out.extents.back().sectors;
      if (total > kMaxSectors) return corrupt("VMDK extents larger than 2^63 bytes together");
    } else if (const std::size_t equals = line.find('='); equals != std::string_view::npos) {
      TRY(parse_value(trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)), out,
                      has_parent));
    }
  }
  return out;
}

bool is_descriptor(std::string_view head) {
  if (head.starts_with("\xef\xbb\xbf")) head.remove_prefix(3);
  if (lower(head.substr(0, 21)) == "# disk descriptorfile") return true;
  while (!head.empty()) {
    const std::string_view line = next_line(head);
    if (line.empty() || line.front() == '#') continue;
    const std::string start = lower(line.substr(0, 9));
    return start == "version=1" || start == "version=2" || start == "version=3";
  }
  return false;
}

}  // namespace imgfs::vmdk
