#include "vfs/drive_letters.h"

#include <algorithm>
#include <map>

#include "core/bytes.h"
#include "core/log.h"
#include "core/text.h"
#include "registry/regf.h"

namespace imgfs {

namespace {

constexpr std::size_t kMostDrives = 32;
constexpr std::string_view kLetters = "\\DosDevices\\";
constexpr std::string_view kVolumes = "\\?" "?\\Volume{";

/// MountedDevices' value for a partition of an MBR disk. Source: the Windows registry itself; libguestfs
/// reads it alike.
struct MbrDevice {
  le32 signature;  ///< of the disk
  le64 offset;     ///< bytes from its start
};
static_assert(sizeof(MbrDevice) == 12);
constexpr std::string_view kGptDevice = "DMIO:ID:";  ///< then 16 bytes of the partition's GUID

std::optional<std::uint64_t> find_ignoring_case(const FileSystem& fs, std::string_view path) {
  std::uint64_t at = fs.root();
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) {
      const auto next = fs.lookup_ignoring_case(at, path.substr(0, end));
      if (!next) return std::nullopt;
      at = next.value();
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return at;
}

/// "D:" or "Volume{…}" as links name it from the root; empty for others. C: is what the file system
/// takes for its own (docs/decisions/ntfs-reparse-points.md).
std::string link_name(std::string_view value_name) {
  if (value_name.starts_with(kLetters)) {
    const std::string_view letter = value_name.substr(kLetters.size());
    const bool right = letter.size() == 2 && letter[1] == ':' && letter[0] >= 'A' && letter[0] <= 'Z';
    return right && letter[0] != 'C' ? std::string(letter) : std::string();
  }
  return value_name.starts_with(kVolumes) ? std::string(value_name.substr(4)) : std::string();
}

}  // namespace

std::optional<std::size_t> volume_of_device(std::string_view value, const VolumeTable& table,
                                            const std::vector<TreeVolume>& volumes) {
  const auto where = [&](FunctionRef<bool(const Volume&)> is) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < volumes.size(); ++i)
      if (is(volumes[i].volume)) return i;
    return std::nullopt;
  };
  if (value.size() == sizeof(MbrDevice)) {
    const MbrDevice device = *get<MbrDevice>(as_bytes(value));
    char signature[16];
    std::snprintf(signature, sizeof signature, "%08x", unsigned{device.signature.value()});
    if (table.disk_uuid != signature) return std::nullopt;
    return where([&](const Volume& volume) { return volume.offset == device.offset.value(); });
  }
  if (value.starts_with(kGptDevice) && value.size() == kGptDevice.size() + 16) {
    const std::string guid = guid_text(as_bytes(value.substr(kGptDevice.size())).first<16>());
    return where([&](const Volume& volume) { return volume.partition_uuid == guid; });
  }
  return std::nullopt;
}

void lay_drives(TreeParts& parts, InstalledGuest& guest, std::uint8_t slot) {
  if (guest.evidence.empty()) return;
  const FileSystem& fs = *parts.volumes[guest.volume].file_system;
  const auto hive = find_ignoring_case(fs, guest.evidence.front());  // …/config/SYSTEM
  if (!hive) return;
  const auto values = registry::key_values(
      [&](std::uint64_t offset, std::span<std::byte> out) { return fs.read(*hive, offset, out); }, "MountedDevices");
  if (!values) {
    if (values.error().code != Errc::not_found)
      log(LogLevel::warning, "drive letters: " + describe(values.error()));
    return;
  }
  std::map<std::size_t, std::uint8_t> slots;  // of the volumes that are there already
  std::size_t drives = 0;
  for (const registry::Value& value : values.value()) {
    const std::string name = link_name(value.name);
    if (name.empty()) continue;
    const auto volume = volume_of_device(value.bytes, parts.table, parts.volumes);
    if (!volume || parts.volumes[*volume].file_system == nullptr) continue;
    if (++drives > kMostDrives) return;
    auto known = slots.find(*volume);
    if (known == slots.end()) {
      const FileSystemPtr& there = parts.volumes[*volume].file_system;
      View view{there, *volume, there->root(), View::Case::ignored, 0, {}};
      const auto added = parts.views.add_drive(slot, std::move(view));
      if (!added) return log(LogLevel::warning, "drive letters: " + describe(added.error()));
      known = slots.emplace(*volume, added.value()).first;
    }
    parts.views.name_drive(slot, name, known->second);
    if (name.size() == 2) guest.mounts.push_back({"/" + name, *volume, printable(value.name)});
  }
}

}  // namespace imgfs
