#pragma once

#include <vector>

#include "core/file_system.h"
#include "ntfs/volume.h"

namespace imgfs::ntfs {

/// What $Volume, $LogFile and a hibernation file in the root say of the state in which the volume
/// was left, and its label and version. Never fails: what cannot be read is a remark itself.
void read_state(const Volume& volume, FileSystemInfo& info);

enum class LogState { clean, dirty, fast_restart, unreadable };
/// What the first pages of $LogFile say.
LogState log_state(std::span<const std::byte> start_of_log);

}  // namespace imgfs::ntfs
