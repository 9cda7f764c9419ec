#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vfs/guest_files.h"

namespace imgfs::checkers {

/// What the machine would start when nobody touches a key.
struct BootEntry {
  std::string loader;   ///< "GRUB 2", "GRUB legacy", "systemd-boot", "extlinux", "newest kernel"
  std::string source;   ///< the guest's path of the file that decided
  std::string title;    ///< of the menu entry; may be empty
  std::string version;  ///< of the kernel, as /lib/modules spells it; empty where unknown
  std::string kernel;   ///< the guest's path of the kernel
  std::vector<std::string> initrds;  ///< the guest's paths; missing files are kept
  std::string options;  ///< kernel command line
  bool unified = false;      ///< the initramfs lies in `kernel` itself (UKI)
  bool command_line_known = false;
};

/// The default entry of the guest's boot loader, else its newest kernel. not_found where there is no
/// kernel at all.
Result<BootEntry> find_boot_entry(const GuestFiles& files);

/// The value of the last `key=` on a kernel command line; nothing where there is none.
std::optional<std::string> option_value(std::string_view options, std::string_view key);
/// All values of `key=`.
std::vector<std::string> option_values(std::string_view options, std::string_view key);

// Parts of it, for tests and fuzzing.
/// An entry of a menu before its paths are resolved.
struct MenuEntry {
  std::string title;
  std::string id;
  std::string path;  ///< its place in the menu: "0", "1>2"
  std::string kernel;
  std::vector<std::string> initrds;
  std::string options;
};
struct Menu {
  std::vector<MenuEntry> entries;
  std::string selected;      ///< title, id or place of the default entry; empty: the first
  bool boot_loader_specification = false;  ///< entries are in loader/entries
};
/// grub.cfg, with the variables of grubenv.
Menu parse_grub(std::string_view text, std::string_view environment);
/// `text` with the variables of grubenv put in, as GRUB does it with the options of an entry file.
std::string expand_grub(std::string_view text, std::string_view environment);
/// menu.lst or grub.conf; `saved` is what /boot/grub/default holds.
Menu parse_grub_legacy(std::string_view text, std::string_view saved);
Menu parse_extlinux(std::string_view text);
/// A file of loader/entries.
MenuEntry parse_loader_entry(std::string_view text, std::string_view file_name);
/// The entry that `menu.selected` means; null where it names none.
const MenuEntry* selected_entry(const Menu& menu);

}  // namespace imgfs::checkers
