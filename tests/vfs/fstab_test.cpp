#include "vfs/fstab.h"

#include <gtest/gtest.h>

namespace imgfs {
namespace {

TEST(Fstab, LinesAndEscapes) {
  const auto entries = parse_fstab(
      "# comment\n\n  #another\nUUID=1-2\t/boot  vfat  umask=0077,shortname=winnt 0 2\r\n"
      "/dev/sda1 /with\\040space\\134 ext4 defaults\nonly-one\n/dev/x /y\n/dev/last /z ext4 a,,b");
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].source, "UUID=1-2");
  EXPECT_EQ(entries[0].path, "/boot");
  EXPECT_EQ(entries[0].type, "vfat");
  EXPECT_TRUE(entries[0].has("shortname=winnt"));
  EXPECT_EQ(entries[1].path, "/with space\\");
  EXPECT_EQ(entries[2].type, "");
  EXPECT_EQ(entries[3].options.size(), 2U);
}

TEST(Fstab, WhatLiesOnADisk) {
  const struct {
    const char* line;
    bool disk;
  } rows[] = {
      {"UUID=x / ext4 defaults", true},
      {"LABEL=x /boot ext4", true},
      {"PARTUUID=x /boot auto ro", true},
      {"/dev/mapper/a-b /var xfs nofail", true},
      {"UUID=x /data ext4 noauto,x-systemd.automount", true},
      {"UUID=x none swap sw", false},
      {"UUID=x swap swap sw", false},
      {"/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto", false},
      {"/srv/a /srv/b none bind", false},
      {"/dev/sda1 /b auto rbind", false},
      {"server:/export /mnt nfs defaults", false},
      {"//server/share /mnt cifs x=y", false},
      {"UUID=x /net ext4 _netdev", false},
      {"tmpfs /tmp tmpfs size=1G", false},
      {"/images/a.img /mnt ext4 loop", false},
      {"UUID=x /later ext4 noauto", false},
      {"sshfs#u@h: /mnt fuse a=b", false},
  };
  for (const auto& row : rows) EXPECT_EQ(mounts_a_disk(parse_fstab(row.line).at(0)), row.disk) << row.line;
}

TEST(Fstab, NormalPaths) {
  EXPECT_EQ(normal_path("//boot/./efi/"), "/boot/efi");
  EXPECT_EQ(normal_path("/a/../../b"), "/b");
  EXPECT_EQ(normal_path("/"), "/");
  EXPECT_EQ(normal_path(""), "/");
}

TEST(Fstab, NamesOfVolumes) {
  std::vector<TreeVolume> volumes(4);
  volumes[0].volume.name = "p1";
  volumes[0].uuid = "ABCD-1234";
  volumes[0].label = "EFI SYSTEM";
  volumes[0].volume.partition_uuid = "4c1b-01";
  volumes[0].volume.partition_label = "EFI part";
  volumes[1].volume.name = "p12";
  volumes[2].volume.name = "my--vg-root";
  volumes[2].volume.volume_group = "my-vg";
  volumes[2].volume.logical_volume = "root";
  volumes[3].volume.name = "p0";
  const struct {
    const char* source;
    int volume;  ///< -1: none
    const char* disk = "";
  } rows[] = {
      {"UUID=abcd-1234", 0},
      {"UUID=\"ABCD-1234\"", 0},
      {"UUID=", -1},
      {"LABEL=EFI SYSTEM", 0},
      {"LABEL=efi system", -1},
      {"LABEL=", -1},
      {"PARTUUID=4C1B-01", 0},
      {"PARTLABEL=EFI part", 0},
      {"ID=x", -1},
      {"/dev/disk/by-uuid/ABCD-1234", 0},
      {"/dev/disk/by-label/EFI\\x20SYSTEM", 0},
      {"/dev/disk/by-partlabel/EFI\\x20part", 0},
      {"/dev/disk/by-partuuid/4c1b-01", 0},
      {"/dev/disk/by-id/scsi-0QEMU_disk0-part12", 1},
      {"/dev/disk/by-path/pci-0000:00:07.0-scsi-0:0:0:0-part1", 0},
      {"/dev/disk/by-id/dm-name-my--vg-root", 2},
      {"/dev/disk/by-id/scsi-0QEMU_disk0", -1},
      {"/dev/mapper/my--vg-root", 2},
      {"/dev/my-vg/root", 2},
      {"/dev/my-vg/other", -1},
      {"/dev/sda12", 1},
      {"/dev/vda1", 0},
      {"/dev/hda1", 0},
      {"/dev/xvda1", 0},
      {"/dev/nvme0n1p12", 1},
      {"/dev/nvme0n1", 3},
      {"/dev/mmcblk0p1", 0},
      {"/dev/sda", 3},
      {"/dev/sda2", -1},
      {"/dev/sdb1", -1},
      {"/dev/sdb1", 0, "sdb"},
      {"/dev/sda1", -1, "sdb"},
      {"/dev/md0", -1},
      {"/dev/", -1},
      {"nonsense", -1},
  };
  for (const auto& row : rows) {
    const auto found = find_volume(row.source, volumes, row.disk);
    EXPECT_EQ(found ? static_cast<int>(*found) : -1, row.volume) << row.source << " " << row.disk;
  }
  EXPECT_EQ(disk_of("/dev/sdc3"), "sdc");
  EXPECT_EQ(disk_of("/dev/nvme1n2p3"), "nvme1n2");
  EXPECT_EQ(disk_of("UUID=x"), "");
  EXPECT_EQ(disk_of("/dev/mapper/x"), "");
}

}  // namespace
}  // namespace imgfs
