#include "checkers/fstab.h"

#include <algorithm>

#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxEntries = 1000;

std::string unescaped(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) && octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string without_quotes(std::string_view text) {
  std::string out(text);
  std::erase(out, '"');
  std::erase(out, '\'');
  return out;
}

bool ignoring_case(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  return std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
    return a == (b >= 'a' && b <= 'z' ? static_cast<char>(b - 'a' + 'A') : b);
  });
}

/// "VG-LV" as device-mapper spells it, of /dev/VG/LV.
std::string mapper_name(std::string_view group, std::string_view volume) {
  std::string out;
  for (const char c : group) out += c == '-' ? "--" : std::string(1, c);
  out += '-';
  for (const char c : volume) out += c == '-' ? "--" : std::string(1, c);
  return out;
}

}  // namespace

bool FstabEntry::has(std::string_view option) const {
  return std::ranges::find(options, option) != options.end();
}

std::vector<FstabEntry> parse_fstab(std::string_view text) {
  std::vector<FstabEntry> entries;
  for (int number = 1; !text.empty() && entries.size() < kMaxEntries; ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string_view> fields;
    while (!line.empty() && fields.size() < 6) {
      const std::size_t stop = std::min(line.find_first_of(" \t"), line.size());
      fields.push_back(line.substr(0, stop));
      line = trimmed(line.substr(stop));
    }
    if (fields.size() < 2) continue;
    FstabEntry entry;
    entry.line = number;
    entry.source = unescaped(fields[0]);
    entry.target = unescaped(fields[1]);
    if (fields.size() > 2) entry.type = std::string(fields[2]);
    std::string_view options = fields.size() > 3 ? fields[3] : std::string_view();
    while (!options.empty() && entry.options.size() < 64) {
      const std::size_t stop = std::min(options.find(','), options.size());
      entry.options.emplace_back(options.substr(0, stop));
      options.remove_prefix(std::min(stop + 1, options.size()));
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

DiskName disk_name(std::string_view source) {
  struct Tag {
    std::string_view prefix;
    const char* tag;
  };
  for (const auto& [prefix, tag] : {Tag{"PARTUUID=", "partuuid"}, Tag{"PARTLABEL=", "partlabel"},
                                    Tag{"UUID=", "uuid"}, Tag{"LABEL=", "label"}})
    if (ignoring_case(source, prefix))
      return {NameKind::by_content, tag, without_quotes(source.substr(prefix.size()))};
  for (const auto& [prefix, tag] :
       {Tag{"/dev/disk/by-uuid/", "uuid"}, Tag{"/dev/disk/by-label/", "label"},
        Tag{"/dev/disk/by-partuuid/", "partuuid"}, Tag{"/dev/disk/by-partlabel/", "partlabel"},
        Tag{"/dev/mapper/", "mapper"}})
    if (source.starts_with(prefix)) return {NameKind::by_content, tag, std::string(source.substr(prefix.size()))};
  if (source.starts_with("/dev/disk/by-id/") || source.starts_with("/dev/disk/by-path/"))
    return {NameKind::by_place, "by-id", std::string(source)};
  if (!source.starts_with("/dev/")) return {};
  const std::string_view name = source.substr(5);
  for (const std::string_view kind : {"xvd", "sd", "hd", "vd"})
    if (name.starts_with(kind) && name.size() > kind.size() && name[kind.size()] >= 'a' && name[kind.size()] <= 'z')
      return {NameKind::by_device, std::string(kind), std::string(source)};
  for (const std::string_view kind : {"nvme", "mmcblk", "cciss", "dasd"})
    if (name.starts_with(kind)) return {NameKind::by_device, std::string(kind), std::string(source)};
  for (const std::string_view kind : {"sr", "cdrom", "fd", "loop", "ram", "zram", "shm", "pts", "root"})
    if (name.starts_with(kind)) return {};
  const std::size_t slash = name.find('/');
  if (slash != std::string_view::npos && name.find('/', slash + 1) == std::string_view::npos)
    return {NameKind::by_content, "mapper", mapper_name(name.substr(0, slash), name.substr(slash + 1))};
  return {NameKind::by_device, std::string(name), std::string(source)};
}

}  // namespace imgfs::checkers
