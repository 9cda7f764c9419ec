#include <gmock/gmock.h>

#include "core/overlay_device.h"
#include "ext/fast_replay.h"
#include "tests/ext/journal_image.h"
#include "tests/ext/support.h"

namespace imgfs::ext {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kRevokes = JournalSuperblock::kRevokes;

class Journals : public testing::TestWithParam<JournalForm> {};

TEST_P(Journals, AreReplayed) {
  auto image = journal_image(GetParam());
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  EXPECT_THAT(remarks_of(*fs), HasSubstr("journal replayed in memory: 3 blocks of 3 transactions"));
  EXPECT_EQ(read_all(*fs, 12, 1000, 48), std::string(24, 'b') + std::string(24, '-'));
  EXPECT_EQ(read_all(*fs, 12, 2048, 6), "\xc0\x3b\x39\x98mm");
  EXPECT_EQ(read_all(*fs, 12, 2050, 4), "\x39\x98mm");
  EXPECT_EQ(read_all(*fs, 12, 3072, 2), "dd");
  const auto raw = open_or_fail(image.device(), Recovery::none);
  ASSERT_TRUE(raw);
  EXPECT_EQ(read_all(*raw, 12), std::string(4096, '-'));
  EXPECT_THAT(remarks_of(*raw), HasSubstr("journal not replayed"));
}

INSTANTIATE_TEST_SUITE_P(
    Ext, Journals,
    testing::Values(
        JournalForm{kRevokes, false}, JournalForm{kRevokes, true},
        JournalForm{kRevokes | JournalSuperblock::k64BitTags, false},
        JournalForm{kRevokes | JournalSuperblock::kChecksum2, false},
        JournalForm{kRevokes | JournalSuperblock::kChecksum2 | JournalSuperblock::k64BitTags,
                    false},
        JournalForm{kRevokes | JournalSuperblock::kChecksum3, false},
        JournalForm{kRevokes | JournalSuperblock::kChecksum3 | JournalSuperblock::k64BitTags,
                    false},
        JournalForm{kRevokes | JournalSuperblock::kAsyncCommit | JournalSuperblock::k64BitTags,
                    true}));

/// What is broken after the image was made, and what is then in blocks 100 (a or b) and 103 (d).
struct Damage {
  const char* what;
  void (*break_it)(ExtImage&);
  const char* remark;
  char first, last;
};
class DamagedJournals : public testing::TestWithParam<Damage> {};

TEST_P(DamagedJournals, AreUsedAsFarAsTheyAreWhole) {
  auto image = journal_image(JournalForm{});
  GetParam().break_it(image);
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  EXPECT_THAT(remarks_of(*fs), HasSubstr(GetParam().remark));
  EXPECT_EQ(read_all(*fs, 12, 0, 1)[0], GetParam().first);
  EXPECT_EQ(read_all(*fs, 12, 3072, 1)[0], GetParam().last);
}

std::span<std::byte> log_block(ExtImage& image, std::uint64_t number) {
  return image.block(kJournalStart + number);
}

// The log: 1 descriptor, 2 3 data, 4 commit; 5 descriptor, 6 7 data, 8 revoke, 9 commit; 10
// descriptor, 11, 12.
INSTANTIATE_TEST_SUITE_P(
    Ext, DamagedJournals,
    testing::Values(
        Damage{"last commit missing", [](ExtImage& i) { log_block(i, 12)[0] = std::byte{0}; },
               "of 2 transactions", 'b', '-'},
        Damage{"last commit checksum", [](ExtImage& i) { log_block(i, 12)[100] = std::byte{1}; },
               "checksum does not match; what came before", 'b', '-'},
        Damage{"descriptor checksum", [](ExtImage& i) { log_block(i, 5)[200] = std::byte{1}; },
               "not replayed", '-', '-'},
        Damage{"data checksum", [](ExtImage& i) { log_block(i, 2)[200] = std::byte{1}; },
               "not replayed", '-', '-'},
        Damage{"revoke checksum", [](ExtImage& i) { log_block(i, 8)[200] = std::byte{1}; },
               "not replayed", '-', '-'},
        Damage{"superblock magic", [](ExtImage& i) { log_block(i, 0)[0] = std::byte{0}; },
               "without its superblock", '-', '-'},
        Damage{"superblock checksum", [](ExtImage& i) { log_block(i, 0)[60] ^= std::byte{1}; },
               "not replayed", '-', '-'},
        Damage{"other sequence", [](ExtImage& i) { log_block(i, 5)[11] = std::byte{9}; },
               "of 1 transactions", 'a', '-'},
        Damage{"journal inode", [](ExtImage& i) { i.set_links(kJournalInode, 0); }, "is not a file",
               '-', '-'},
        Damage{"other device",
               [](ExtImage& i) {
                 i.super.s_journal_inum = 0;
                 i.super.s_journal_dev = 0x801;
               },
               "on another device", '-', '-'}),
    [](const auto& row) {
      std::string name = row.param.what;
      std::ranges::replace(name, ' ', '_');
      return name;
    });

TEST(Ext, OrphansAreCutOffAndCounted) {
  ExtImage image;
  image.put_directory(2, 2, {{12, "cut"}});
  image.put_file(12, 1500, {{0, 8, 60}});
  image.set_field(12, offsetof(RawInode, i_blocks_lo), le32(16));
  image.set_field(12, offsetof(RawInode, i_dtime), le32(13));  // the next orphan
  image.put_file(13, 0, {});
  image.set_links(13, 0);
  image.super.s_last_orphan = 12;
  const auto fs = open_or_fail(image.device());
  ASSERT_TRUE(fs);
  EXPECT_THAT(remarks_of(*fs), HasSubstr("2 files were being deleted or cut off"));
  EXPECT_EQ(fs->stat(12).value().blocks, 4U);
  EXPECT_EQ(fs->stat(12).value().size, 1500U);
  image.set_field(13, offsetof(RawInode, i_dtime), le32(12));
  EXPECT_THAT(remarks_of(*open_or_fail(image.device())), HasSubstr("goes round"));
}

TEST(Ext, FastReplayAppliesEachKindOfTag) {
  ExtImage image;
  image.put_directory(2, 2, {{12, "file"}, {13, "goes"}});
  image.put_file(12, 1024, {{0, 1, 100}});
  image.put_file(13, 0, {});
  std::vector<Remark> remarks;
  const Device device = image.device();
  const Storage storage(device, read_superblock(*device, remarks).value(), remarks);
  FastReplay replay(storage);
  const auto apply = [&](FastTag tag, const auto& value, std::string_view rest = {}) {
    std::string bytes(as_chars(std::as_bytes(std::span(&value, 1))));
    bytes += rest;
    const auto all = as_bytes(bytes);
    const auto done = replay.apply({tag, {all.begin(), all.end()}});
    EXPECT_TRUE(done) << (done ? "" : describe(done.error()));
  };
  apply(FastTag::add_range,
        FastAddRange{le32(12), ExtentLeaf{le32(1), le16(2), le16(0), le32(101)}});
  RawInode raw = image.inode(0100640, 3072);
  raw.i_flags = kFlagExtents;
  apply(FastTag::inode, FastInode{le32(12)}, as_chars(std::as_bytes(std::span(&raw, 1))));
  apply(FastTag::unlink, FastEntry{le32(2), le32(13)}, "goes");
  apply(FastTag::link, FastEntry{le32(2), le32(12)}, "again");
  RawInode fresh = image.inode(0040755, 1024);
  fresh.i_flags = kFlagExtents;
  apply(FastTag::inode, FastInode{le32(14)}, as_chars(std::as_bytes(std::span(&fresh, 1))));
  apply(FastTag::create, FastEntry{le32(2), le32(14)}, "new-directory");
  apply(FastTag::delete_range, FastDeleteRange{le32(12), le32(0), le32(1)});
  const Device now =
      std::make_shared<OverlayDevice>(device, ExtImage::kBlock, replay.finish().value());
  const auto fs = open_or_fail(now);
  ASSERT_TRUE(fs);
  EXPECT_THAT(list_all(*fs, 2),
              testing::UnorderedElementsAre(testing::Pair("file", 12), testing::Pair("again", 12),
                                            testing::Pair("new-directory", 14)));
  EXPECT_EQ(fs->stat(12).value().size, 3072U);
  EXPECT_EQ(fs->stat(12).value().links, 2U);
  EXPECT_EQ(fs->stat(12).value().blocks, 6U);  // as counted before the hole was made
  EXPECT_EQ(fs->stat(12).value().permissions, 0640U);
  EXPECT_EQ(fs->extent(12, 0).value().kind, Extent::Kind::zero);
  EXPECT_EQ(fs->extent(12, 1024).value().length, 2048U);
  EXPECT_EQ(fs->stat(14).value().links, 1U);
  EXPECT_TRUE(list_all(*fs, 14).empty());
  EXPECT_EQ(fs->parent(14).value(), 2U);
}

}  // namespace
}  // namespace imgfs::ext
