#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/xfs/packed_image.h"
#include "tests/xfs/short_walk.h"
#include "xfs/attributes.h"
#include "xfs/attribute_format.h"
#include "xfs/extent_list.h"
#include "xfs/fork_map.h"
#include "xfs/intents.h"
#include "xfs/xfs.h"

namespace imgfs::xfs {
namespace {

const PackedImage& crashed() {
  static const PackedImage image("log.img.packed");
  return image;
}
const PackedImage& shapes() {
  static const PackedImage image("walk.img.packed");
  return image;
}
std::uint64_t log_start() {
  const Superblock sb = read_superblock(*crashed().base()).value();
  return sb.log_start << sb.block_log;
}
std::string remarks_of(const Device& device, Recovery recovery = Recovery::log) {
  const auto fs = file_system_type().open(device, recovery);
  if (!fs) return "not opened: " + describe(fs.error());
  short_walk(*fs.value(), 100);
  std::string out;
  for (const auto& remark : fs.value()->info().remarks) out += remark.text + "\n";
  return out;
}
/// The records of the crashed image's log: byte offsets of their headers.
std::vector<std::uint64_t> records() {
  std::vector<std::uint64_t> out;
  for (std::uint64_t at = log_start(); at < log_start() + (64 << 10); at += kLogBlock)
    if (get<be32>(crashed().bytes(), static_cast<std::size_t>(at))->value() == kLogMagic) out.push_back(at);
  return out;
}

TEST(Log, IsReplayed) {
  EXPECT_THAT(remarks_of(crashed().base()), testing::StartsWith("log replayed in memory: "));
  const auto opened = file_system_type().open(crashed().base(), Recovery::log);
  const FileSystem& fs = *opened.value();
  const auto directory = fs.lookup(fs.root(), "dir");
  ASSERT_TRUE(directory);
  EXPECT_TRUE(fs.lookup(fs.root(), "moved"));
  EXPECT_FALSE(fs.lookup(directory.value(), "3"));
  EXPECT_FALSE(fs.lookup(directory.value(), "4"));
  EXPECT_FALSE(fs.lookup(directory.value(), "5"));
  EXPECT_TRUE(fs.lookup(directory.value(), "6"));
  EXPECT_EQ(fs.read_link(fs.lookup(fs.root(), "link").value()).value(), std::string(500, 's'));
  EXPECT_EQ(fs.stat(fs.lookup(fs.root(), "before").value()).value().size, 100U);
  EXPECT_EQ(fs.attribute(fs.lookup(fs.root(), "before").value(), "user.x").value(), std::string(300, 'y'));
}

TEST(Log, CleanOneIsNotMentioned) { EXPECT_EQ(remarks_of(shapes().base()), ""); }

TEST(Log, IsLeftAloneWhereAskedFor) {
  EXPECT_EQ(remarks_of(crashed().base(), Recovery::none), "log not replayed: shown as it lies on disk\n");
}

TEST(Log, RecordThatWasNotWrittenWholeEndsIt) {
  const auto all = records();
  ASSERT_GE(all.size(), 3U);
  std::string before = remarks_of(crashed().base());
  Patches patches(crashed());
  patches.set_value(all.back() + kLogBlock + 40, le32{});
  const std::string after = remarks_of(patches.device());
  EXPECT_THAT(after, testing::StartsWith("log replayed in memory: "));
  EXPECT_NE(after, before);
}

TEST(Log, WhatCannotBeReplayedIsNamed) {
  const auto all = records();
  {
    Patches patches(crashed());
    be32 format;
    format = kLogFormatBig;
    for (const std::uint64_t record : all) patches.set_value(record + offsetof(LogRecordHeader, h_fmt), format);
    patches.fix_log(log_start(), 64 << 10);
    EXPECT_THAT(remarks_of(patches.device()), testing::HasSubstr("log not replayed: a log written by a big-endian machine"));
  }
  {
    Patches patches(crashed());
    for (const std::uint64_t record : all) patches.set_value(record + offsetof(LogRecordHeader, h_fs_uuid), le32{});
    patches.fix_log(log_start(), 64 << 10);
    EXPECT_THAT(remarks_of(patches.device()), testing::HasSubstr("belongs to another file system"));
  }
  {
    Patches patches(crashed());
    be32 features;
    features = 0x10;
    patches.set_value(offsetof(SuperblockOnDisk, sb_features_log_incompat), features);
    patches.fix_checksums();
    EXPECT_THAT(remarks_of(patches.device()), testing::HasSubstr("log not replayed: a log with unknown features 16"));
  }
}

TEST(Log, ItemOfUnknownTypeRefusesTheReplayByName) {
  // The first inode item: its type, and that it has at least two regions.
  Patches patches(crashed());
  bool found = false;
  for (const std::uint64_t record : records())
    for (std::uint64_t at = record + kLogBlock; at < record + 8 * kLogBlock && !found; at += 4) {
      const auto head = *get<ItemHeader>(crashed().bytes(), static_cast<std::size_t>(at));
      if (head.type.value() != static_cast<std::uint16_t>(ItemType::inode) || head.size.value() < 2 || head.size.value() > 4) continue;
      le16 type;
      type = 0x12ff;
      patches.set_value(at, type);
      found = true;
    }
  ASSERT_TRUE(found);
  patches.fix_log(log_start(), 64 << 10);
  EXPECT_THAT(remarks_of(patches.device()), testing::HasSubstr("log not replayed: log item of type 0x12ff"));
}

class Intents : public testing::Test {
 protected:
  Intents() : volume(shapes().base(), read_superblock(*shapes().base()).value()) {}

