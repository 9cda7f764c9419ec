#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace imgfs {

enum class GuestFamily { linux, windows, freebsd };

/// A volume that the guest's own fstab lays over its root file system.
struct GuestMount {
  std::string path;    ///< where, as the guest sees it: "/boot"
  std::size_t volume;  ///< index into Tree::volumes()
  std::string source;  ///< fstab's first field: "UUID=…"
};

/// One installed system, found by evidence in its root file system.
struct InstalledGuest {
  GuestFamily family = GuestFamily::linux;
  std::size_t volume = 0;              ///< its root: index into Tree::volumes()
  std::string subdirectory;            ///< of its root there: an OSTree deployment; mostly empty
  std::vector<GuestMount> mounts;      ///< in the order in which they are laid over
  std::vector<std::string> evidence;   ///< paths that decided
  std::vector<std::string> problems;   ///< fstab entries whose volume was not found, and the like
};

}  // namespace imgfs
