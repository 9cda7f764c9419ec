#pragma once

#include <vector>

#include "core/block_device.h"

namespace imgfs::volumes {

/// One leg of a raid1 logical volume.
struct RaidLeg {
  Device metadata;     ///< its rmeta volume; null where it cannot be read
  bool whole = false;  ///< whether all of its data is there, and not being rebuilt
};

/// Which leg to read (`legs` is not empty): the first that is whole, not failed and in sync as the
/// newest of the dm-raid superblocks has it. Where none qualifies: the first whole one, else 0.
std::size_t choose_raid1_leg(const std::vector<RaidLeg>& legs);

}  // namespace imgfs::volumes
