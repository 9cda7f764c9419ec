#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "ntfs/file.h"
#include "ntfs/wof.h"

namespace imgfs::ntfs {

/// What a file really is: its reparse point, or what Interix and WSL keep of special files, taken
/// into account.
struct Nature {
  FileType type = FileType::regular;
  std::uint32_t attributes = 0;  ///< FileAttribute bits
  std::string target;            ///< of a symbolic link
  /// Why the target of a symbolic link, or the content of a file, cannot be told.
  std::optional<Error> problem;
  /// `problem` holds only where a part of the main stream is a hole: a placeholder that was not
  /// filled.
  bool problem_if_holes = false;
  std::optional<WofFormat> wof;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
};

Result<Nature> nature_of(const Volume& volume, File& file, const StandardInformation& information);

/// The target that a symbolic link or mount point of Windows stands for, for the guest's own tree:
/// "\" becomes
/// "/", and an absolute target "\??\C:\x" becomes "/x" on the system drive C:, else "/D:/x".
Result<std::string> link_target(std::uint32_t tag, std::span<const std::byte> data);

/// The value of one extended attribute of OS/2 kind (upper-case name) in an $EA attribute.
std::optional<std::string> ea_value(std::span<const std::byte> all, std::string_view name);

}  // namespace imgfs::ntfs