  std::uint64_t inode(std::string_view name) const {
    const auto fs = file_system_type().open(shapes().base(), Recovery::none);
    return fs.value()->lookup(fs.value()->root(), name).value();
  }
  template <class... Parts>
  static Intent intent(ItemType type, const Parts&... parts) {
    Intent out{type, {}};
    auto& region = out.item.regions.emplace_back();
    const auto add = [&](std::span<const std::byte> bytes) { region.insert(region.end(), bytes.begin(), bytes.end()); };
    (add(std::as_bytes(std::span(&parts, 1))), ...);
    out.item.expected = 1;
    return out;
  }
  Intent map(std::uint32_t flags, std::uint64_t owner, std::uint64_t offset, std::uint64_t block, std::uint32_t count) const {
    IntentItem head{};
    head.count = 1;
    MapExtent extent{};
    extent.me_owner = owner;
    extent.me_startoff = offset;
    extent.me_startblock = block;
    extent.me_len = count;
    extent.me_flags = flags;
    return intent(ItemType::bui, head, extent);
  }
  std::vector<BlockExtent> extents(std::string_view name) const {
    Inode loaded;
    EXPECT_TRUE(loaded.load(volume, inode(name)));
    return list_extents(volume, loaded, loaded.data()).value();
  }

  Volume volume;
};

TEST_F(Intents, MapAndUnmapExtents) {
  const auto before = extents("tree");
  ASSERT_EQ(before.size(), 40U);
  const Intent intents[] = {map(kMapAdd, inode("tree"), 1, 100, 1), map(kMapRemove, inode("tree"), 4, before[2].block, 1)};
  const auto changes = finish_intents(volume, intents);
  ASSERT_TRUE(changes) << describe(changes.error());
  const InodeChange& change = changes.value().at(inode("tree"));
  EXPECT_EQ(change.extents->size() / sizeof(ExtentRecord), 40U);
  const Volume changed(shapes().base(), volume.sb(), changes.value());
  Inode loaded;
  ASSERT_TRUE(loaded.load(changed, inode("tree")));
  const ForkMap forks(changed, loaded, loaded.data());
  EXPECT_EQ(forks.find(4096).value().physical, 100U * 4096);
  EXPECT_EQ(forks.find(4 * 4096).value().kind, Extent::Kind::zero);
  EXPECT_EQ(forks.find(6 * 4096).value().kind, Extent::Kind::data);
}

TEST_F(Intents, WhatCannotBeIsRefused) {
  struct Row {
    Intent intent;
    Errc code;
  };
  const Row rows[] = {
      {map(kMapAdd, inode("tree"), 0, 100, 1), Errc::corrupt},                      // mapped already
      {map(kMapAdd, inode("tree"), 1, 1 << 30, 1), Errc::corrupt},                  // no such block
      {map(kMapAdd, inode("tree"), 1, 100, 0), Errc::corrupt},                      // nothing
      {map(kMapAdd | kMapRealtime, inode("tree"), 1, 100, 1), Errc::unsupported},
      {map(kMapAdd | kMapAttributeFork, inode("tree"), 1, 100, 1), Errc::unsupported},
      {map(7, inode("tree"), 1, 100, 1), Errc::unsupported},
      {map(kMapAdd, inode("short"), 1, 100, 1), Errc::unsupported},                 // a directory
      {map(kMapAdd, 77777777, 1, 100, 1), Errc::corrupt},                           // no such inode
  };
  for (const Row& row : rows) {
    const auto changes = finish_intents(volume, std::span(&row.intent, 1));
    ASSERT_FALSE(changes);
    EXPECT_EQ(changes.error().code, row.code) << describe(changes.error());
  }
}

TEST_F(Intents, ExchangeRanges) {
  const auto tree = extents("tree");
  const auto big = extents("big");
  ExchangeIntent head{};
  head.xmi_inode1 = inode("tree");
  head.xmi_inode2 = inode("big");
  head.xmi_blockcount = 2;
  head.xmi_flags = kExchangeSizes;
  head.xmi_isize1 = 1000;
  head.xmi_isize2 = 2000;
  const Intent exchange = intent(ItemType::xmi, head);
  const auto changes = finish_intents(volume, std::span(&exchange, 1));
  ASSERT_TRUE(changes) << describe(changes.error());
  EXPECT_EQ(changes.value().at(inode("big")).size, 2000U);
  const Volume changed(shapes().base(), volume.sb(), changes.value());
  Inode loaded;
  ASSERT_TRUE(loaded.load(changed, inode("big")));
  EXPECT_EQ(ForkMap(changed, loaded, loaded.data()).find(0).value().physical, tree[0].block * 4096);
  EXPECT_EQ(ForkMap(changed, loaded, loaded.data()).find(4096).value().kind, Extent::Kind::zero);
  ASSERT_TRUE(loaded.load(changed, inode("tree")));
  EXPECT_EQ(ForkMap(changed, loaded, loaded.data()).find(0).value().physical, big[0].block * 4096);
  EXPECT_EQ(loaded.size(), 1000U);
}

TEST_F(Intents, SetAndRemoveAttributes) {
  const auto attribute_intent = [&](std::uint32_t operation, std::string_view name, std::string_view value) {
    AttributeIntent head{};
    head.alfi_ino = inode("file");
    head.alfi_op_flags = operation;
    head.alfi_name_len = static_cast<std::uint16_t>(name.size());
    head.alfi_value_len = static_cast<std::uint32_t>(value.size());
    Intent out = intent(ItemType::attri, head);
    for (const auto text : {name, value}) out.item.regions.emplace_back(as_bytes(text).begin(), as_bytes(text).end());
    return out;
  };
  const Intent intents[] = {attribute_intent(kAttributeSet, "new", "1"), attribute_intent(kAttributeRemove, "a", "")};
  const auto changes = finish_intents(volume, intents);
  ASSERT_TRUE(changes) << describe(changes.error());
  const Volume changed(shapes().base(), volume.sb(), changes.value());
  Inode loaded;
  ASSERT_TRUE(loaded.load(changed, inode("file")));
  EXPECT_THAT(list_attributes(changed, loaded).value(), testing::UnorderedElementsAre("user.new", "security.b", "trusted.c"));
  EXPECT_EQ(attribute(changed, loaded, "user.new").value(), "1");
  EXPECT_FALSE(attribute(changed, loaded, "user.a"));
}

TEST(ExtentList, JoinsAndCutsAsTheKernel) {
  std::vector<BlockExtent> list;
  EXPECT_TRUE(add_extent(list, {10, 100, 5, false}));
  EXPECT_TRUE(add_extent(list, {20, 110, 5, false}));
  EXPECT_TRUE(add_extent(list, {15, 105, 5, false}));  // joins both
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].count, 15U);
  EXPECT_TRUE(add_extent(list, {25, 115, 5, true}));  // unwritten: stays apart
  EXPECT_EQ(list.size(), 2U);
  EXPECT_FALSE(add_extent(list, {12, 500, 1, false}));
  EXPECT_EQ(remove_extents(list, 12, 4), 4U);
  EXPECT_EQ(list.size(), 3U);
  EXPECT_EQ(cut_extents(list, 11, 6).size(), 2U);
  const auto packed = pack_extents(list);
  const BlockExtent last = decode(*get<ExtentRecord>(packed, 2 * sizeof(ExtentRecord)));
  EXPECT_EQ(last.offset, 25U);
  EXPECT_EQ(last.block, 115U);
  EXPECT_TRUE(last.unwritten);
}

}  // namespace
}  // namespace imgfs::xfs
