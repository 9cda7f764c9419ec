#pragma once

#include "vfs/evidence.h"
#include "vfs/fstab.h"
#include "vfs/joined_tree.h"

namespace imgfs {

/// Lays over a guest's root what the guest itself would mount there.
class GuestMounts {
 public:
  /// `slot`: the guest's root view. What is laid over and what could not be is written to `guest`.
  GuestMounts(TreeParts& parts, InstalledGuest& guest, std::uint8_t slot)
      : parts_(parts), guest_(guest), slot_(slot) {}

  /// What its own /etc/fstab mounts from this image.
  void follow_fstab();
  /// /var and /sysroot of an OSTree deployment.
  void lay_deployment(const Deployment& deployment);
  /// /boot of an OSTree system, which its initramfs mounts by label without an fstab.
  void lay_boot();

 private:
  void check_root(const FstabEntry& entry);
  void lay(const FstabEntry& entry, const std::string& path);
  /// Lays the directory `root` of `volume` over `path`; an error says why not.
  Result<void> lay_over(const std::string& path, std::size_t volume, std::uint64_t root);
  void problem(const std::string& path, const std::string& source, const std::string& what);

  TreeParts& parts_;
  InstalledGuest& guest_;
  std::uint8_t slot_;
  std::string disk_;  ///< as the guest calls the disk of its root; empty where it does not say
};

}  // namespace imgfs
