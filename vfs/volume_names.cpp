// The names by which an fstab or a boot loader knows a volume.
#include <algorithm>
#include <array>

#include "vfs/fstab.h"

namespace imgfs {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// "\x20" is a space in udev's names of links.
std::string without_udev_escapes(std::string_view text) {
  const auto hex = [](char c) {
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\\x") && i + 3 < text.size() && hex(text[i + 2]) >= 0 &&
        hex(text[i + 3]) >= 0) {
      plain += static_cast<char>(hex(text[i + 2]) * 16 + hex(text[i + 3]));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string_view without_quotes(std::string_view text) {
  for (const char quote : {'"', '\''})
    if (text.size() >= 2 && text.front() == quote && text.back() == quote)
      return text.substr(1, text.size() - 2);
  return text;
}

/// The parts of a partition's name below /dev: "sda" and "1".
struct PartitionName {
  std::string_view disk;
  std::string_view number;
};

PartitionName parse_partition(std::string_view device) {
  std::size_t digits = device.size();
  while (digits > 0 && is_digit(device[digits - 1])) --digits;
  const std::string_view number = device.substr(digits);
  std::string_view disk = device.substr(0, digits);
  for (const std::string_view kind : {"nvme", "mmcblk"}) {
    if (!device.starts_with(kind)) continue;
    // "nvme0n1" alone is the whole disk; its partitions have a 'p'.
    if (number.empty() || !disk.ends_with('p')) return {device, ""};
    return {disk.substr(0, disk.size() - 1), number};
  }
  for (const std::string_view kind : {"sd", "vd", "hd", "xvd"}) {
    if (!disk.starts_with(kind)) continue;
    const std::string_view letters = disk.substr(kind.size());
    const bool right = !letters.empty() && letters.size() <= 2 &&
                       std::ranges::all_of(letters, [](char c) { return c >= 'a' && c <= 'z'; });
    if (right) return {disk, number};
  }
  return {};
}

bool is_first_disk(std::string_view disk) {
  constexpr std::array<std::string_view, 6> kFirst{"sda", "vda", "hda", "xvda", "nvme0n1", "mmcblk0"};
  return std::ranges::find(kFirst, disk) != kFirst.end();
}

using Volumes = std::vector<TreeVolume>;

std::optional<std::size_t> first_where(const Volumes& volumes,
                                       FunctionRef<bool(const TreeVolume&)> matches) {
  for (std::size_t i = 0; i < volumes.size(); ++i)
    if (matches(volumes[i])) return i;
  return std::nullopt;
}

std::optional<std::size_t> by_name(const Volumes& volumes, std::string_view name) {
  return first_where(volumes, [&](const TreeVolume& v) { return v.volume.name == name; });
}

std::optional<std::size_t> by_tag(const Volumes& volumes, std::string_view tag,
                                  std::string_view value) {
  value = without_quotes(value);
  if (value.empty()) return std::nullopt;
  return first_where(volumes, [&](const TreeVolume& v) {
    if (tag == "UUID") return same_ignoring_case(v.uuid, value);
    if (tag == "LABEL") return v.label == value;
    if (tag == "PARTUUID") return same_ignoring_case(v.volume.partition_uuid, value);
    return tag == "PARTLABEL" && v.volume.partition_label == value;
  });
}

std::optional<std::size_t> by_link(const Volumes& volumes, std::string_view link) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTags{
      {{"by-uuid/", "UUID"},
       {"by-label/", "LABEL"},
       {"by-partuuid/", "PARTUUID"},
       {"by-partlabel/", "PARTLABEL"}}};
  for (const auto& [prefix, tag] : kTags)
    if (link.starts_with(prefix))
      return by_tag(volumes, tag, without_udev_escapes(link.substr(prefix.size())));
  if (link.starts_with("by-id/dm-name-"))
    return by_name(volumes, link.substr(std::string_view("by-id/dm-name-").size()));
  // by-id and by-path name a disk by its hardware, which an image does not tell; there is one disk.
  const auto part = link.rfind("-part");
  if (part == std::string_view::npos) return std::nullopt;
  return by_name(volumes, "p" + std::string(link.substr(part + 5)));
}

}  // namespace

std::string disk_of(std::string_view source) {
  if (!source.starts_with("/dev/")) return {};
  return std::string(parse_partition(source.substr(5)).disk);
}

std::optional<std::size_t> find_volume(std::string_view source, const Volumes& volumes,
                                       std::string_view disk) {
  if (!source.starts_with("/dev/")) {
    const auto equals = source.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    return by_tag(volumes, source.substr(0, equals), source.substr(equals + 1));
  }
  const std::string_view device = source.substr(5);
  if (device.starts_with("disk/")) return by_link(volumes, device.substr(5));
  if (device.starts_with("mapper/")) return by_name(volumes, device.substr(7));
  if (const auto slash = device.find('/'); slash != std::string_view::npos)
    return first_where(volumes, [&](const TreeVolume& v) {
      return v.volume.volume_group == device.substr(0, slash) &&
             v.volume.logical_volume == device.substr(slash + 1);
    });
  const PartitionName name = parse_partition(device);
  if (name.disk.empty()) return std::nullopt;
  if (disk.empty() ? !is_first_disk(name.disk) : name.disk != disk) return std::nullopt;
  return by_name(volumes, name.number.empty() ? "p0" : "p" + std::string(name.number));
}

}  // namespace imgfs
