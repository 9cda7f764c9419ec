#include <gtest/gtest.h>

#include <functional>

#include "tests/volumes/disk_builder.h"
#include "volumes/content.h"

namespace imgfs::volumes {
namespace {

using namespace std::string_view_literals;

struct Row {
  const char* name;
  std::function<void(DiskBuilder&)> build;
  const char* type;
  const char* label;
  const char* uuid;
};

void sequence(DiskBuilder& d, std::size_t at) { for (std::size_t i = 0; i < 16; ++i) d.u8(at + i, i); }
constexpr char kSequence[] = "00010203-0405-0607-0809-0a0b0c0d0e0f";

const Row kRows[] = {
    {"Empty", [](DiskBuilder&) {}, "", "", ""},
    {"Swap", [](DiskBuilder& d) { d.text(4086, "SWAPSPACE2").u32(1024, 1).text(1052, "my swap"), sequence(d, 1036); }, "swap", "my swap", kSequence},
    {"SwapOf64KiBPages", [](DiskBuilder& d) { d.text(65526, "SWAPSPACE2").u32(1024, 1); }, "swap", "", ""},
    {"OldSwap", [](DiskBuilder& d) { d.text(4086, "SWAP-SPACE"); }, "swap", "", ""},
    {"Suspended", [](DiskBuilder& d) { d.text(4086, "S1SUSPEND"), sequence(d, 1036); }, "swsuspend", "", kSequence},
    {"Luks1", [](DiskBuilder& d) { d.text(0, "LUKS\xba\xbe\0\1"sv).text(168, "0f00-uuid"); }, "luks", "", "0f00-uuid"},
    {"Luks2", [](DiskBuilder& d) { d.text(0, "LUKS\xba\xbe\0\2"sv).text(24, "secret").text(168, "0f00-uuid"); }, "luks", "secret", "0f00-uuid"},
    {"BitLocker", [](DiskBuilder& d) { d.text(3, "-FVE-FS-"); }, "BitLocker", "", ""},
    {"Refs", [](DiskBuilder& d) { d.text(3, "ReFS\0\0\0\0"sv); }, "ReFS", "", ""},
    {"Ntfs", [](DiskBuilder& d) { d.text(3, "NTFS    "); }, "ntfs", "", ""},
    {"Exfat", [](DiskBuilder& d) { d.text(3, "EXFAT   ").u16(510, 0xaa55).u32(100, 0x1234abcd); }, "exfat", "", "1234-ABCD"},
    {"Xfs", [](DiskBuilder& d) { d.text(0, "XFSB").text(108, "twelve chars"), sequence(d, 32); }, "xfs", "twelve chars", kSequence},
    {"Btrfs", [](DiskBuilder& d) { d.text(65600, "_BHRfS_M").text(65835, "data"), sequence(d, 65568); }, "btrfs", "data", kSequence},
    {"Ext2", [](DiskBuilder& d) { d.ext2(0).text(1024 + 120, "root"), sequence(d, 1024 + 104); }, "ext2", "root", kSequence},
    {"Ext3", [](DiskBuilder& d) { d.ext2(0).u32(1024 + 92, 4); }, "ext3", "", ""},
    {"Ext4", [](DiskBuilder& d) { d.ext2(0).u32(1024 + 92, 4).u32(1024 + 96, 0x40); }, "ext4", "", ""},
    {"ExternalJournal", [](DiskBuilder& d) { d.ext2(0).u32(1024 + 96, 8); }, "jbd", "", ""},
    {"ExtWithImpossibleBlocks", [](DiskBuilder& d) { d.ext2(0).u32(1024 + 24, 99); }, "", "", ""},
    {"Squashfs", [](DiskBuilder& d) { d.text(0, "hsqs"); }, "squashfs", "", ""},
    {"Iso9660", [](DiskBuilder& d) { d.text(32768, "\1CD001\1").text(32768 + 40, "DEBIAN 12                       ").text(32768 + 813, "2024061512304500"); },
     "iso9660", "DEBIAN 12", "2024-06-15-12-30-45-00"},
    {"Udf", [](DiskBuilder& d) { d.text(32769, "BEA01").text(34817, "NSR03"); }, "udf", "", ""},
    {"Ufs1", [](DiskBuilder& d) { d.u32(8192 + 1372, 0x11954).u32(8192 + 144, 1).u32(8192 + 148, 2); }, "ufs", "", "0000000100000002"},
    {"Ufs2", [](DiskBuilder& d) { d.u32(65536 + 1372, 0x19540119).text(65536 + 680, "bsdroot"); }, "ufs", "bsdroot", "0000000000000000"},
    {"HfsPlus", [](DiskBuilder& d) { d.text(1024, "H+\0\4"sv); }, "hfsplus", "", ""},
    {"Hfs", [](DiskBuilder& d) { d.text(1024, "BD").u16(1046, 2); }, "hfs", "", ""},
    {"Nilfs2", [](DiskBuilder& d) { d.u32(1024, 2).u16(1030, 0x3434).text(1192, "nil"), sequence(d, 1176); }, "nilfs2", "nil", kSequence},
    {"Ext2WithSoManyInodesThatItLooksLikeHfs", [](DiskBuilder& d) { d.ext2(0).text(1024, "H+\0\4"sv); }, "ext2", "", ""},
    {"Apfs", [](DiskBuilder& d) { d.text(32, "NXSB"), sequence(d, 72); }, "apfs", "", kSequence},
    {"F2fs", [](DiskBuilder& d) { d.u32(1024, 0xf2f52010).u16(1024 + 124, 'x'), sequence(d, 1024 + 108); }, "f2fs", "x", kSequence},
    {"Zfs", [](DiskBuilder& d) { for (std::size_t i = 0; i < 4; ++i) d.u64(131072 + i * 1024, 0xbab10c); }, "zfs_member", "", ""},
    {"ThreeUberblocksAreTooFew", [](DiskBuilder& d) { for (std::size_t i = 0; i < 3; ++i) d.u64(131072 + i * 1024, 0xbab10c); }, "", "", ""},
    {"Erofs", [](DiskBuilder& d) { d.u32(1024, 0xe0f5e1e2); }, "erofs", "", ""},
    {"Vmfs", [](DiskBuilder& d) { d.u32(1 << 20, 0xc001d00d); }, "VMFS_volume_member", "", ""},
    {"IntelRaid", [](DiskBuilder& d) { d.text((2 << 20) - 1024, "Intel Raid ISM Cfg. Sig. 1.3.00"); }, "isw_raid_member", "", ""},
    {"Fat", [](DiskBuilder& d) { d.u8(0, 0xeb).u16(11, 512).u8(13, 4).u16(14, 1).u8(16, 2).u16(17, 512).u16(19, 4096).u8(21, 0xf8).u16(22, 16); },
     "vfat", "", ""},
    {"FatWithSectorsOf100Bytes", [](DiskBuilder& d) { d.u8(0, 0xeb).u16(11, 100).u8(13, 4).u16(14, 1).u8(16, 2).u16(19, 4096).u8(21, 0xf8).u16(22, 16); },
     "", "", ""},
};

class Contents : public testing::TestWithParam<Row> {};

TEST_P(Contents, AreRecognised) {
  DiskBuilder disk(2 << 20);
  GetParam().build(disk);
  const Content content = recognise(*disk.device());
  EXPECT_EQ(content.type, GetParam().type);
  EXPECT_EQ(content.label, GetParam().label);
  EXPECT_EQ(content.uuid, GetParam().uuid);
}

INSTANTIATE_TEST_SUITE_P(All, Contents, testing::ValuesIn(kRows), [](const auto& row) { return std::string(row.param.name); });

TEST(Content, TinyDevicesAreNothing) {
  for (const std::size_t size : {0U, 1U, 511U, 512U, 1023U, 4096U, 70000U}) EXPECT_FALSE(recognise(*DiskBuilder(size).device()));
}

}  // namespace
}  // namespace imgfs::volumes
