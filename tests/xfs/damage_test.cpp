#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/xfs/packed_image.h"
#include "xfs/directory_format.h"
#include "xfs/xfs.h"

namespace imgfs::xfs {
namespace {

const PackedImage& shapes() {
  static const PackedImage image("walk.img.packed");
  return image;
}

using Operation = Errc (*)(const FileSystem&, std::uint64_t inode);
constexpr Errc kFine = Errc::invalid;  // what no operation here answers

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? kFine : result.error().code;
}
Errc list(const FileSystem& fs, std::uint64_t inode) {
  return code_of(fs.read_directory(inode, 0, [](const DirectoryEntry&) { return true; }));
}
Errc find(const FileSystem& fs, std::uint64_t inode) {  // names of all three kinds of directory
  Errc out = Errc::not_found;
  for (const std::string name : {"5____", "5_________________________", "5"})
    if (const Errc code = code_of(fs.lookup(inode, name)); code != Errc::not_found) out = code;
  return out;
}
Errc read(const FileSystem& fs, std::uint64_t inode) {
  std::vector<std::byte> bytes(1 << 19);
  return code_of(fs.read(inode, 0, bytes));
}
Errc link(const FileSystem& fs, std::uint64_t inode) { return code_of(fs.read_link(inode)); }
Errc names(const FileSystem& fs, std::uint64_t inode) { return code_of(fs.list_attributes(inode)); }
Errc value(const FileSystem& fs, std::uint64_t inode) { return code_of(fs.attribute(inode, "user.long")); }

/// Where the first metadata block with this magic at `at` lies whose owner is the inode.
std::uint64_t find_block(std::uint64_t magic, std::size_t at, std::size_t size, std::size_t owner_at, std::uint64_t owner) {
  const auto bytes = shapes().bytes();
  for (std::size_t block = PackedImage::kBlock; block < bytes.size(); block += PackedImage::kBlock) {
    const std::uint64_t found = size == 4 ? get<be32>(bytes, block + at)->value() : get<be16>(bytes, block + at)->value();
    if (found == magic && get<be64>(bytes, block + owner_at)->value() == owner) return block;
  }
  return 0;
}

struct Row {
  std::string_view object;
  std::uint64_t magic;
  std::size_t magic_at;
  std::size_t magic_size;
  SelfCheck check;
  Operation operation;
};

TEST(Damage, OfAnyKindOfBlockIsAnErrorOfItsObject) {
  const Row rows[] = {
      {"block", kBlockMagicV5, 0, 4, kDirectoryDataCheck, list},
      {"block", kBlockMagicV5, 0, 4, kDirectoryDataCheck, find},
      {"leaf", kDataMagicV5, 0, 4, kDirectoryDataCheck, list},
      {"leaf", kLeaf1MagicV5, 8, 2, kHashBlockCheck, find},
      {"node", kDataMagicV5, 0, 4, kDirectoryDataCheck, list},
      {"node", kNodeMagicV5, 8, 2, kHashBlockCheck, find},
      {"tree", 0x424d4133, 0, 4, kExtentBlockCheck, read},
      {"long", 0x58534c4d, 0, 4, kSymlinkCheck, link},
      {"attrs", kAttributeLeafMagicV5, 8, 2, kHashBlockCheck, names},
      {"many", kNodeMagicV5, 8, 2, kHashBlockCheck, names},
      {"remote", 0x5841524d, 0, 4, kRemoteValueCheck, value},
  };
  const auto whole = file_system_type().open(shapes().base(), Recovery::none);
  ASSERT_TRUE(whole);
  for (const Row& row : rows) {
    const auto inode = whole.value()->lookup(whole.value()->root(), row.object);
    ASSERT_TRUE(inode) << row.object;
    ASSERT_EQ(row.operation(*whole.value(), inode.value()), kFine) << row.object;
    const std::uint64_t block = find_block(row.magic, row.magic_at, row.magic_size, row.check.owner, inode.value());
    ASSERT_NE(block, 0U) << row.object << " " << row.check.what;
    struct Change {
      std::string_view what;
      std::size_t offset;
      bool fix;
    };
    for (const Change change : {Change{"a byte", row.check.owner + 9, false}, Change{"checksum", row.check.crc, false},
                                Change{"owner", row.check.owner + 7, true}, Change{"address", row.check.blkno + 7, true},
                                Change{"uuid", row.check.uuid + 3, true}, Change{"magic", row.magic_at, false}}) {
      Patches patches(shapes());
      const std::byte flipped = shapes().bytes()[block + change.offset] ^ std::byte{0x40};
      patches.set(block + change.offset, std::span(&flipped, 1));
      if (change.fix) patches.fix_checksums();
      const auto fs = file_system_type().open(patches.device(), Recovery::none);
      ASSERT_TRUE(fs);
      EXPECT_EQ(row.operation(*fs.value(), inode.value()), Errc::corrupt) << row.object << ": " << change.what;
      EXPECT_TRUE(fs.value()->stat(inode.value())) << row.object;
      EXPECT_EQ(list(*fs.value(), fs.value()->root()), kFine);
    }
  }
}

TEST(Damage, OfAnInodeIsItsOwn) {
  const auto whole = file_system_type().open(shapes().base(), Recovery::none);
  const auto inode = whole.value()->lookup(whole.value()->root(), "big");
  const auto sb = read_superblock(*shapes().base());
  const std::uint64_t offset = (inode.value() >> sb.value().inodes_per_block_log << 12) + (inode.value() & 7) * 512;
  struct Byte {
    std::size_t offset;
    std::byte value;
    bool fix;
  };
  const Byte rows[] = {{2, std::byte{0x91}, false}, {40, std::byte{1}, false},  {159, std::byte{1}, true}, {160, std::byte{9}, true},
                      {4, std::byte{2}, true},     {5, std::byte{1}, true},    {5, std::byte{7}, true},   {82, std::byte{0xff}, true},
                      {56, std::byte{0x80}, true}, {2, std::byte{0x30}, true}, {64, std::byte{1}, true},  {27, std::byte{1}, true}};
  for (const Byte& row : rows) {
    Patches patches(shapes());
    patches.set(offset + row.offset, std::span(&row.value, 1));
    if (row.fix) patches.fix_checksums();
    const auto fs = file_system_type().open(patches.device(), Recovery::none);
    ASSERT_TRUE(fs);
    EXPECT_EQ(code_of(fs.value()->stat(inode.value())), Errc::corrupt) << row.offset;
    EXPECT_EQ(code_of(fs.value()->stat(fs.value()->root())), kFine);
  }
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{64}, std::uint64_t{1} << 55, UINT64_MAX})
    EXPECT_EQ(code_of(whole.value()->stat(number)), Errc::corrupt) << number;
}

