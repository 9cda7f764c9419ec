#include "vfs/guest_search.h"

#include <algorithm>

#include "core/log.h"
#include "vfs/boot_entries.h"
#include "vfs/drive_letters.h"
#include "vfs/evidence.h"
#include "vfs/fstab.h"
#include "vfs/guest_mounts.h"

namespace imgfs {

namespace {

constexpr std::size_t kMostGuests = 8;

class Search {
 public:
  explicit Search(TreeParts& parts) : parts_(parts) {
    for (std::size_t i = 0; i < parts_.volumes.size(); ++i)
      if (parts_.volume_slots[i] != 0) readable_.push_back(i);
  }

  void run() {
    for (const std::size_t volume : readable_) look_at(volume);
    find_freebsd();
    choose();
  }

 private:
  Look look(std::size_t volume) const {
    return {parts_.views, parts_.views.root(parts_.volume_slots[volume])};
  }

  void look_at(std::size_t volume) {
    const Look at = look(volume);
    const FileSystem& fs = *parts_.volumes[volume].file_system;
    if (auto evidence = linux_evidence(at); !evidence.empty())
      return add(GuestFamily::linux, volume, std::move(evidence), fs.root(), nullptr);
    if (const auto deployments = find_deployments(at); !deployments.empty()) {
      std::vector<Look> boots;
      for (const std::size_t other : readable_) boots.push_back(look(other));
      const Deployment& chosen = choose_deployment(parts_.views, at, deployments, boots);
      if (const auto root = at.directory(chosen.path))
        return add(GuestFamily::linux, volume, {"/" + chosen.path}, inode_of(*root), &chosen);
    }
    if (auto evidence = windows_evidence(fs); !evidence.empty())
      add(GuestFamily::windows, volume, std::move(evidence), fs.root(), nullptr);
  }

  void add(GuestFamily family, std::size_t volume, std::vector<std::string> evidence,
           std::uint64_t root, const Deployment* deployment) {
    if (parts_.guests.size() >= kMostGuests) return;
    InstalledGuest guest;
    guest.family = family;
    guest.volume = volume;
    guest.evidence = std::move(evidence);
    if (deployment != nullptr) guest.subdirectory = deployment->path;
    View view{parts_.volumes[volume].file_system, volume, root, View::Case::exact, 0, {}};
    if (family == GuestFamily::windows) view.names = View::Case::ignored;
    const auto slot = parts_.views.add(std::move(view));
    if (!slot) {
      guest.problems.push_back("not shown: " + describe(slot.error()));
    } else if (family == GuestFamily::linux) {
      GuestMounts mounts(parts_, guest, slot.value());
      if (deployment != nullptr) mounts.lay_deployment(*deployment);
      mounts.follow_fstab();
      if (deployment != nullptr) mounts.lay_boot();
    } else if (family == GuestFamily::windows) {
      lay_drives(parts_, guest, slot.value());
    }
    parts_.guests.push_back(std::move(guest));
    parts_.guest_slots.push_back(slot ? slot.value() : std::uint8_t{0});
  }

  /// FreeBSD's file systems cannot be read; that one is installed is known all the same.
  void find_freebsd() {
    for (std::size_t i = 0; i < parts_.volumes.size(); ++i) {
      const TreeVolume& volume = parts_.volumes[i];
      if (volume.file_system != nullptr || !is_freebsd_partition(volume.volume)) continue;
      InstalledGuest guest;
      guest.family = GuestFamily::freebsd;
      guest.volume = i;
      guest.evidence.push_back(volume.volume.name + ": partition type " +
                               volume.volume.partition_type);
      guest.problems.push_back(volume.volume.name + ": " + volume.problem);
      parts_.guests.push_back(std::move(guest));
      parts_.guest_slots.push_back(0);
      return;
    }
  }

  /// The guest on the volume that `source` of a kernel's command line names.
  std::optional<std::size_t> guest_at(std::string_view source) const {
    const auto volume = find_volume(source, parts_.volumes);
    if (!volume) return std::nullopt;
    return guest_where([&](const InstalledGuest& guest) { return guest.volume == *volume; });
  }

  std::optional<std::size_t> guest_where(FunctionRef<bool(const InstalledGuest&)> matches) const {
    for (std::size_t i = 0; i < parts_.guests.size(); ++i)
      if (parts_.guest_slots[i] != 0 && matches(parts_.guests[i])) return i;
    return std::nullopt;
  }

  /// Of several systems, the one that the boot loader starts by default. A loader on the partition
  /// that is marked active is asked first.
  std::optional<std::size_t> named_by_boot_loader() const {
    std::vector<std::size_t> order = readable_;
    std::stable_partition(order.begin(), order.end(),
                          [&](std::size_t i) { return parts_.volumes[i].volume.active; });
    for (const std::size_t volume : order) {
      const auto entry = default_boot_entry(look(volume));
      if (!entry) continue;
      if (entry->other)
        if (const auto windows = guest_where([](const InstalledGuest& guest) {
              return guest.family == GuestFamily::windows;
            }))
          return windows;
      if (const auto guest = guest_at(kernel_argument(entry->options, "root"))) return guest;
    }
    return std::nullopt;
  }

  void choose() {
    parts_.guest = guest_where([](const InstalledGuest&) { return true; });
    if (!parts_.guest) return;
    if (parts_.guests.size() > 1) {
      if (const auto named = named_by_boot_loader()) {
        parts_.guest = named;
      } else if (const auto sound = guest_where([](const InstalledGuest& guest) {
                   return guest.problems.empty();
                 })) {
        parts_.guest = sound;
      }
    }
    const InstalledGuest& chosen = parts_.guests[*parts_.guest];
    log(LogLevel::info, "/root shows the system on " + parts_.volumes[chosen.volume].volume.name);
    for (const std::string& problem : chosen.problems) log(LogLevel::warning, problem);
  }

  TreeParts& parts_;
  std::vector<std::size_t> readable_;
};

}  // namespace

void find_guests(TreeParts& parts) { Search(parts).run(); }

}  // namespace imgfs
