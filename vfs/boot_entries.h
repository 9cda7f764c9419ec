#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vfs/look.h"

namespace imgfs {

/// What a boot loader starts by default.
struct BootEntry {
  std::string title;
  std::string options;     ///< the kernel's command line; empty where it starts no Linux
  bool other = false;      ///< hands over to another boot loader (Windows)
};

/// The entry that is started by default from a file system that holds a boot loader's menu, in its own
/// root or below /boot: GRUB 2, GRUB legacy or entries of the Boot Loader Specification.
std::optional<BootEntry> default_boot_entry(const Look& look);

/// The default entry of a GRUB 2 menu; `saved` is grubenv's saved_entry.
std::optional<BootEntry> default_grub_entry(std::string_view menu, std::string_view saved);

/// Whether version `a` comes after `b`: numbers in them compare as numbers.
bool is_newer_version(std::string_view a, std::string_view b);

/// The value of `name` on a kernel's command line: "UUID=…" for "root"; the last one counts.
std::string kernel_argument(std::string_view options, std::string_view name);

}  // namespace imgfs
