#include <gtest/gtest.h>

#include <functional>

#include "tests/volumes/disk_builder.h"

namespace imgfs::volumes {
namespace {

using Kind = VolumeTable::Kind;

struct GptOptions {
  std::size_t sector = 512;
  std::size_t disk = 1 << 20;  ///< bytes
  std::size_t entry_size = 128;
  std::size_t entries = 128;
  std::size_t table_lba = 2;
  bool protective = true;
};

/// Two partitions: entry 1 at sectors 64 to 71, entry 4 at sectors 80 to 95.
class GptDisk : public DiskBuilder {
 public:
  explicit GptDisk(GptOptions options = {}) : DiskBuilder(options.disk), o_(options) {
    last_ = o_.disk / o_.sector - 1;
    backup_table_ = last_ - (o_.entries * o_.entry_size + o_.sector - 1) / o_.sector;
    if (o_.protective) entry(0, 0, 0xee, 1, static_cast<std::uint32_t>(last_));
    for (const std::size_t table : {o_.table_lba, backup_table_}) {
      partition(table, 0, 64, 71, "first");
      partition(table, 3, 80, 95, "r\xc3\xb6");
    }
    seal();
  }

  void partition(std::size_t table, std::size_t index, std::uint64_t first, std::uint64_t last, std::string_view name) {
    const std::size_t at = table * o_.sector + index * o_.entry_size;
    for (std::size_t i = 0; i < 16; ++i) u8(at + i, 0xa0 + i).u8(at + 16 + i, 0xb0 + index);
    u64(at + 32, first).u64(at + 40, last).u64(at + 48, index == 3 ? 4 : 0);
    if (name == "r\xc3\xb6")
      u16(at + 56, 'r').u16(at + 58, 0xf6);
    else
      for (std::size_t i = 0; i < name.size(); ++i) u16(at + 56 + 2 * i, static_cast<unsigned char>(name[i]));
  }
  /// Writes both headers with their checksums.
  void seal() {
    header(1, last_, o_.table_lba);
    header(last_, 1, backup_table_);
  }
  void header(std::size_t lba, std::size_t other, std::size_t table) {
    const std::size_t at = lba * o_.sector;
    text(at, "EFI PART").u32(at + 8, 0x10000).u32(at + 12, 92).u64(at + 24, lba).u64(at + 32, other);
    u64(at + 40, 34).u64(at + 48, backup_table_ - 1).text(at + 56, "0123456789abcdef");
    u64(at + 72, table).u32(at + 80, o_.entries).u32(at + 84, o_.entry_size);
    u32(at + 88, crc(table * o_.sector, o_.entries * o_.entry_size));
    fix(lba);
  }
  /// The checksum of one header.
  void fix(std::size_t lba) {
    const std::size_t at = lba * o_.sector;
    u32(at + 16, 0);
    u32(at + 16, crc(at, 92));
  }
  std::size_t last() const { return last_; }
  std::size_t backup_table() const { return backup_table_; }

