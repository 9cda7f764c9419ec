#include <gtest/gtest.h>

#include <functional>

#include "tests/volumes/lvm_builder.h"
#include "volumes/lvm_raid.h"
#include "volumes/lvm_text.h"

namespace imgfs::volumes {
namespace {

/// A disk of partitions, each a physical volume; all with the same text.
DiskBuilder group_disk(std::size_t count, const std::string& text) {
  DiskBuilder disk(4096 + count * kPvSize);
  for (std::size_t i = 0; i < count; ++i) {
    const auto start = static_cast<std::uint32_t>(8 + i * kPvSize / 512);
    disk.entry(0, i, 0x8e, start, kPvSize / 512);
    physical_volume(disk, start * 512, i, text);
  }
  return disk;
}
std::size_t pv_start(std::size_t number) { return 4096 + number * kPvSize; }
/// Where an extent lies on the disk.
std::size_t extent_at(std::size_t pv, std::size_t extent) { return pv_start(pv) + kPeStart + extent * kExtent; }

const Volume* find(const VolumeTable& table, std::string_view name) {
  for (const Volume& volume : table.volumes)
    if (volume.name == name) return &volume;
  return nullptr;
}
std::uint64_t value_at(const BlockDevice& device, std::uint64_t offset) { return read_struct<le64>(device, offset).value().value(); }

std::string logical_volumes(const VolumeTable& table) {
  std::string out;
  for (const Volume& volume : table.volumes)
    if (!volume.volume_group.empty())
      out += (out.empty() ? "" : " ") + volume.name + "+" + std::to_string(volume.size / kExtent) + (volume.device ? "" : "-") +
             (volume.problem.empty() ? "" : "!");
  return out;
}

struct Row {
  const char* name;
  std::string volumes;   ///< of the text's logical_volumes
  std::string expected;  ///< "vg-NAME+extents"
  const char* problem;   ///< part of the first volume's; null: none
};

const std::string kHidden = "\"READ\"";

const Row kRows[] = {
    {"Linear", lv("a", segment(1, 0, 5, linear("pv0", 3))), "vg-a+5", nullptr},
    {"TwoSegments", lv("a", segment(1, 0, 5, linear("pv0", 3)) + segment(2, 5, 2, linear("pv1", 0))), "vg-a+7", nullptr},
    {"SegmentsOutOfOrder", lv("a", segment(1, 2, 5, linear("pv0", 3)) + segment(2, 0, 2, linear("pv1", 0))), "vg-a+7", nullptr},
    {"HyphensAreDoubled", lv("a-b--c", segment(1, 0, 1, linear("pv0", 0))), "vg-a--b----c+1", nullptr},
    {"HiddenIsNotListed", lv("a", segment(1, 0, 1, linear("pv0", 0)), kHidden) + lv("b", segment(1, 0, 1, linear("pv0", 1))), "vg-b+1", nullptr},
    {"Striped", lv("a", segment(1, 0, 4, "type = \"striped\"\nstripe_count = 2\nstripe_size = 2\nstripes = [\"pv0\", 0, \"pv1\", 5]")), "vg-a+4", nullptr},
    {"Mirror", lv("a", segment(1, 0, 2, "type = \"mirror\"\nmirror_count = 2\nmirrors = [\"i0\", 0, \"i1\", 0]")) +
                   lv("i0", segment(1, 0, 2, linear("pv0", 0)), kHidden) + lv("i1", segment(1, 0, 2, linear("pv1", 0)), kHidden), "vg-a+2", nullptr},
    {"Pvmove", lv("a", segment(1, 0, 2, linear("pvmove0", 1))) +
                   lv("pvmove0", segment(1, 0, 1, "type = \"mirror\"\nmirror_count = 2\nmirrors = [\"pv0\", 4, \"pv1\", 4]") +
                                     segment(2, 1, 3, "type = \"mirror\"\nmirror_count = 2\nmirrors = [\"pv0\", 8, \"pv1\", 8]"), kHidden), "vg-a+2", nullptr},
    {"Zero", lv("a", segment(1, 0, 2, "type = \"zero\"")), "vg-a+2", nullptr},
    {"Error", lv("a", segment(1, 0, 2, "type = \"error\"")), "vg-a+2-!", "mapped to errors"},
    {"Thin", lv("a", segment(1, 0, 9, "type = \"thin\"\nthin_pool = \"pool\"")), "vg-a+9-!", "\"thin\" is not read"},
    {"ThinPool", lv("a", segment(1, 0, 9, "type = \"thin-pool\"")), "vg-a+9-!", "\"thin-pool\" is not read"},
    {"Cache", lv("a", segment(1, 0, 9, "type = \"cache+METADATA_FORMAT\"")), "vg-a+9-!", "\"cache\" is not read"},
    {"Raid5", lv("a", segment(1, 0, 9, "type = \"raid5_ls\"")), "vg-a+9-!", "\"raid5_ls\" is not read"},
    {"Vdo", lv("a", segment(1, 0, 9, "type = \"vdo\"")), "vg-a+9-!", "\"vdo\" is not read"},
    {"Snapshot", lv("cow", segment(1, 0, 2, linear("pv0", 0))) + lv("a", segment(1, 0, 2, linear("pv0", 2))) +
                     lv("snapshot0", segment(1, 0, 2, "type = \"snapshot\"\nchunk_size = 8\norigin = \"a\"\ncow_store = \"cow\"")),
     "vg-cow+2-! vg-a+2", "snapshot of \"a\""},
    {"SnapshotThatIsMerged", lv("a", segment(1, 0, 2, linear("pv0", 2))) +
                                 lv("snapshot0", segment(1, 0, 2, "type = \"snapshot\"\norigin = \"a\"\nmerging_store = \"cow\"")), "vg-a+2-!", "being merged"},
    // Damaged
    {"PastTheLastExtent", lv("a", segment(1, 0, 5, linear("pv0", 36))) + lv("b", segment(1, 0, 1, linear("pv0", 39))), "vg-a+5-! vg-b+1", "has 40"},
    {"NegativeExtent", lv("a", segment(1, 0, 5, linear("pv0", -1))), "vg-a+5-!", "extent -1"},
    {"NoSuchPhysicalVolume", lv("a", segment(1, 0, 5, linear("pv9", 0))), "vg-a+5-!", "not there"},
    {"AGap", lv("a", segment(1, 1, 5, linear("pv0", 0))), "vg-a+5-!", "gap"},
    {"SegmentsOverlap", lv("a", segment(1, 0, 5, linear("pv0", 0)) + segment(2, 4, 5, linear("pv0", 10))), "vg-a+10-!", "overlap"},
    {"NoSegments", lv("a", ""), "vg-a+0-!", "without segments"},
    {"StripesDisagree", lv("a", segment(1, 0, 4, "type = \"striped\"\nstripe_count = 3\nstripe_size = 2\nstripes = [\"pv0\", 0]")), "vg-a+4-!", "disagree"},
    {"FourBillionStripes", lv("a", segment(1, 0, 4, "type = \"striped\"\nstripe_count = 4294967295\nstripe_size = 2\nstripes = [\"pv0\", 0]")), "vg-a+4-!", "disagree"},
    {"StripeSizeZero", lv("a", segment(1, 0, 4, "type = \"striped\"\nstripe_count = 2\nstripe_size = 0\nstripes = [\"pv0\", 0, \"pv1\", 0]")), "vg-a+4-!", "stripe_size"},
    {"StripeSizeThatDoesNotDivide", lv("a", segment(1, 0, 4, "type = \"striped\"\nstripe_count = 2\nstripe_size = 3\nstripes = [\"pv0\", 0, \"pv1\", 0]")), "vg-a+4-!", "does not divide"},
    {"OnItself", lv("a", segment(1, 0, 4, linear("a", 0))), "vg-a+4-!", "loop"},
    {"OnEachOther", lv("a", segment(1, 0, 4, linear("b", 0))) + lv("b", segment(1, 0, 4, linear("a", 0)), kHidden), "vg-a+4-!", "loop"},
    {"DeeperThanSix", [] {
       std::string out = lv("a", segment(1, 0, 4, linear("l0", 0)));
       for (int i = 0; i < 7; ++i) out += lv("l" + std::to_string(i), segment(1, 0, 4, linear("l" + std::to_string(i + 1), 0)), kHidden);
       return out + lv("l7", segment(1, 0, 4, linear("pv0", 0)), kHidden); }(), "vg-a+4-!", "deeper than 6"},
    {"NoLogicalVolumes", "", "", nullptr},
    {"ANameThatIsAPath", lv(".", segment(1, 0, 1, linear("pv0", 0))), "", nullptr},
};

class LvmShapes : public testing::TestWithParam<Row> {};

TEST_P(LvmShapes, AreFound) {
  const Row& row = GetParam();
  const VolumeTable table = group_disk(2, group_text(row.volumes, 2)).find();
  EXPECT_EQ(logical_volumes(table), row.expected);
  if (table.volumes.size() < 3) return;
  if (row.problem == nullptr)
    EXPECT_EQ(table.volumes[2].problem, "");
  else
    EXPECT_NE(table.volumes[2].problem.find(row.problem), std::string::npos) << table.volumes[2].problem;
}

INSTANTIATE_TEST_SUITE_P(All, LvmShapes, testing::ValuesIn(kRows), [](const auto& row) { return std::string(row.param.name); });

VolumeTable open_row(std::string_view name, std::size_t count = 2) {
  for (const Row& row : kRows)
    if (row.name == name) return group_disk(count, group_text(row.volumes, 2)).find();
  return {};
}

TEST(Lvm, BytesLieWhereTheTextSays) {
  const VolumeTable two = open_row("TwoSegments");
  EXPECT_EQ(value_at(*find(two, "vg-a")->device, 0), extent_at(0, 3));
  EXPECT_EQ(value_at(*find(two, "vg-a")->device, 5 * kExtent - 8), extent_at(0, 8) - 8);
  EXPECT_EQ(value_at(*find(two, "vg-a")->device, 5 * kExtent), extent_at(1, 0));
  const VolumeTable striped = open_row("Striped");  // in chunks of 1024
  for (std::uint64_t chunk = 0; chunk < 16; ++chunk)
    for (const std::uint64_t at : {0U, 1016U})
      EXPECT_EQ(value_at(*find(striped, "vg-a")->device, chunk * 1024 + at),
                extent_at(chunk % 2, chunk % 2 == 0 ? 0 : 5) + chunk / 2 * 1024 + at);
  const VolumeTable mirror = open_row("Mirror");
  EXPECT_EQ(value_at(*find(mirror, "vg-a")->device, 8), extent_at(0, 0) + 8);
  const VolumeTable moved = open_row("Pvmove");
  EXPECT_EQ(value_at(*find(moved, "vg-a")->device, 0), extent_at(0, 8));
  const VolumeTable zero = open_row("Zero");
  EXPECT_EQ(value_at(*find(zero, "vg-a")->device, 0), 0U);
  EXPECT_EQ(find(zero, "vg-a")->device->locate(0, 8192).value().kind, Location::Kind::zero);
  std::vector<std::byte> bytes(8);
  EXPECT_FALSE(find(two, "vg-a")->device->read(7 * kExtent - 4, bytes));
}

TEST(Lvm, AMissingVolumeCostsWhatLiesOnIt) {
  const VolumeTable table = open_row("TwoSegments", 1);
  const Volume& volume = *find(table, "vg-a");
  EXPECT_NE(volume.problem.find(pv_uuid(1) + " (/dev/sdb) is missing"), std::string::npos) << volume.problem;
  EXPECT_EQ(value_at(*volume.device, 5 * kExtent - 8), extent_at(0, 8) - 8);
  std::vector<std::byte> bytes(8);
  const auto read = volume.device->read(5 * kExtent, bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::io);
  EXPECT_FALSE(volume.device->locate(5 * kExtent, 8));
  EXPECT_FALSE(volume.device->read(5 * kExtent - 4, bytes));  // across the border
  const VolumeTable mirror = open_row("Mirror", 1);
  EXPECT_EQ(find(mirror, "vg-a")->problem, "");
}

TEST(Lvm, AMissingFirstLegOfAMirrorIsReplaced) {
  std::string text;
  for (const Row& row : kRows)
    if (std::string_view(row.name) == "Mirror") text = group_text(row.volumes, 2);
  DiskBuilder disk = group_disk(2, text);
  disk.text(pv_start(0) + 512, "xxxxxxxx");
  const VolumeTable table = disk.find();
  ASSERT_NE(find(table, "vg-a"), nullptr);
  EXPECT_EQ(find(table, "vg-a")->problem, "");
  EXPECT_EQ(value_at(*find(table, "vg-a")->device, 0), extent_at(1, 0));
}

TEST(Lvm, TheNewestTextIsUsed) {
  DiskBuilder disk = group_disk(2, group_text(lv("old", segment(1, 0, 1, linear("pv0", 0))), 2, 7));
  physical_volume(disk, pv_start(1), 1, group_text(lv("new", segment(1, 0, 1, linear("pv0", 0))), 2, 8));
  EXPECT_EQ(logical_volumes(disk.find()), "vg-new+1");
  EXPECT_TRUE(has_remark(disk.find(), "number 8 beside number 7"));
}

TEST(Lvm, TheTextMayWrapAround) {
  const std::string text = group_text(lv("a", segment(1, 0, 1, linear("pv0", 0))));
  for (const std::size_t at : {std::size_t{512}, kAreaSize - 1, kAreaSize - 100, kAreaSize - text.size(), kAreaSize - text.size() - 1}) {
    DiskBuilder disk(kPvSize);
    physical_volume(disk, 0, 0, text, at);
    const VolumeTable table = disk.find();
    EXPECT_EQ(logical_volumes(table), "vg-a+1") << at;
    EXPECT_EQ(table.kind, VolumeTable::Kind::whole_disk);
    EXPECT_EQ(table.volumes[0].content, "lvm2-pv");
    EXPECT_EQ(table.volumes[0].uuid, pv_uuid(0));
  }
}

struct Damage {
  const char* name;
  std::function<void(DiskBuilder&)> change;  ///< of a whole disk with one physical volume
  const char* problem;                       ///< of the physical volume
};

void reseal(DiskBuilder& d) { d.u32(kArea, d.lvm_crc(kArea + 4, 508)); }

const Damage kDamages[] = {
    {"Text", [](DiskBuilder& d) { d.u8(kArea + 600, 'x'); }, "checksum of the LVM metadata text"},
    {"Header", [](DiskBuilder& d) { d.u8(kArea + 300, 1); }, "checksum of the LVM metadata area's header"},
    {"Magic", [](DiskBuilder& d) { d.u8(kArea + 4, 1), reseal(d); }, "without its magic"},
    {"Version", [](DiskBuilder& d) { d.u8(kArea + 20, 2), reseal(d); }, "version 2"},
    {"Place", [](DiskBuilder& d) { d.u64(kArea + 24, 8192), reseal(d); }, "for offset 8192"},
    {"AreaSize", [](DiskBuilder& d) { d.u64(kArea + 32, UINT64_MAX), reseal(d); }, "does not fit"},
    {"TextFarAway", [](DiskBuilder& d) { d.u64(kArea + 40, std::uint64_t{1} << 50), reseal(d); }, "does not fit into its area"},
    {"TextInTheHeader", [](DiskBuilder& d) { d.u64(kArea + 40, 100), reseal(d); }, "does not fit into its area"},
    {"TextTooLong", [](DiskBuilder& d) { d.u64(kArea + 48, kAreaSize), reseal(d); }, "does not fit into its area"},
    {"Syntax", [](DiskBuilder& d) { physical_volume(d, 0, 0, "vg { id = \"x\" seqno = "); }, "a value was expected"},
    {"NoGroup", [](DiskBuilder& d) { physical_volume(d, 0, 0, "version = 1"); }, "without a volume group"},
    {"NoSeqno", [](DiskBuilder& d) { physical_volume(d, 0, 0, "vg { }"); }, "sequence number"},
    {"NoExtentSize", [](DiskBuilder& d) { physical_volume(d, 0, 0, "vg { seqno = 1 }"); }, "extent_size"},
    {"ExtentSizeZero", [](DiskBuilder& d) { physical_volume(d, 0, 0, "vg { seqno = 1 extent_size = 0 }"); }, "extent_size"},
    {"AreaPastTheEnd", [](DiskBuilder& d) { d.u64(512 + 104, 1 << 30).u32(512 + 16, d.lvm_crc(512 + 20, 492)); }, "past the end"},
};

TEST(Lvm, DamagedMetadataIsSaid) {
  for (const Damage& row : kDamages) {
    DiskBuilder disk(kPvSize);
    physical_volume(disk, 0, 0, group_text(lv("a", segment(1, 0, 1, linear("pv0", 0)))));
    row.change(disk);
    const VolumeTable table = disk.find();
    ASSERT_EQ(table.volumes.size(), 1U) << row.name;
    EXPECT_NE(table.volumes[0].problem.find(row.problem), std::string::npos) << row.name << ": " << table.volumes[0].problem;
    EXPECT_EQ(table.remarks.size(), 1U) << row.name;
  }
}

TEST(Lvm, ADamagedLabelIsNone) {
  DiskBuilder disk(kPvSize);
  physical_volume(disk, 0, 0, "");
  EXPECT_EQ(disk.find().volumes[0].content, "lvm2-pv");
  disk.u8(512 + 70, 9);
  EXPECT_TRUE(disk.find().volumes.empty());
}

TEST(Lvm, AGroupWithAnImpossibleNameIsSaid) {
  DiskBuilder disk(kPvSize);
  physical_volume(disk, 0, 0, group_text(lv("a", segment(1, 0, 1, linear("pv0", 0))), 1, 1, "-vg"));
  EXPECT_TRUE(has_remark(disk.find(), "can be called \"-vg\""));
}

/// A leg's dm-raid superblock.
Device raid_meta(std::uint64_t events, std::uint64_t failed, std::uint64_t recovered) {
  DiskBuilder meta(4096);
  return meta.u32(0, 0x64526d44).u64(16, events).u64(24, failed).u64(32, recovered).device();
}

TEST(Raid1, TheLegThatIsInSyncIsChosen) {
  const std::uint64_t all = UINT64_MAX;
  const Device blank = DiskBuilder(4096).device();
  EXPECT_EQ(choose_raid1_leg({{blank, true}, {blank, true}}), 0U);
  EXPECT_EQ(choose_raid1_leg({{blank, false}, {blank, true}}), 1U);
  EXPECT_EQ(choose_raid1_leg({{nullptr, false}, {nullptr, false}}), 0U);
  EXPECT_EQ(choose_raid1_leg({{raid_meta(5, 0, all), true}, {raid_meta(5, 0, all), true}}), 0U);
  EXPECT_EQ(choose_raid1_leg({{raid_meta(5, 0, all), false}, {raid_meta(5, 0, all), true}}), 1U);
  EXPECT_EQ(choose_raid1_leg({{raid_meta(4, 0, all), true}, {raid_meta(5, 1, all), true}}), 1U);    // stale
  EXPECT_EQ(choose_raid1_leg({{raid_meta(5, 1, all), true}, {raid_meta(5, 1, all), true}}), 1U);    // failed
  EXPECT_EQ(choose_raid1_leg({{raid_meta(5, 0, 1000), true}, {raid_meta(5, 0, all), true}}), 1U);   // being rebuilt
  EXPECT_EQ(choose_raid1_leg({{raid_meta(5, 0, 0), true}, {raid_meta(5, 0, 0), true}}), 0U);
  EXPECT_EQ(choose_raid1_leg({{raid_meta(4, 0, all), true}, {raid_meta(5, 1, all), false}}), 0U);   // nothing better
}

TEST(LvmText, Values) {
  const auto top = parse_lvm_text("# c\na=1 b = \"x\\\"y\\\\\" c=[\"p\",2,'q\\',] d { e = -5 f=1.5 g=[] }\nh{}");
  ASSERT_TRUE(top);
  EXPECT_EQ(top.value().number_of("a", 10), 1U);
  EXPECT_EQ(top.value().number_of("a", 0), std::nullopt);
  EXPECT_EQ(top.value().text_of("b"), "x\"y\\");
  EXPECT_TRUE(top.value().has_flag("c", "q\\"));
  ASSERT_NE(top.value().section("d"), nullptr);
  EXPECT_EQ(top.value().section("d")->number_of("e", 10), std::nullopt);
  EXPECT_EQ(top.value().section("d")->number_of("f", 10), 1U);
  EXPECT_EQ(top.value().section("a"), nullptr);
  EXPECT_EQ(top.value().find("z"), nullptr);
  EXPECT_NE(top.value().section("h"), nullptr);
}

TEST(LvmText, Mistakes) {
  for (const char* text : {"a", "a=", "a={", "a{", "}", "a{}}", "a=[", "a=[1", "a=[1 2]", "a=\"x", "=1", "a=b", "a=1x", "a=[[1]]", "a b", "a=99999999999999999999"})
    EXPECT_FALSE(parse_lvm_text(text)) << text;
  EXPECT_TRUE(parse_lvm_text(""));
  EXPECT_TRUE(parse_lvm_text("# only a comment"));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "a{";
  EXPECT_FALSE(parse_lvm_text(deep));
  std::string many = "a=[";
  for (int i = 0; i < 600'000; ++i) many += "1,";
  const auto result = parse_lvm_text(many + "]");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::too_large);
}

}  // namespace
}  // namespace imgfs::volumes
