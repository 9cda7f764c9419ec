#pragma once

#include <map>

#include "volumes/lvm_device.h"
#include "volumes/lvm_metadata.h"

namespace imgfs::volumes {

/// Physical volumes that are there, by UUID (with hyphens).
using LvmDevices = std::map<std::string, Device, std::less<>>;

/// A logical volume that a guest would see.
struct LvmVolume {
  std::string name;
  Device device;  ///< null where it cannot be read at all
  std::uint64_t size = 0;
  std::string problem;
};

/// The visible logical volumes of a group, in the metadata's order. A volume that is damaged or of
/// a kind that is not read has its reason; the others are not touched by it.
Result<std::vector<LvmVolume>> open_lvm_group(const LvmValue& group, const LvmDevices& devices);

}  // namespace imgfs::volumes