 private:
  GptOptions o_;
  std::size_t last_;
  std::size_t backup_table_;
};

constexpr char kBoth[] = "p1@32768+4096 p4@40960+8192";

struct Row {
  const char* name;
  GptOptions options;
  std::function<void(GptDisk&)> change;
  Kind kind;
  std::string shape;
  const char* remark;
};

std::string at_4k() { return "p1@262144+32768 p4@327680+65536"; }

const Row kRows[] = {
    {"Plain", {}, [](GptDisk&) {}, Kind::gpt, kBoth, nullptr},
    {"SectorsOf4KiB", {4096, 4 << 20}, [](GptDisk&) {}, Kind::gpt, at_4k(), nullptr},
    {"EntriesOf256Bytes", {512, 1 << 20, 256, 64}, [](GptDisk&) {}, Kind::gpt, kBoth, nullptr},
    {"EntriesOf136Bytes", {512, 1 << 20, 136, 10}, [](GptDisk&) {}, Kind::gpt, kBoth, nullptr},
    {"FourEntries", {512, 1 << 20, 128, 4}, [](GptDisk&) {}, Kind::gpt, kBoth, nullptr},
    {"TableAtSector20", {512, 1 << 20, 128, 128, 20}, [](GptDisk&) {}, Kind::gpt, kBoth, nullptr},
    {"PrimarySignature", {}, [](GptDisk& d) { d.text(512, "EFI PERT"); }, Kind::gpt, kBoth, "the backup is shown"},
    {"PrimaryChecksum", {}, [](GptDisk& d) { d.u8(512 + 40, 35); }, Kind::gpt, kBoth, "checksum of the header"},
    {"PrimaryEntries", {}, [](GptDisk& d) { d.u8(1024 + 32, 65); }, Kind::gpt, kBoth, "checksum of the entries"},
    {"PrimaryOfAnotherPlace", {}, [](GptDisk& d) { d.u64(512 + 24, 2), d.fix(1); }, Kind::gpt, kBoth, "lies at sector 2"},
    {"PrimaryHeaderSize", {}, [](GptDisk& d) { d.u32(512 + 12, 1000), d.fix(1); }, Kind::gpt, kBoth, "header size 1000"},
    {"PrimaryZeroed", {}, [](GptDisk& d) { std::fill_n(d.bytes().begin() + 512, 17 << 10, std::byte{0}); }, Kind::gpt, kBoth,
     "the backup is shown"},
    {"Primary4KiBZeroed", {4096, 4 << 20}, [](GptDisk& d) { d.text(4096, "xxxx"); }, Kind::gpt, at_4k(), "the backup is shown"},
    {"BackupSignature", {}, [](GptDisk& d) { d.text(d.last() * 512, "EFI PERT"); }, Kind::gpt, kBoth, "the backup is damaged"},
    {"BackupEntries", {}, [](GptDisk& d) { d.u8(d.backup_table() * 512, 1); }, Kind::gpt, kBoth, "the backup is damaged"},
    {"BackupDiffers", {}, [](GptDisk& d) { d.partition(2, 1, 100, 101, "x"), d.seal(); }, Kind::gpt,
     "p1@32768+4096 p2@51200+1024 p4@40960+8192", "differs"},
    {"BothChecksums", {}, [](GptDisk& d) { d.u8(512 + 40, 35).u8(d.last() * 512 + 40, 35); }, Kind::gpt, "", "neither"},
    {"OnlyTheProtectiveMbr", {}, [](GptDisk& d) { d.text(512, "x").text(d.last() * 512, "x"); }, Kind::gpt, "", "no GPT"},
    {"EntrySize64", {512, 1 << 20, 64, 128}, [](GptDisk&) {}, Kind::gpt, "", "entries of 64 bytes"},
    {"EntrySize0", {}, [](GptDisk& d) { for (auto lba : {std::size_t{1}, d.last()}) d.u32(lba * 512 + 84, 0), d.fix(lba); }, Kind::gpt, "",
     "entries of 0 bytes"},
    {"FourBillionEntries", {}, [](GptDisk& d) { for (auto lba : {std::size_t{1}, d.last()}) d.u32(lba * 512 + 80, 0xffffffff), d.fix(lba); },
     Kind::gpt, "", "4294967295 entries"},
    {"TablePastTheEnd", {}, [](GptDisk& d) { for (auto lba : {std::size_t{1}, d.last()}) d.u64(lba * 512 + 72, UINT64_MAX), d.fix(lba); },
     Kind::gpt, "", "past the end"},
    {"EndsBeforeItsStart", {}, [](GptDisk& d) { for (auto t : {std::size_t{2}, d.backup_table()}) d.partition(t, 1, 100, 99, "x"); d.seal(); },
     Kind::gpt, "p1@32768+4096 p2@51200+0-! p4@40960+8192", nullptr},
    {"EndsPastTheEnd", {}, [](GptDisk& d) { for (auto t : {std::size_t{2}, d.backup_table()}) d.partition(t, 1, 2000, 3000, "x"); d.seal(); },
     Kind::gpt, "p1@32768+4096 p2@1024000+512512! p4@40960+8192", "p2: cut short"},
    {"HugeNumbers", {}, [](GptDisk& d) { for (auto t : {std::size_t{2}, d.backup_table()}) d.partition(t, 1, UINT64_MAX - 1, UINT64_MAX, "x"); d.seal(); },
     Kind::gpt, "p1@32768+4096 p2@?+0-! p4@40960+8192", nullptr},
    {"Overlap", {}, [](GptDisk& d) { for (auto t : {std::size_t{2}, d.backup_table()}) d.partition(t, 1, 70, 75, "x"); d.seal(); },
     Kind::gpt, "p1@32768+4096 p2@35840+3072 p4@40960+8192", "p2 overlaps p1"},
    {"DiskGrown", {}, [](GptDisk& d) { d.bytes().resize(2 << 20); }, Kind::gpt, kBoth, "has grown"},
    {"DiskGrownAndPrimaryDamaged", {}, [](GptDisk& d) { d.bytes().resize(2 << 20), d.text(512, "x"); }, Kind::gpt, kBoth, "the backup is shown"},
    {"DiskCut", {}, [](GptDisk& d) { d.bytes().resize(512 << 10); }, Kind::gpt, kBoth, "shorter than its table"},
    {"ProtectiveMbrOfALongerDisk", {}, [](GptDisk& d) { d.entry(0, 0, 0xee, 1, 5000); }, Kind::gpt, kBoth, "covers 5001 sectors"},
    {"ProtectiveMbrOfTheLargestSize", {}, [](GptDisk& d) { d.entry(0, 0, 0xee, 1, 0xffffffff); }, Kind::gpt, kBoth, nullptr},
    {"Hybrid", {}, [](GptDisk& d) { d.entry(0, 1, 0x83, 64, 8); }, Kind::gpt, kBoth, "hybrid MBR: 1 "},
    {"NoMbr", {512, 1 << 20, 128, 128, 2, false}, [](GptDisk&) {}, Kind::gpt, kBoth, "without a protective MBR"},
    {"AnMbrOfItsOwn", {512, 1 << 20, 128, 128, 2, false}, [](GptDisk& d) { d.entry(0, 0, 0x83, 64, 8); }, Kind::mbr, "p1@32768+4096",
     "a GPT is there as well"},
    {"OldGptUnderAFileSystem", {512, 1 << 20, 128, 128, 2, false}, [](GptDisk& d) { std::fill_n(d.bytes().begin(), 4096, std::byte{0}), d.ext2(0); }, Kind::whole_disk, "p0@0+1048576",
     "a GPT is there as well"},
    {"DynamicDisk", {}, [](GptDisk& d) {
       for (auto t : {std::size_t{2}, d.backup_table()})
         d.text(t * 512, "\xa0\x60\x9b\xaf\x31\x14\x62\x4f\xbc\x68\x33\x11\x71\x4a\x69\xad");
       d.seal(); }, Kind::dynamic_disk, "p1@32768+4096-! p4@40960+8192", nullptr},
};

class GptShapes : public testing::TestWithParam<Row> {};

TEST_P(GptShapes, AreFound) {
  const Row& row = GetParam();
  GptDisk disk(row.options);
  row.change(disk);
  const VolumeTable table = disk.find();
  EXPECT_EQ(table.kind, row.kind);
  EXPECT_EQ(shape(table), row.shape);
  if (row.remark == nullptr)
    EXPECT_TRUE(table.remarks.empty()) << table.remarks[0].text;
  else
    EXPECT_TRUE(has_remark(table, row.remark)) << (table.remarks.empty() ? "no remark" : table.remarks[0].text);
}

INSTANTIATE_TEST_SUITE_P(All, GptShapes, testing::ValuesIn(kRows), [](const auto& row) { return std::string(row.param.name); });

TEST(Gpt, NamesUuidsAndAttributes) {
  const VolumeTable table = GptDisk().find();
  ASSERT_EQ(table.volumes.size(), 2U);
  EXPECT_EQ(table.disk_uuid, "33323130-3534-3736-3839-616263646566");
  EXPECT_EQ(table.volumes[0].partition_label, "first");
  EXPECT_EQ(table.volumes[1].partition_label, "r\xc3\xb6");
  EXPECT_EQ(table.volumes[0].partition_type, "a3a2a1a0-a5a4-a7a6-a8a9-aaabacadaeaf");
  EXPECT_EQ(table.volumes[1].partition_uuid, "b3b3b3b3-b3b3-b3b3-b3b3-b3b3b3b3b3b3");
  EXPECT_FALSE(table.volumes[0].active);
  EXPECT_TRUE(table.volumes[1].active);
  EXPECT_EQ(GptDisk({4096, 4 << 20}).find().sector_size, 4096U);
}

TEST(Gpt, EveryDamagedByteOfThePrimaryIsNoticed) {
  const std::string expected = kBoth;
  for (std::size_t at = 0; at < 92; ++at) {
    GptDisk disk;
    disk.bytes()[512 + at] ^= std::byte{1};
    const VolumeTable table = disk.find();
    EXPECT_EQ(shape(table), expected) << at;
    EXPECT_TRUE(has_remark(table, "the backup is shown")) << at;
  }
}

}  // namespace
}  // namespace imgfs::volumes
