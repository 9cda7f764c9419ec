#include <gtest/gtest.h>

#include <functional>

#include "tests/volumes/disk_builder.h"

namespace imgfs::volumes {
namespace {

using Kind = VolumeTable::Kind;

struct Row {
  const char* name;
  std::function<void(DiskBuilder&)> build;
  Kind kind;
  const char* shape;
  const char* remark;  ///< part of one; null: there must be none
  std::size_t size = 1 << 20;
};

void two_primaries(DiskBuilder& d) { d.entry(0, 0, 0x83, 8, 8, 0x80).entry(0, 1, 7, 16, 16); }

/// Sector 100: an extended partition of 1000; logical ones in sectors 101, 210, 320.
void chain(DiskBuilder& d) {
  d.entry(0, 0, 0x83, 8, 8).entry(0, 1, 5, 100, 1000);
  d.entry(100, 0, 0x83, 1, 50).entry(100, 1, 5, 100, 100);
  d.entry(200, 0, 0x82, 10, 60).entry(200, 1, 5, 200, 100);
  d.entry(300, 0, 0x8e, 20, 70);
}

const Row kRows[] = {
    {"NothingAtAll", [](DiskBuilder&) {}, Kind::none, "", nullptr},
    {"NotEvenASector", [](DiskBuilder&) {}, Kind::none, "", nullptr, 100},
    {"Primaries", two_primaries, Kind::mbr, "p1@4096+4096 p2@8192+8192", nullptr},
    {"AGapBetweenEntries", [](DiskBuilder& d) { d.entry(0, 1, 7, 16, 16).entry(0, 3, 0x83, 40, 8); }, Kind::mbr,
     "p2@8192+8192 p4@20480+4096", nullptr},
    {"EntriesOutOfOrder", [](DiskBuilder& d) { d.entry(0, 0, 7, 100, 16).entry(0, 1, 0x83, 8, 8); }, Kind::mbr,
     "p1@51200+8192 p2@4096+4096", nullptr},
    {"NoEntry", [](DiskBuilder& d) { d.u16(510, 0xaa55); }, Kind::mbr, "", nullptr},
    {"NoSignature", [](DiskBuilder& d) { two_primaries(d), d.u16(510, 0); }, Kind::none, "", nullptr},
    {"HalfASignature", [](DiskBuilder& d) { two_primaries(d), d.u8(511, 0); }, Kind::none, "", nullptr},
    {"ABootFlagThatIsNone", [](DiskBuilder& d) { two_primaries(d), d.u8(446, 0x42); }, Kind::none, "", nullptr},
    {"LogicalCountFromTheFirstLink", chain, Kind::mbr,
     "p1@4096+4096 p5@51712+25600 p6@107520+30720 p7@163840+35840", nullptr},
    {"TypesOfExtendedPartitions", [](DiskBuilder& d) { chain(d), d.u8(446 + 20, 0x0f).u8(100 * 512 + 446 + 20, 0x85); }, Kind::mbr,
     "p1@4096+4096 p5@51712+25600 p6@107520+30720 p7@163840+35840", nullptr},
    {"LinkBeforeItsPartition", [](DiskBuilder& d) {
       d.entry(0, 0, 5, 100, 1000).entry(100, 0, 5, 100, 100).entry(100, 1, 0x83, 1, 50).entry(200, 0, 0x83, 10, 60); },
     Kind::mbr, "p5@51712+25600 p6@107520+30720", nullptr},
    {"LinkToItself", [](DiskBuilder& d) { chain(d), d.entry(200, 1, 5, 100, 100); }, Kind::mbr,
     "p1@4096+4096 p5@51712+25600 p6@107520+30720", "loop"},
    {"LinkToTheFirst", [](DiskBuilder& d) { chain(d), d.entry(300, 1, 5, 0, 100); }, Kind::mbr,
     "p1@4096+4096 p5@51712+25600 p6@107520+30720 p7@163840+35840", "loop"},
    {"LinkPastTheEnd", [](DiskBuilder& d) { chain(d), d.entry(300, 1, 5, 0xfffffff0, 100); }, Kind::mbr,
     "p1@4096+4096 p5@51712+25600 p6@107520+30720 p7@163840+35840", "cannot be read"},
    {"LinkWithoutSignature", [](DiskBuilder& d) { chain(d), d.u16(200 * 512 + 510, 0); }, Kind::mbr,
     "p1@4096+4096 p5@51712+25600", "no signature"},
    {"GarbageInTheThirdEntry", [](DiskBuilder& d) { chain(d), d.entry(300, 2, 0x33, 5000, 70); }, Kind::mbr,
     "p1@4096+4096 p5@51712+25600 p6@107520+30720 p7@163840+35840", nullptr},
    {"APartitionInTheThirdEntry", [](DiskBuilder& d) { d.entry(0, 0, 5, 100, 1000).entry(100, 2, 0x83, 1, 50); }, Kind::mbr,
     "p5@51712+25600", nullptr},
    {"TwoExtended", [](DiskBuilder& d) { d.entry(0, 0, 5, 100, 100).entry(0, 2, 5, 300, 100).entry(100, 0, 0x83, 1, 50).entry(300, 0, 0x83, 1, 50); },
     Kind::mbr, "p5@51712+25600 p6@154112+25600", nullptr},
    {"EndsPastTheEnd", [](DiskBuilder& d) { d.entry(0, 0, 0x83, 2040, 100); }, Kind::mbr, "p1@1044480+51200!", "lie past the end"},
    {"StartsPastTheEnd", [](DiskBuilder& d) { two_primaries(d), d.entry(0, 2, 0x83, 5000, 100); }, Kind::mbr,
     "p1@4096+4096 p2@8192+8192 p3@2560000+51200-!", "past the end"},
    {"AllPastTheEnd", [](DiskBuilder& d) { d.entry(0, 0, 0x83, 5000, 100); }, Kind::mbr, "p1@2560000+51200-!", "past the end"},
    {"LongestOfAll", [](DiskBuilder& d) { d.entry(0, 0, 0x83, 0xffffffff, 0xffffffff).entry(0, 1, 0x83, 8, 8); }, Kind::mbr,
     "p1@2199023255040+2199023255040-! p2@4096+4096", "past the end"},
    {"Overlap", [](DiskBuilder& d) { d.entry(0, 0, 0x83, 8, 20).entry(0, 1, 7, 16, 16); }, Kind::mbr,
     "p1@4096+10240 p2@8192+8192", "p2 overlaps p1"},
    {"OneInsideAnother", [](DiskBuilder& d) { d.entry(0, 0, 0x83, 8, 100).entry(0, 1, 7, 16, 4).entry(0, 2, 7, 50, 4); }, Kind::mbr,
     "p1@4096+51200 p2@8192+2048 p3@25600+2048", "p3 overlaps p1"},
    {"DynamicDisk", [](DiskBuilder& d) { d.entry(0, 0, 0x42, 8, 8); }, Kind::dynamic_disk, "p1@4096+4096-!", nullptr},
    {"SectorsOf4KiB", [](DiskBuilder& d) { d.entry(0, 0, 0x83, 8, 8).ext2(8 * 4096); }, Kind::mbr, "p1@32768+32768", nullptr},
    {"SectorsOf512WhereBothCouldBe", [](DiskBuilder& d) { d.entry(0, 0, 0x83, 8, 8).ext2(8 * 512).ext2(8 * 4096); }, Kind::mbr,
     "p1@4096+4096", nullptr},
    // File systems on the whole disk
    {"Ext2OnTheDisk", [](DiskBuilder& d) { d.ext2(0); }, Kind::whole_disk, "p0@0+1048576", nullptr},
    {"Ext2WithABootSignature", [](DiskBuilder& d) { d.ext2(0).u16(510, 0xaa55); }, Kind::whole_disk, "p0@0+1048576", nullptr},
    {"ATableBeforeOldExt2", [](DiskBuilder& d) { d.ext2(0), two_primaries(d); }, Kind::mbr, "p1@4096+4096 p2@8192+8192", nullptr},
    {"NtfsWithCodeInThePlaceOfEntries", [](DiskBuilder& d) {
       d.text(3, "NTFS    ").u16(510, 0xaa55).text(446, "A disk read error occurred. Press Ctrl+Alt+Del to restart"); },
     Kind::whole_disk, "p0@0+1048576", nullptr},
    {"NtfsWithCodeThatLooksLikeEntries", [](DiskBuilder& d) { d.text(3, "NTFS    ").entry(0, 0, 0x65, 0x72207265, 0x20737365); },
     Kind::whole_disk, "p0@0+1048576", nullptr},
    {"NtfsAndATableBeyondDoubt", [](DiskBuilder& d) { d.text(3, "NTFS    "), two_primaries(d); }, Kind::mbr,
     "p1@4096+4096 p2@8192+8192", nullptr},
    {"FatWithAFakeTable", [](DiskBuilder& d) {  // as mkfs.fat --mbr
       d.u8(0, 0xeb).u16(11, 512).u8(13, 4).u16(14, 1).u8(16, 2).u16(17, 512).u16(19, 2048).u8(21, 0xf8).u16(22, 2).entry(0, 0, 0xe, 0, 2048, 0x80); },
     Kind::whole_disk, "p0@0+1048576", nullptr},
    {"AppleMap", [](DiskBuilder& d) { d.text(0, "ER").text(512, "PM"); }, Kind::apm, "p0@0+1048576-!", "Apple"},
    {"HalfAnAppleMap", [](DiskBuilder& d) { d.text(0, "ER"); }, Kind::none, "", nullptr},
    {"BsdLabel", [](DiskBuilder& d) { d.u32(512, 0x82564557).u32(512 + 132, 0x82564557).u16(512 + 138, 0); }, Kind::bsd, "p0@0+1048576-!", "BSD"},
    {"BsdLabelWithAWrongChecksum", [](DiskBuilder& d) { d.u32(512, 0x82564557).u32(512 + 132, 0x82564557).u16(512 + 136, 1); },
     Kind::none, "", nullptr},
};

class MbrShapes : public testing::TestWithParam<Row> {};

TEST_P(MbrShapes, AreFound) {
  const Row& row = GetParam();
  DiskBuilder disk(row.size);
  row.build(disk);
  const VolumeTable table = disk.find();
  EXPECT_EQ(table.kind, row.kind);
  EXPECT_EQ(shape(table), row.shape);
  if (row.remark == nullptr)
    EXPECT_TRUE(table.remarks.empty()) << table.remarks[0].text;
  else
    EXPECT_TRUE(has_remark(table, row.remark)) << (table.remarks.empty() ? "no remark" : table.remarks[0].text);
}

INSTANTIATE_TEST_SUITE_P(All, MbrShapes, testing::ValuesIn(kRows), [](const auto& row) { return std::string(row.param.name); });

TEST(Mbr, TypesIdsAndFlags) {
  DiskBuilder disk(1 << 20);
  chain(disk);
  disk.u32(440, 0x0a1b2c3d).u8(446, 0x80);
  const VolumeTable table = disk.find();
  EXPECT_EQ(table.disk_uuid, "0a1b2c3d");
  ASSERT_EQ(table.volumes.size(), 4U);
  EXPECT_EQ(table.volumes[0].partition_uuid, "0a1b2c3d-01");
  EXPECT_EQ(table.volumes[0].partition_type, "0x83");
  EXPECT_TRUE(table.volumes[0].active);
  EXPECT_EQ(table.volumes[3].partition_uuid, "0a1b2c3d-07");
  EXPECT_EQ(table.volumes[3].partition_type, "0x8e");
  EXPECT_FALSE(table.volumes[3].active);
}

TEST(Mbr, WithoutAnIdThereAreNoUuids) {
  DiskBuilder disk(1 << 20);
  two_primaries(disk);
  EXPECT_EQ(disk.find().volumes[0].partition_uuid, "");
}

TEST(Mbr, ManyLogicalPartitionsAreBounded) {
  DiskBuilder disk(4 << 20);
  disk.entry(0, 0, 5, 100, 8000);
  for (std::uint32_t i = 0; i < 600; ++i) {
    disk.entry(100 + i * 2, 0, 0x83, 1, 1);
    if (i < 599) disk.entry(100 + i * 2, 1, 5, (i + 1) * 2, 2);
  }
  const VolumeTable table = disk.find();
  EXPECT_EQ(table.volumes.size(), 251U);
  EXPECT_EQ(table.volumes.back().name, "p255");
  EXPECT_TRUE(has_remark(table, "more than 255"));
}

TEST(Mbr, EmptyLinksAreBounded) {
  DiskBuilder disk(1 << 20);
  disk.entry(0, 0, 5, 100, 1000);
  for (std::uint32_t i = 0; i < 200; ++i) disk.entry(100 + i, 0, 5, i + 1, 1);
  const VolumeTable table = disk.find();
  EXPECT_TRUE(table.volumes.empty());
  EXPECT_TRUE(has_remark(table, "100 links"));
}

TEST(Mbr, ZeroSaysThatTheStartIsEmpty) {
  EXPECT_TRUE(DiskBuilder(4 << 20).find().zero);
  EXPECT_FALSE(DiskBuilder(4 << 20).u8(1000, 1).find().zero);
}

}  // namespace
}  // namespace imgfs::volumes
