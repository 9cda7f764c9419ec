#include <gtest/gtest.h>

#include "tests/volumes/md_builder.h"
#include "volumes/md.h"

namespace imgfs::volumes {
namespace {

constexpr char kUuid[] = "00010203-0405-0607-0809-0a0b0c0d0e0f";

TEST(Md, EveryVersionIsFoundInItsPlace) {
  for (const int minor : {-1, 0, 1, 2}) {
    DiskBuilder disk(512 << 10);
    md_member(disk, 0, {.minor = minor});
    const auto member = find_md_superblock(*disk.device());
    ASSERT_TRUE(member) << minor;
    EXPECT_EQ(member->version, minor < 0 ? "0.90" : "1." + std::to_string(minor));
    EXPECT_EQ(member->uuid, kUuid);
    EXPECT_EQ(member->name, minor < 0 ? "" : "host:0");
    EXPECT_EQ(member->level, "raid1");
    EXPECT_EQ(member->problem, "");
    EXPECT_EQ(member->data_offset, minor < 0 ? 0U : 64U * 512);
    EXPECT_EQ(member->data_size, 512U * 512);
  }
}

TEST(Md, AWrongChecksumOrPlaceIsNoSuperblock) {
  for (const int minor : {-1, 0, 1, 2}) {
    DiskBuilder disk(512 << 10);
    md_member(disk, 0, {.minor = minor});
    const std::size_t at = minor < 0 ? (512 << 10) - 65536 : minor == 0 ? 1008 * 512 : minor == 1 ? 0 : 4096;
    DiskBuilder damaged = disk;
    damaged.bytes()[at + 100] ^= std::byte{1};
    EXPECT_FALSE(find_md_superblock(*damaged.device())) << minor;
    if (minor != 1) continue;
    DiskBuilder moved(512 << 10);
    std::copy_n(disk.bytes().begin(), 4096, moved.bytes().begin() + 4096);
    EXPECT_FALSE(find_md_superblock(*moved.device()));
  }
}

struct Row {
  const char* name;
  MdOptions options;
  const char* problem;
};
const Row kRows[] = {
    {"Raid5", {.level = 5}, "level raid5"},
    {"Raid0", {.level = 0}, "level raid0"},
    {"Linear", {.level = -1}, "level linear"},
    {"Linear090", {.minor = -1, .level = -1}, "level linear"},
    {"Container", {.level = -10}, "level container"},
    {"Spare", {.role = 0xffff}, "spare"},
    {"Faulty", {.role = 0xfffe}, "spare, faulty"},
    {"Rebuilt", {.features = 2}, "not rebuilt"},
    {"NotInSync090", {.minor = -1, .role = 1}, "not rebuilt"},
    {"DataPastTheEnd", {.data_offset = 600}, "reaches past"},
    {"DataFarAway", {.data_offset = UINT64_MAX}, "reaches past"},
    {"DataPastTheEnd090", {.minor = -1, .data_size = 2048}, "past its superblock"},
};

TEST(Md, WhatCannotBeReadIsNamedWithTheReason) {
  for (const Row& row : kRows) {
    DiskBuilder disk(4096 + (512 << 10));
    disk.entry(0, 0, 0xfd, 8, 1024);
    md_member(disk, 4096, row.options);
    const VolumeTable table = disk.find();
    ASSERT_EQ(table.volumes.size(), 1U) << row.name;
    EXPECT_EQ(table.volumes[0].content, "linux_raid_member") << row.name;
    EXPECT_EQ(table.volumes[0].device, nullptr) << row.name;
    EXPECT_NE(table.volumes[0].problem.find(row.problem), std::string::npos) << row.name << ": " << table.volumes[0].problem;
  }
}

TEST(Md, TheDataAreaOfTheNewestMemberIsShown) {
  DiskBuilder disk(4096 + (1024 << 10));
  disk.entry(0, 0, 0xfd, 8, 1024).entry(0, 1, 0xfd, 1032, 1024);
  md_member(disk, 4096, {.events = 10});
  md_member(disk, 4096 + (512 << 10), {.events = 11, .role = 1});
  disk.ext2(4096 + 64 * 512).ext2(4096 + (512 << 10) + 64 * 512);
  VolumeTable table = disk.find();
  EXPECT_EQ(table.volumes[0].device, nullptr);
  EXPECT_NE(table.volumes[0].problem.find("older state of p2"), std::string::npos) << table.volumes[0].problem;
  ASSERT_NE(table.volumes[1].device, nullptr);
  EXPECT_EQ(table.volumes[1].device->size(), 512U * 512);
  EXPECT_EQ(table.volumes[1].content, "ext2");
  EXPECT_TRUE(has_remark(table, "p2: member of the MD RAID1 array"));

  md_member(disk, 4096 + (512 << 10), {.events = 10, .role = 1});
  table = disk.find();
  ASSERT_NE(table.volumes[0].device, nullptr);
  EXPECT_NE(table.volumes[1].problem.find("a mirror of p1"), std::string::npos) << table.volumes[1].problem;
}

}  // namespace
}  // namespace imgfs::volumes
