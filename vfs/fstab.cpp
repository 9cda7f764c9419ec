#include "vfs/fstab.h"

#include <algorithm>
#include <array>

namespace imgfs {

namespace {

constexpr std::string_view kBlank = " \t\r";
constexpr std::size_t kMostEntries = 1000;  // each is looked for, and said where it is not found

/// Octal escapes as getmntent undoes them: "\040" is a space.
std::string unescaped(std::string_view field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const auto digit = [&](std::size_t at, char most) {
      return at < field.size() && field[at] >= '0' && field[at] <= most;
    };
    if (field[i] != '\\' || !digit(i + 1, '3') || !digit(i + 2, '7') || !digit(i + 3, '7')) {
      text += field[i];
      continue;
    }
    const int value = (field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 + (field[i + 3] - '0');
    text += static_cast<char>(value);
    i += 3;
  }
  return text;
}

std::string_view next_field(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const auto field = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(field.size());
  return field;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

/// Types of file systems that lie on no disk, or on a medium that comes and goes.
constexpr std::array<std::string_view, 36> kNotOnDisk{
    "swap",    "none",     "ignore",  "proc",     "sysfs",      "tmpfs",    "ramfs",     "devpts",
    "devtmpfs", "nfs",     "nfs4",    "cifs",     "smbfs",      "smb3",     "ncpfs",     "afs",
    "ceph",    "glusterfs", "9p",     "virtiofs", "overlay",    "overlayfs", "aufs",     "securityfs",
    "debugfs", "tracefs",  "cgroup",  "cgroup2",  "hugetlbfs",  "mqueue",   "configfs",  "usbfs",
    "iso9660", "udf,iso9660", "udf",  "autofs"};

}  // namespace

bool FstabEntry::has(std::string_view option) const {
  return std::ranges::find(options, option) != options.end();
}

std::vector<FstabEntry> parse_fstab(std::string_view text) {
  std::vector<FstabEntry> entries;
  while (!text.empty() && entries.size() < kMostEntries) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view source = next_field(line);
    const std::string_view path = next_field(line);
    if (source.empty() || source.starts_with('#') || path.empty()) continue;
    FstabEntry entry{unescaped(source), unescaped(path), unescaped(next_field(line)), {}};
    entry.options = split(unescaped(next_field(line)), ',');
    entries.push_back(std::move(entry));
  }
  return entries;
}

bool mounts_a_disk(const FstabEntry& entry) {
  if (!entry.path.starts_with('/')) return false;
  if (std::ranges::find(kNotOnDisk, entry.type) != kNotOnDisk.end()) return false;
  if (entry.type.starts_with("fuse") || entry.has("bind") || entry.has("rbind")) return false;
  if (entry.has("noauto") && !entry.has("x-systemd.automount")) return false;
  if (entry.has("loop") || entry.has("_netdev")) return false;
  // Tags and devices; what is left are network shares, "tmpfs", paths of image files.
  return entry.source.starts_with("/dev/") ||
         (entry.source.find('=') != std::string::npos && !entry.source.starts_with('/'));
}

std::string normal_path(std::string_view path) {
  std::vector<std::string> kept;
  for (std::string& part : split(path, '/')) {
    if (part == ".") continue;
    if (part != "..") {
      kept.push_back(std::move(part));
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string normal;
  for (const std::string& part : kept) normal += "/" + part;
  return normal.empty() ? "/" : normal;
}

}  // namespace imgfs
