#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace imgfs::volumes {

/// Version 0.90, 4 KiB, all words in the machine's order (little-endian here). Source: Linux,
/// include/uapi/linux/raid/md_p.h (as facts), as for version 1.
struct Md090Disk {
  le32 number;
  le32 major;
  le32 minor;
  le32 raid_disk;
  le32 state;  ///< bit 0 faulty, 1 active, 2 in sync
  le32 reserved[27];
};
static_assert(sizeof(Md090Disk) == 128);

struct Md090Superblock {
  le32 md_magic;
  le32 major_version;
  le32 minor_version;
  le32 patch_version;
  le32 gvalid_words;
  le32 set_uuid0;
  le32 ctime;
  le32 level;
  le32 size;  ///< of each member's data, KiB
  le32 nr_disks;
  le32 raid_disks;
  le32 md_minor;
  le32 not_persistent;
  le32 set_uuid1;
  le32 set_uuid2;
  le32 set_uuid3;
  le32 constant[16];
  le32 utime;
  le32 state;
  le32 counts[4];
  le32 sb_csum;
  le32 events_lo;
  le32 events_hi;
  le32 other[87];
  Md090Disk disks[27];
  Md090Disk this_disk;
};
static_assert(sizeof(Md090Superblock) == 4096);
static_assert(offsetof(Md090Superblock, sb_csum) == 152);
static_assert(offsetof(Md090Superblock, this_disk) == 3968);

/// Version 1.0, 1.1 and 1.2 differ only in their place.
struct Md1Superblock {
  le32 magic;
  le32 major_version;
  le32 feature_map;
  le32 pad0;
  std::byte set_uuid[16];
  char set_name[32];
  le64 ctime;
  le32 level;
  le32 layout;
  le64 size;  ///< of each member's data, sectors of 512 bytes
  le32 chunksize;
  le32 raid_disks;
  std::byte reshape[32];
  le64 data_offset;   ///< sectors
  le64 data_size;     ///< sectors
  le64 super_offset;  ///< sectors
  le64 recovery_offset;
  le32 dev_number;
  le32 cnt_corrected_read;
  std::byte device_uuid[16];
  std::byte devflags[8];
  le64 utime;
  le64 events;
  le64 resync_offset;
  le32 sb_csum;
  le32 max_dev;
  std::byte pad3[32];
  le16 dev_roles[1920];  ///< `max_dev` of them
};
static_assert(sizeof(Md1Superblock) == 4096);
static_assert(offsetof(Md1Superblock, data_offset) == 128);
static_assert(offsetof(Md1Superblock, sb_csum) == 216);
static_assert(offsetof(Md1Superblock, dev_roles) == 256);

constexpr std::uint32_t kMdMagic = 0xa92b4efc;
constexpr std::uint32_t kMdFeatureRecovery = 2;
constexpr std::uint32_t kMdFeatureJournal = 512;
constexpr std::uint32_t kMdMaxDevices = 1920;
constexpr std::uint32_t kMdRoleLast = 0xff00;  ///< what is above is a spare, faulty or a journal

}  // namespace imgfs::volumes
