#pragma once

#include <string>

#include "core/result.h"

namespace imgfs {

/// Refuses a mount point that is missing, no directory, not writable for its user, or (unless
/// `allow_non_empty`) not empty. A dead mount of ours that a crash has left there is removed first.
Result<void> check_mount_point(const std::string& path, bool allow_non_empty);

/// Our mount on `path` as /proc/self/mountinfo has it ("0:57"); empty where there is none.
std::string mounted_device(const std::string& path);

/// Whose mounts `unmount_device` may take away. The kernel gives a device's number to the next mount
/// as soon as it is free: a number alone may be somebody else's by now.
enum class Whose {
  ours,  ///< our server still has the mount open: the one on our mount point, and dead ones
  dead,  ///< our server has ended: only those that nobody serves any more
};

/// Unmounts the mounts of the device `device` ("0:57"), wherever they have been moved or bound, lazily
/// where they are in use. Harmless where there is none.
void unmount_device(const std::string& device, const std::string& mount_point, Whose whose);

/// Lets the kernel read ahead as far as one request can carry. Needs root; harmless without.
void set_read_ahead(const std::string& device);

}  // namespace imgfs
