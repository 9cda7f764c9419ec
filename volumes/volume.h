#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/block_device.h"
#include "core/file_system.h"

namespace imgfs {

/// One volume of a disk: a partition, a logical volume, or the whole disk.
struct Volume {
  std::string name;  ///< "p1", "cl-root"; "p0" for a file system on the whole disk
  Device device;     ///< null where its bytes cannot be had (see `problem`)
  std::optional<std::uint64_t> offset;  ///< bytes from the disk's start; none for logical volumes
  std::uint64_t size = 0;               ///< bytes as the table says, before clipping
  /// What its first bytes say it is, as blkid spells it ("swap", "crypto_LUKS" is "luks",
  /// "LVM2_member" is "lvm2-pv", "BitLocker", "zfs_member", "btrfs", "linux_raid_member"), or empty.
  std::string content;
  std::string label;           ///< of `content` where the volume layer knows it (swap), else empty
  std::string uuid;            ///< the same
  std::string partition_uuid;  ///< PARTUUID as blkid and fstab spell it; empty where there is none
  std::string partition_label;  ///< PARTLABEL (GPT), UTF-8
  std::string partition_type;   ///< "0x83" for MBR, the GUID in lower case for GPT
  bool active = false;          ///< MBR boot flag, or GPT's legacy BIOS bootable attribute
  std::string volume_group;     ///< of a logical volume, plain spelling
  std::string logical_volume;   ///< the same
  std::string problem;  ///< why its bytes cannot be had or not whole; empty where all is well
};

/// What lies on a disk.
struct VolumeTable {
  enum class Kind { none, mbr, gpt, whole_disk, bsd, apm, dynamic_disk };
  Kind kind = Kind::none;
  std::string disk_uuid;         ///< GPT disk GUID or MBR id, as blkid's PTUUID
  std::uint32_t sector_size = 512;  ///< bytes
  std::vector<Volume> volumes;   ///< partitions in Linux' order of numbers, then logical volumes
  std::vector<Remark> remarks;   ///< overlap, clipped, damaged primary, loop in the EBR chain …
  bool zero = false;             ///< the first megabyte holds nothing but zeros
};

/// Finds the volumes of `disk`. Never fails as a whole: what is damaged is said in `remarks` and in
/// the volume's `problem`. Reading errors are remarks, too.
VolumeTable find_volumes(Device disk);

}  // namespace imgfs
