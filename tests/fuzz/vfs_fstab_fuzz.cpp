// Texts of a guest that decide what /root shows: an fstab and boot menus.
#include <cstdint>

#include "vfs/boot_entries.h"
#include "vfs/fstab.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  if (size > 65536) return 0;
  const std::string text(as_chars(std::as_bytes(std::span(data, size))));
  static const std::vector<TreeVolume> volumes = [] {
    std::vector<TreeVolume> made(3);
    made[0].volume.name = "p1";
    made[0].uuid = "aaaa-bbbb";
    made[0].label = "boot";
    made[1].volume.name = "cl-root";
    made[1].volume.volume_group = "cl";
    made[1].volume.logical_volume = "root";
    made[2].volume.name = "p0";
    return made;
  }();
  for (const FstabEntry& entry : parse_fstab(text)) {
    static_cast<void>(mounts_a_disk(entry));
    const std::string path = normal_path(entry.path);
    if (!path.starts_with('/') || path.find("//") != std::string::npos ||
        normal_path(path) != path)
      __builtin_trap();
    const auto volume = find_volume(entry.source, volumes, disk_of(entry.source));
    if (volume && *volume >= volumes.size()) __builtin_trap();
  }
  for (const char* saved : {"", "1>0"}) {
    const auto entry = default_grub_entry(text, saved);
    if (entry) static_cast<void>(kernel_argument(entry->options, "root"));
  }
  static_cast<void>(kernel_argument(text, "root"));
  return 0;
}
