#pragma once

#include "vfs/joined_tree.h"

namespace imgfs {

/// Makes the volumes that a Windows guest has drive letters for reachable as "/D:" in its root, as links
/// name them (docs/decisions/vfs-drive-letters.md). `slot`: the guest's root view.
void lay_drives(TreeParts& parts, InstalledGuest& guest, std::uint8_t slot);

/// The volume that a value of MountedDevices stands for; nothing where it is not on this disk.
std::optional<std::size_t> volume_of_device(std::string_view value, const VolumeTable& table,
                                            const std::vector<TreeVolume>& volumes);

}  // namespace imgfs
