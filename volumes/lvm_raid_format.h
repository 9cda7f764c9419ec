#pragma once

#include "core/bytes.h"

namespace imgfs::volumes {

/// At the start of each rmeta volume. Source: Linux, drivers/md/dm-raid.c (as facts).
struct DmRaidSuperblock {
  le32 magic;
  le32 compat_features;
  le32 num_devices;
  le32 array_position;
  le64 events;
  le64 failed_devices;        ///< a bit a leg
  le64 disk_recovery_offset;  ///< sectors; all ones: in sync
  le64 array_resync_offset;
  le32 level;
  le32 layout;
  le32 stripe_sectors;
};
static_assert(sizeof(DmRaidSuperblock) == 60);

constexpr std::uint32_t kDmRaidMagic = 0x64526d44;  // "DmRd"

}  // namespace imgfs::volumes