TEST(Shapes, AreAllRead) {
  const auto opened = file_system_type().open(shapes().base(), Recovery::log);
  ASSERT_TRUE(opened);
  const FileSystem& fs = *opened.value();
  const auto at = [&](std::string_view name) { return fs.lookup(fs.root(), name).value(); };
  for (const auto& [name, count] : {std::pair<std::string_view, int>{"short", 4}, {"block", 30}, {"leaf", 151}, {"node", 520}}) {
    int seen = 0;
    ASSERT_TRUE(fs.read_directory(at(name), 0, [&](const DirectoryEntry& entry) {
      ++seen;
      EXPECT_EQ(fs.lookup(at(name), entry.name).value(), entry.inode);
      return true;
    }));
    EXPECT_EQ(seen, count) << name;
    EXPECT_EQ(fs.parent(at(name)).value(), fs.root());
    EXPECT_EQ(code_of(fs.lookup(at(name), "absent")), Errc::not_found);
  }
  EXPECT_EQ(fs.read_link(at("link")).value(), "file");
  EXPECT_EQ(fs.read_link(at("long")).value(), std::string(600, 'l'));
  EXPECT_EQ(fs.attribute(at("file"), "trusted.c").value(), "333");
  EXPECT_EQ(fs.attribute(at("remote"), "user.long").value().size(), 5000U);
  EXPECT_EQ(fs.list_attributes(at("many")).value().size(), 75U);
  EXPECT_THAT(fs.list_attributes(at("acl")).value(), testing::ElementsAre("system.posix_acl_access", "trusted.SGI_ACL_FILE"));
  EXPECT_EQ(fs.attribute(at("acl"), "system.posix_acl_access").value().size(), 4U + 5 * 8);
  EXPECT_EQ(code_of(fs.attribute(at("file"), "user.absent")), Errc::no_attribute);
  EXPECT_EQ(fs.stat(at("null")).value().device_minor, 3U);
  EXPECT_EQ(fs.extent(at("unwritten"), 0).value().kind, Extent::Kind::zero);
  EXPECT_EQ(fs.extent(at("tree"), 4096 * 4).value().kind, Extent::Kind::data);
  EXPECT_EQ(fs.extent(at("tree"), 4096 * 5).value(), (Extent{4096 * 5, 4096, 0, Extent::Kind::zero}));
  EXPECT_EQ(code_of(fs.extent(at("tree"), 80 * 4096)), Errc::no_more_data);
  EXPECT_EQ(code_of(fs.read_directory(at("file"), 0, [](const DirectoryEntry&) { return true; })), Errc::not_directory);
  EXPECT_EQ(read(fs, at("short")), Errc::is_directory);
  EXPECT_EQ(link(fs, at("file")), Errc::not_symlink);
}

}  // namespace
}  // namespace imgfs::xfs
