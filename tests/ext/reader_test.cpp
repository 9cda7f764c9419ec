#include <gmock/gmock.h>

#include "tests/ext/support.h"
#include "tests/support/walk.h"

namespace imgfs::ext {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

TEST(Ext, ReadsTheVariedImage) {
  const auto fs = open_or_fail(varied_image().device());
  ASSERT_TRUE(fs);
  EXPECT_EQ(remarks_of(*fs), "");
  EXPECT_EQ(fs->info().type, "ext4");
  EXPECT_EQ(fs->info().label, "test");
  EXPECT_EQ(fs->info().uuid, "01020304-0506-0708-090a-0b0c0d0e0f10");
  EXPECT_EQ(list_all(*fs, 2).size(), 8U);
  EXPECT_EQ(list_all(*fs, 19).size(), 6U);
  EXPECT_EQ(fs->read_link(16).value(), "to/it");
  EXPECT_EQ(read_all(*fs, 15), "inline data of forty bytes in all, so so");
  EXPECT_EQ(read_all(*fs, 12, 2046, 4), "aabb");
  EXPECT_EQ(fs->attribute(12, "user.x").value(), "value");
  EXPECT_EQ(to_hex(fs->attribute(12, "system.posix_acl_access").value()),
            "02000000"
            "01000600ffffffff"
            "20000400ffffffff");
  EXPECT_THAT(fs->list_attributes(12).value(), ElementsAre("user.x", "system.posix_acl_access"));
  EXPECT_EQ(fs->attribute(12, "user.y").error().code, Errc::no_attribute);
  EXPECT_EQ(fs->stat(17).value().device_major, 0x345U);
  EXPECT_EQ(fs->stat(17).value().device_minor, 0x1267U);
  EXPECT_EQ(fs->parent(18).value(), 2U);
  EXPECT_EQ(fs->read(2, 0, {}).error().code, Errc::is_directory);
  EXPECT_EQ(fs->lookup(12, "x").error().code, Errc::not_directory);
  EXPECT_EQ(fs->read_link(12).error().code, Errc::not_symlink);
  walk(*fs, {});
}

TEST(Ext, HolesAndUnwrittenExtentsReadAsZeros) {
  const auto fs = open_or_fail(varied_image().device());
  ASSERT_TRUE(fs);
  const std::string all = read_all(*fs, 13);
  ASSERT_EQ(all.size(), 20000U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const char want = i / 1024 == 1 ? 'c' : i / 1024 == 9 ? 'd' : '\0';
    ASSERT_EQ(all[i], want) << i;
  }
  EXPECT_EQ(fs->extent(13, 4096).value().kind, Extent::Kind::zero);
  EXPECT_EQ(fs->extent(13, 1024).value().kind, Extent::Kind::data);
  EXPECT_EQ(fs->extent(13, 1024).value().length, 1024U);
}

TEST(Ext, BlockPointersOfThreeLevels) {
  const auto fs = open_or_fail(varied_image().device());
  ASSERT_TRUE(fs);
  // 0 is direct, 14 through the first indirect block, 270 through the doubly indirect one.
  for (const std::uint64_t block : {0U, 14U, 270U})
    EXPECT_EQ(read_all(*fs, 14, block * 1024, 3), "ccc") << block;
  for (const std::uint64_t block : {1U, 12U, 13U, 15U, 268U, 271U})
    EXPECT_EQ(read_all(*fs, 14, block * 1024, 3), std::string(3, '\0')) << block;
}

TEST(Ext, TimesBefore1970AndAfter2038) {
  auto image = varied_image();
  image.set_field(12, offsetof(RawInode, i_mtime), le32(0xffffffffU));
  image.set_field(12, offsetof(RawInode, i_atime), le32(0x80000000U));
  image.set_field(12, offsetof(RawInode, i_atime_extra), le32(1U | 7U << 2));
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  EXPECT_EQ(fs->stat(12).value().modified, (Timestamp{-1, 0}));
  EXPECT_EQ(fs->stat(12).value().accessed, (Timestamp{2147483648, 7}));
}

TEST(Ext, LookupGoesThroughTheIndex) {
  auto image = varied_image();
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  EXPECT_EQ(list_all(*fs, 19).at("lost"), 12U);
  EXPECT_EQ(fs->lookup(19, "lost").error().code, Errc::not_found);  // not where its hash says
  EXPECT_EQ(fs->lookup(19, "two").value(), 13U);
  EXPECT_EQ(fs->lookup(19, "three").value(), 14U);
  EXPECT_EQ(fs->lookup(19, "five").value(), 16U);
}

TEST(Ext, ADamagedIndexDoesNotHideNames) {
  auto image = varied_image();
  const auto root = get<le32>(image.inode_bytes(19), 0x28 + 20)->value();
  image.block(root)[28] = std::byte{99};  // the hash's version
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  EXPECT_EQ(fs->lookup(19, "lost").value(), 12U);
  EXPECT_EQ(fs->lookup(19, "none").error().code, Errc::corrupt);
}

struct Hash {
  std::uint8_t version;
  const char* name;
  std::uint32_t major, minor;
};
class NameHashes : public testing::TestWithParam<Hash> {};
TEST_P(NameHashes, AreThoseOfDebugfs) {
  const Hash& row = GetParam();
  const auto hash = hash_name(Superblock{}, row.version, row.name);
  ASSERT_TRUE(hash);
  EXPECT_EQ(hash->major, row.major);
  EXPECT_EQ(hash->minor, row.minor);
}
// From "debugfs -R 'dx_hash -h VERSION NAME'", without a seed.
INSTANTIATE_TEST_SUITE_P(
    Ext, NameHashes,
    testing::Values(
        Hash{0, "a", 0xe74b53e2, 0x0}, Hash{0, "hello", 0x32252546, 0x0},
        Hash{0, "a name that is longer than thirty-two bytes, much longer", 0xee9c137c, 0x0},
        Hash{1, "a", 0xd5fa7d7a, 0xacb48187}, Hash{1, "hello", 0x1746da32, 0x420013b5},
        Hash{1, "a name that is longer than thirty-two bytes, much longer", 0x31ea053e, 0xcfceeeec},
        Hash{2, "a", 0x6d0ea4c0, 0xc18922df}, Hash{2, "hello", 0x6f5bb1a8, 0x231917c2},
        Hash{2, "a name that is longer than thirty-two bytes, much longer", 0x10f318, 0x4e81d67b}));

struct Breakage {
  const char* what;
  void (*break_it)(ExtImage&);
  const char* open_error;  ///< a part of it, or null where the image opens
  std::uint32_t inode;     ///< whose stat, contents, list or attributes must fail; 0: none
  const char* error;
};
class Broken : public testing::TestWithParam<Breakage> {};
TEST_P(Broken, FailsWithAReason) {
  const Breakage& row = GetParam();
  auto image = varied_image();
  row.break_it(image);
  const auto fs = open_image(image.device());
  if (row.open_error != nullptr) {
    ASSERT_FALSE(fs);
    EXPECT_THAT(describe(fs.error()), HasSubstr(row.open_error));
    return;
  }
  ASSERT_TRUE(fs) << describe(fs.error());
  walk(*fs.value(), {});
  if (row.inode == 0) return;
  std::string error;
  const auto stat = fs.value()->stat(row.inode);
  if (!stat) {
    error = describe(stat.error());
  } else if (stat.value().type == FileType::directory) {
    list_all(*fs.value(), row.inode, &error);
  } else {
    error = read_all(*fs.value(), row.inode);
    if (const auto value = fs.value()->attribute(row.inode, "user.x"); !value)
      error += describe(value.error());
    if (const auto link = fs.value()->read_link(row.inode); !link) error += describe(link.error());
  }
  EXPECT_THAT(error, HasSubstr(row.error));
}

INSTANTIATE_TEST_SUITE_P(
    Ext, Broken,
    testing::Values(
        Breakage{"magic", [](ExtImage& i) { i.super.s_magic = 1; }, "no ext superblock", 0, ""},
        Breakage{"block size", [](ExtImage& i) { i.super.s_log_block_size = 7; }, "block size", 0,
                 ""},
        Breakage{"inode size", [](ExtImage& i) { i.super.s_inode_size = 100; }, "inode size 100", 0,
                 ""},
        Breakage{"no inodes per group", [](ExtImage& i) { i.super.s_inodes_per_group = 0; },
                 "inodes per group", 0, ""},
        Breakage{"no blocks per group", [](ExtImage& i) { i.super.s_blocks_per_group = 0; },
                 "blocks per group", 0, ""},
        Breakage{"inode count", [](ExtImage& i) { i.super.s_inodes_count = 65; }, "inode count 65",
                 0, ""},
        Breakage{"unknown feature",
                 [](ExtImage& i) {
                   i.super.s_feature_incompat = i.super.s_feature_incompat.value() | 0x80000001U;
                 },
                 "compression, FEATURE_I31", 0, ""},
        Breakage{"journal device", [](ExtImage& i) { i.super.s_feature_incompat = 8; },
                 "external journal", 0, ""},
        Breakage{"descriptor size",
                 [](ExtImage& i) {
                   i.super.s_feature_incompat = i.super.s_feature_incompat.value() | k64Bit;
                   i.super.s_desc_size = 48;
                 },
                 "group descriptor size 48", 0, ""},
        Breakage{"inode table outside", [](ExtImage& i) { i.group.bg_inode_table_lo = 100000; },
                 nullptr, 2, "inode table at block 100000"},
        Breakage{"inode checksum", [](ExtImage& i) { i.inode_bytes(12)[4] ^= std::byte{1}; },
                 nullptr, 12, "inode 12: checksum does not match"},
        Breakage{"deleted inode", [](ExtImage& i) { i.set_links(12, 0); }, nullptr, 12,
                 "inode 12: deleted"},
        Breakage{"mode", [](ExtImage& i) { i.set_field(12, 0, le16(0)); }, nullptr, 12, "mode 0"},
        Breakage{"extra size", [](ExtImage& i) { i.set_field(12, 128, le16(200)); }, nullptr, 12,
                 "extra size 200"},
        Breakage{"leaf checksum", [](ExtImage& i) { i.block(i.last_leaf)[40] ^= std::byte{1}; },
                 nullptr, 13, "extent node: checksum"},
        Breakage{"leaf magic",
                 [](ExtImage& i) {
                   i.block(i.last_leaf)[0] = std::byte{0};
                   i.seal_extents(13, i.last_leaf);
                 },
                 nullptr, 13, "without its magic"},
        Breakage{"tree too deep", [](ExtImage& i) { i.set_field(13, 0x28 + 6, le16(6)); }, nullptr,
                 13, "depth 6"},
        Breakage{"extent outside", [](ExtImage& i) { i.set_field(12, 0x28 + 20, le32(9999)); },
                 nullptr, 12, "outside the file system"},
        Breakage{"extent of nothing", [](ExtImage& i) { i.set_field(12, 0x28 + 16, le16(0)); },
                 nullptr, 12, "empty or out of order"},
        Breakage{"extents out of order", [](ExtImage& i) { i.set_field(12, 0x28 + 24, le32(0)); },
                 nullptr, 12, "out of order"},
        Breakage{"pointer outside", [](ExtImage& i) { i.set_field(14, 0x28, le32(5000)); }, nullptr,
                 14, "block pointer 5000"},
        Breakage{"attributes without magic",
                 [](ExtImage& i) { i.set_field(12, offsetof(RawInode, i_file_acl_lo), le32(22)); },
                 nullptr, 12, "no block of extended attributes"},
        Breakage{
            "attributes outside",
            [](ExtImage& i) { i.set_field(12, offsetof(RawInode, i_file_acl_lo), le32(7777)); },
            nullptr, 12, "block 7777"},
        Breakage{"inline without its attribute", [](ExtImage& i) { i.set_field(15, 160, le32(0)); },
                 nullptr, 15, "without its attribute"},
        Breakage{"long fast link", [](ExtImage& i) { i.set_field(16, 4, le32(60)); }, nullptr, 16,
                 "symbolic link"},
        Breakage{"link of nothing", [](ExtImage& i) { i.set_field(16, 4, le32(0)); }, nullptr, 16,
                 "link of 0 bytes"},
        Breakage{"index checksum",
                 [](ExtImage& i) {
                   const auto root = get<le32>(i.inode_bytes(19), 0x28 + 20)->value();
                   i.block(root)[44] ^= std::byte{1};
                 },
                 nullptr, 19, "directory with damaged blocks"},
        Breakage{"directory of nothing", [](ExtImage& i) { i.set_field(18, 4, le32(0)); }, nullptr, 18,
                 "directory of 0 bytes"},
        Breakage{"directory too large", [](ExtImage& i) { i.set_field(18, 4, le32(0xfffffc00)); },
                 nullptr, 18, "directory of 4294966272 bytes"},
        Breakage{"directory with a hole", [](ExtImage& i) { i.set_field(18, 4, le32(4096)); },
                 nullptr, 18, "hole at block 1"}),
    [](const auto& row) {
      std::string name = row.param.what;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

TEST(Ext, ADamagedDirectoryBlockCostsOnlyItsOwnEntries) {
  ExtImage image;
  const std::uint64_t first = image.next_block();
  const std::uint64_t second = image.next_block();
  const std::uint64_t third = image.next_block();
  image.put_entries(2, first, {{2, ".", 2}, {2, "..", 2}, {12, "a"}});
  image.put_entries(2, second, {{12, "lost"}});
  image.put_entries(2, third, {{12, "b"}, {12, "c"}});
  image.put_file(2, 3072, {{0, 3, first}}, 0040755);
  image.put_file(12, 0, {});
  image.block(second)[9] ^= std::byte{1};
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  std::string error;
  EXPECT_THAT(list_all(*fs, 2, &error),
              UnorderedElementsAre(Pair("a", 12), Pair("b", 12), Pair("c", 12)));
  EXPECT_THAT(error, HasSubstr("damaged"));
  EXPECT_EQ(fs->lookup(2, "c").value(), 12U);
  // It may have been in the damaged block: that is not "no such entry".
  EXPECT_EQ(fs->lookup(2, "lost").error().code, Errc::corrupt);
}

TEST(Ext, EntriesThatNoPathCanHoldAreDelivered) {
  ExtImage image;
  image.put_directory(2, 2, {{12, ".", 2}, {12, "..", 2}, {12, ""}, {12, "a/b"}});
  image.put_file(12, 0, {});
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  EXPECT_THAT(list_all(*fs, 2),
              UnorderedElementsAre(Pair(".", 12), Pair("..", 12), Pair("", 12), Pair("a/b", 12)));
}

TEST(Ext, ABackupSuperblockStandsInForADamagedOne) {
  // Two groups of 256 blocks, so that there is a copy.
  ExtImage image;
  image.super.s_blocks_per_group = 256;
  image.super.s_clusters_per_group = 256;
  image.super.s_inodes_count = 128;
  image.put_directory(2, 2, {{12, "a"}});
  image.put_file(12, 0, {});
  auto bytes = image.finish();
  auto copy = image.super;
  copy.s_block_group_nr = 1;
  copy.s_checksum = crc32c(~0U, std::as_bytes(std::span(&copy, 1)).first(1020));
  std::memcpy(bytes.data() + 257 * 1024, &copy, sizeof copy);
  std::memcpy(bytes.data() + 258 * 1024, bytes.data() + 2048, 1024);
  bytes[1024 + 0x48] ^= std::byte{1};
  const auto fs = open_or_fail(std::make_shared<MemoryDevice>(bytes));
  ASSERT_TRUE(fs);
  EXPECT_THAT(remarks_of(*fs), HasSubstr("the copy in group 1 is used"));
  EXPECT_EQ(fs->lookup(2, "a").value(), 12U);
  // The same for a descriptor.
  bytes[1024 + 0x48] ^= std::byte{1};
  bytes[2048 + 12] ^= std::byte{1};
  const auto again = open_or_fail(std::make_shared<MemoryDevice>(bytes));
  ASSERT_TRUE(again);
  EXPECT_THAT(remarks_of(*again), HasSubstr("1 damaged group descriptors, copies are used"));
  EXPECT_EQ(again->lookup(2, "a").value(), 12U);
}

TEST(Ext, EncryptedFilesAreListedAndRefused) {
  ExtImage image(
      {kHasJournal | kDirIndex, kFiletype | kExtents | kEncrypt, kSparseSuper | kMetadataCsum});
  const std::string name = "sixteen bytes or";
  image.put_directory(2, 2, {{13, "dir", 2}});
  image.put_directory(13, 2, {{12, name}});
  image.put_file(12, 100, {});
  image.set_flag(12, kFlagEncrypt);
  image.set_flag(13, kFlagEncrypt);
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  const auto entries = list_all(*fs, 13);
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries.begin()->first.size(), 32U);  // 8 + 16 bytes in base64
  EXPECT_EQ(fs->lookup(13, entries.begin()->first).value(), 12U);
  EXPECT_EQ(fs->lookup(13, name).error().code, Errc::not_found);
  EXPECT_EQ(fs->read(12, 0, {}).error().code, Errc::no_key);
  EXPECT_EQ(fs->stat(12).value().size, 100U);
}

TEST(Ext, CasefoldedLookup) {
  ExtImage image(
      {kHasJournal | kDirIndex, kFiletype | kExtents | kCasefold, kSparseSuper | kMetadataCsum});
  image.put_directory(2, 2, {{12, "ReadMe"}});
  image.put_file(12, 0, {});
  image.set_flag(2, kFlagCasefold);
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  EXPECT_EQ(fs->lookup(2, "ReadMe").value(), 12U);
  EXPECT_EQ(fs->lookup(2, "README").value(), 12U);
  EXPECT_EQ(fs->lookup(2, "READ").error().code, Errc::not_found);
}

}  // namespace
}  // namespace imgfs::ext
