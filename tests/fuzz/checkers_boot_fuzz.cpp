#include <cstddef>
#include <cstdint>
#include <string_view>

#include "checkers/boot_entry.h"
#include "checkers/distribution.h"
#include "checkers/fstab.h"

/// Any text as each of the boot loaders' files, fstab and os-release. What stands before the first NUL
/// is GRUB's environment.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs::checkers;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view environment = all.substr(0, all.find('\0'));
  const std::string_view text = all.substr(std::min(environment.size() + 1, all.size()));
  for (const Menu& menu : {parse_grub(text, environment), parse_grub_legacy(text, environment), parse_extlinux(text)}) {
    const MenuEntry* entry = selected_entry(menu);
    if (entry == nullptr) continue;
    static_cast<void>(option_value(entry->options, "root"));
    static_cast<void>(expand_grub(entry->options, environment));
  }
  static_cast<void>(parse_loader_entry(text, environment));
  for (const auto& entry : parse_fstab(text)) static_cast<void>(disk_name(entry.source));
  static_cast<void>(shell_value(text, "ID"));
  static_cast<void>(compare_versions(environment.substr(0, 1000), text.substr(0, 1000)));
  return 0;
}
