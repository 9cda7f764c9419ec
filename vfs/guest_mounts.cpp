#include "vfs/guest_mounts.h"

#include <algorithm>

#include "core/text.h"

namespace imgfs {

namespace {

constexpr std::size_t kMostMounts = 24;

}  // namespace

void GuestMounts::problem(const std::string& path, const std::string& source,
                          const std::string& what) {
  guest_.problems.push_back(printable("/etc/fstab: " + path + " (" + source + "): " + what));
}

void GuestMounts::check_root(const FstabEntry& entry) {
  disk_ = disk_of(entry.source);
  const auto named = find_volume(entry.source, parts_.volumes, disk_);
  const std::string& here = parts_.volumes[guest_.volume].volume.name;
  if (!named) {
    problem("/", entry.source, "names no volume of this image; the system was found on " + here);
  } else if (*named != guest_.volume) {
    problem("/", entry.source, "is " + parts_.volumes[*named].volume.name +
                                   ", but this system was found on " + here);
  }
}

Result<void> GuestMounts::lay_over(const std::string& path, std::size_t volume,
                                   std::uint64_t root) {
  const NodeId top = parts_.views.root(slot_);
  const auto point = resolve(parts_.views, top, path);
  if (!point) return in_context(point.error(), "no directory to mount it on");
  if (point.value().attributes.type != FileType::directory || point.value().node == top)
    return Error{Errc::not_directory, "no directory to mount it on"};
  View view{parts_.volumes[volume].file_system, volume, root, View::Case::exact, 0, {}};
  TRY(parts_.views.lay_over(point.value().node, std::move(view)));
  return success();
}

void GuestMounts::lay(const FstabEntry& entry, const std::string& path) {
  const auto volume = find_volume(entry.source, parts_.volumes, disk_);
  if (!volume)
    return problem(path, entry.source,
                   entry.has("nofail") ? "names no volume of this image (nofail)"
                                       : "names no volume of this image");
  const TreeVolume& named = parts_.volumes[*volume];
  if (named.file_system == nullptr)
    return problem(path, entry.source, named.volume.name + " cannot be read: " + named.problem);
  if (guest_.mounts.size() >= kMostMounts)
    return problem(path, entry.source, "not shown: more than 24 mounts");
  if (const auto laid = lay_over(path, *volume, named.file_system->root()); !laid)
    return problem(path, entry.source, describe(laid.error()));
  guest_.mounts.push_back({path, *volume, entry.source});
}

void GuestMounts::follow_fstab() {
  const auto text = Look(parts_.views, parts_.views.root(slot_)).text("/etc/fstab");
  if (!text) return;
  std::vector<std::pair<std::string, FstabEntry>> mounts;
  for (FstabEntry& entry : parse_fstab(*text)) {
    if (!mounts_a_disk(entry)) continue;
    std::string path = normal_path(entry.path);
    if (path == "/") {
      check_root(entry);
    } else {
      mounts.emplace_back(std::move(path), std::move(entry));
    }
  }
  // What is above comes first; the same place twice: the later line lies on top.
  std::ranges::stable_sort(mounts, {}, [](const auto& mount) { return mount.first + "/"; });
  for (const auto& [path, entry] : mounts) lay(entry, path);
}

void GuestMounts::lay_deployment(const Deployment& deployment) {
  const FileSystem& fs = *parts_.volumes[guest_.volume].file_system;
  const Look whole(parts_.views, parts_.views.root(parts_.volume_slots[guest_.volume]));
  if (const auto var = whole.directory(deployment.os_path + "/var"))
    static_cast<void>(lay_over("/var", guest_.volume, inode_of(*var)));
  static_cast<void>(lay_over("/sysroot", guest_.volume, fs.root()));
}

void GuestMounts::lay_boot() {
  const bool known = std::ranges::any_of(
      guest_.mounts, [](const GuestMount& mount) { return mount.path == "/boot"; });
  if (known) return;
  for (std::size_t i = 0; i < parts_.volumes.size(); ++i) {
    const TreeVolume& volume = parts_.volumes[i];
    if (volume.label != "boot" || parts_.volume_slots[i] == 0) continue;
    const Look look(parts_.views, parts_.views.root(parts_.volume_slots[i]));
    if (!look.exists("loader") && !look.is_directory("ostree")) continue;
    if (const auto laid = lay_over("/boot", i, volume.file_system->root()); laid)
      guest_.mounts.push_back({"/boot", i, "LABEL=boot"});
    return;
  }
}

}  // namespace imgfs
