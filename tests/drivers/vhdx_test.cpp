#include <functional>

#include <gmock/gmock.h>

#include "drivers/formats.h"
#include "drivers/vhdx_patches.h"
#include "tests/drivers/vhdx_images.h"

namespace imgfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Four MiB and three sectors: data, a hole of two blocks, data up to the odd end.
Bytes sample(std::size_t sector = 512) {
  Bytes disk(4 * kVhdxMiB + 3 * sector);
  lay(disk, 600, pattern(5000, 1));
  lay(disk, 3 * kVhdxMiB + 100, pattern(kVhdxMiB, 2));
  return disk;
}

template <class T>
std::function<void(Bytes&)> set(std::size_t offset, std::uint64_t value) {
  return [=](Bytes& image) {
    T field;
    field = static_cast<typename T::value_type>(value);
    put(image, offset, field);
  };
}
/// The same in both copies of a header or region table, which lie 64 KiB apart.
template <class T>
std::function<void(Bytes&)> twice(std::size_t offset, std::uint64_t value) {
  return [=](Bytes& image) {
    set<T>(offset, value)(image);
    set<T>(offset + 65536, value)(image);
  };
}
std::function<void(Bytes&)> flip(std::initializer_list<std::size_t> places) {
  return [all = std::vector(places)](Bytes& image) {
    for (const std::size_t at : all) image[at] ^= std::byte{1};
  };
}
constexpr std::size_t kHeader = 65536;
constexpr std::size_t kRegions = 3 * 65536;

struct VhdxCase {
  const char* name;
  std::function<void(Bytes&)> change;
  const char* error;   ///< null: the disk must read as before
  const char* remark;  ///< what must be said of it, or null
  bool fix = true;     ///< checksums are put right after the change
};
void PrintTo(const VhdxCase& c, std::ostream* os) { *os << c.name; }
class Vhdx : public testing::TestWithParam<VhdxCase> {};

TEST_P(Vhdx, Opens) {
  const VhdxCase& c = GetParam();
  Bytes image = vhdx_image(sample());
  c.change(image);
  if (c.fix) fix_vhdx(image);
  const auto opened = open(vhdx_format(), image);
  const auto bytes = opened ? read_all(*opened.value().disk) : Result<Bytes>(opened.error());
  if (c.error != nullptr) {
    ASSERT_FALSE(bytes) << "was read";
    EXPECT_THAT(describe(bytes.error()), HasSubstr(c.error));
    return;
  }
  ASSERT_TRUE(bytes) << describe(bytes.error());
  EXPECT_TRUE(bytes.value() == sample());
  std::string remarks;
  for (const Remark& remark : opened.value().info.remarks) remarks += remark.text + "\n";
  EXPECT_THAT(remarks, HasSubstr(c.remark == nullptr ? "" : c.remark));
  EXPECT_EQ(remarks.empty(), c.remark == nullptr) << remarks;
}

INSTANTIATE_TEST_SUITE_P(
    Drivers, Vhdx,
    testing::ValuesIn(std::vector<VhdxCase>{
        {"good", [](Bytes&) {}, nullptr, nullptr},
        {"header_1_damaged", flip({kHeader + 100}), nullptr, "header 1 is damaged", false},
        {"header_2_damaged", flip({2 * kHeader + 100}), nullptr, "header 2 is damaged", false},
        {"both_headers_damaged", flip({kHeader + 100, 2 * kHeader + 100}), "neither VHDX header",
         nullptr, false},
        {"same_sequence_and_header", set<le64>(kHeader + 8, 6), nullptr, nullptr},
        {"same_sequence",
         [](Bytes& b) {
           set<le64>(kHeader + 8, 6)(b);
           flip({kHeader + 16})(b);
         },
         "sequence number 6", nullptr},
        {"older_header_is_not_used", set<le16>(kHeader + 66, 9), nullptr, nullptr},
        {"version_2", twice<le16>(kHeader + 66, 2), "version 2", nullptr},
        {"log_version_1", twice<le16>(kHeader + 64, 1), "log of version 1", nullptr},
        {"regions_1_damaged", flip({kRegions + 100}), nullptr, "first VHDX region table", false},
        {"both_regions_damaged", flip({kRegions + 100, kRegions + 65536 + 100}),
         "neither VHDX region table", nullptr, false},
        {"regions_3000", twice<le32>(kRegions + 8, 3000), "3000 entries", nullptr},
        {"regions_1", twice<le32>(kRegions + 8, 1), "without a metadata region", nullptr},
        {"region_unknown", twice<le32>(kRegions + 16, 1), "a reader must know", nullptr},
        {"region_unknown_optional",
         [](Bytes& b) {
           twice<le32>(kRegions + 8, 3)(b);
           twice<le32>(kRegions + 80, 1)(b);
         },
         nullptr, nullptr},
        {"region_twice",
         [](Bytes& b) {
           twice<le32>(kRegions + 8, 3)(b);
           for (const std::size_t at : vhdx::kRegionTableOffsets)
             std::copy_n(b.begin() + static_cast<std::ptrdiff_t>(at + 16), 32,
                         b.begin() + static_cast<std::ptrdiff_t>(at + 80));
         },
         "twice", nullptr},
        {"region_offset_0", twice<le64>(kRegions + 32, 0), "block table region", nullptr},
        {"region_past_end", twice<le64>(kRegions + 32, 1ULL << 40), "block table", nullptr},
        {"region_wraps", twice<le64>(kRegions + 32, 0xfffffffffff00000), "region", nullptr},
        {"metadata_signature", flip({kVhdxMetadata}), "metadata table without", nullptr},
        {"metadata_3000", set<le16>(kVhdxMetadata + 10, 3000), "3000 entries", nullptr},
        {"metadata_unknown", set<le32>(kVhdxMetadata + 32, 1), "a reader must know", nullptr},
        {"metadata_missing",
         [](Bytes& b) {
           set<le32>(kVhdxMetadata + 32, 1)(b);
           set<le32>(kVhdxMetadata + 56, 0)(b);
         },
         "without the file parameters", nullptr},
        {"metadata_outside", set<le32>(kVhdxMetadata + 48, 0xfffffff0), "outside its region",
         nullptr},
        {"block_3_mib", set<le32>(kVhdxMetadata + 65536, 3 << 20), "block size", nullptr},
        {"block_512_mib", set<le32>(kVhdxMetadata + 65536, 512 << 20), "block size", nullptr},
        {"sector_1024", set<le32>(kVhdxMetadata + 65568, 1024), "sector of 1024", nullptr},
        {"size_2_62", set<le64>(kVhdxMetadata + 65552, 1ULL << 62), "64 TiB", nullptr},
        {"size_odd", set<le64>(kVhdxMetadata + 65552, 513), "whole sectors", nullptr},
        {"size_beyond_table", set<le64>(kVhdxMetadata + 65552, 1ULL << 45), "block table of",
         nullptr},
        {"parent_unnamed", set<le32>(kVhdxMetadata + 65540, 2), "does not name its parent",
         nullptr},
        {"block_past_end", set<le64>(kVhdxTable, (1ULL << 40) | 6), "past the end", nullptr},
        {"block_at_2_64", set<le64>(kVhdxTable, 0xfffffffffff00006), "past the end", nullptr},
        {"block_state_5", set<le64>(kVhdxTable, (4ULL << 20) | 5), "state 5", nullptr},
        {"block_partial", set<le64>(kVhdxTable, (4ULL << 20) | 7), "no parent", nullptr},
    }),
    [](const auto& row) { return std::string(row.param.name); });

TEST(VhdxBlocks, StatesWithoutDataAreZeros) {
  for (const std::uint64_t state : {0U, 1U, 2U, 3U}) {
    Bytes image = vhdx_image(sample());
    set<le64>(kVhdxTable, (4ULL << 20) | state)(image);
    Bytes expected = sample();
    std::fill_n(expected.begin(), kVhdxMiB, std::byte{});
    EXPECT_TRUE(read_all(*open(vhdx_format(), image).value().disk).value() == expected) << state;
  }
}

TEST(VhdxDifferencing, OwnSectorsAndTheParents) {
  for (const std::uint32_t sector : {512U, 4096U}) {
    const Bytes base = sample(sector);
    Bytes child = base;
    const std::set<std::size_t> own = {0, 7, 8, 9, 257, 4 * kVhdxMiB / sector + 2};
    for (const std::size_t i : own) lay(child, i * sector, pattern(sector, 9));
    const Siblings siblings(
        {{"parent.vhdx", vhdx_image(base, {.sector = sector, .own = nullptr, .id = 42})}});
    const auto opened = open(vhdx_format(), vhdx_image(child, {sector, &own, 43, 42}), siblings);
    ASSERT_TRUE(opened) << describe(opened.error());
    EXPECT_TRUE(read_all(*opened.value().disk).value() == child) << sector;
    EXPECT_THAT(opened.value().info.backing_files, ElementsAre("parent.vhdx"));
  }
}

TEST(VhdxDifferencing, WrongMissingAndCyclicParents) {
  const std::set<std::size_t> own = {0};
  const Bytes child = vhdx_image(sample(), {512, &own, 43, 42});
  EXPECT_THAT(describe(open(vhdx_format(), child).error()), HasSubstr("parent.vhdx is not there"));
  const Siblings wrong({{"parent.vhdx", vhdx_image(sample())}});
  EXPECT_THAT(describe(open(vhdx_format(), child, wrong).error()), HasSubstr("identity"));
  const Bytes self = vhdx_image(sample(), {512, &own, 43, 43});
  const Siblings cycle({{"parent.vhdx", self}});
  EXPECT_THAT(describe(open(vhdx_format(), self, cycle).error()), HasSubstr("more than 64 parent"));
}

/// The sector of the block table with block 0 marked as zeros.
Bytes zeroing(const Bytes& image) {
  Bytes sector(image.begin() + kVhdxTable, image.begin() + kVhdxTable + 4096);
  sector[0] = std::byte{2};
  return sector;
}

struct LogCase {
  const char* name;
  std::function<void(Bytes&)> change;
  const char* error;  ///< null: it opens
  bool applied;       ///< whether the log's write to the table counts
};
void PrintTo(const LogCase& c, std::ostream* os) { *os << c.name; }
class VhdxLog : public testing::TestWithParam<LogCase> {};

TEST_P(VhdxLog, IsReplayed) {
  const LogCase& c = GetParam();
  Bytes image = vhdx_image(sample());
  put_log_entry(image, 0, 7, 0, kVhdxTable, zeroing(image));
  c.change(image);
  fix_vhdx(image);
  const auto opened = open(vhdx_format(), image);
  if (c.error != nullptr) {
    ASSERT_FALSE(opened);
    EXPECT_THAT(describe(opened.error()), HasSubstr(c.error));
    return;
  }
  ASSERT_TRUE(opened) << describe(opened.error());
  Bytes expected = sample();
  if (c.applied) std::fill_n(expected.begin(), kVhdxMiB, std::byte{});
  EXPECT_TRUE(read_all(*opened.value().disk).value() == expected);
  EXPECT_EQ(opened.value().info.remarks.size(), 1U);
}
INSTANTIATE_TEST_SUITE_P(
    Drivers, VhdxLog,
    testing::ValuesIn(std::vector<LogCase>{
        {"applied", [](Bytes&) {}, nullptr, true},
        {"other_log", flip({kVhdxLog + 32}), nullptr, false},
        {"sequence_of_the_data", flip({kVhdxLog + 8188}), nullptr, false},
        {"sequence_of_the_descriptor", flip({kVhdxLog + 64 + 24}), nullptr, false},
        {"tail_elsewhere", set<le32>(kVhdxLog + 12, 8192), nullptr, false},
        {"tail_past_end", set<le32>(kVhdxLog + 12, 1 << 24), nullptr, false},
        {"descriptors_past_end", set<le32>(kVhdxLog + 24, 0xffffffff), nullptr, false},
        {"entry_length_0", set<le32>(kVhdxLog + 8, 0), nullptr, false},
        {"entry_length_huge", set<le32>(kVhdxLog + 8, 0xfffff000), nullptr, false},
        {"file_cut", set<le64>(kVhdxLog + 48, 1ULL << 40), "cut off", false},
        {"target_odd", set<le64>(kVhdxLog + 64 + 16, kVhdxTable + 512), "not whole sectors", false},
        {"target_2_64", set<le64>(kVhdxLog + 64 + 16, 0xfffffffffffff000), "not whole sectors",
         false},
        {"damaged_entries_that_overlap",
         [](Bytes& b) {  // 256 times the checksum of 2 MiB, and none holds
           twice<le32>(kHeader + 68, 2 * kVhdxMiB)(b);
           const auto entry = get<vhdx::LogEntryHeader>(b, kVhdxLog).value();
           for (std::size_t at = 0; at < kVhdxMiB; at += 4096) put(b, kVhdxLog + at, entry);
           for (std::size_t at = 0; at < kVhdxMiB; at += 4096)
             set<le32>(kVhdxLog + at + 8, 2 * kVhdxMiB)(b);
         },
         "overlap", false},
        {"log_1_gib", twice<le32>(kHeader + 68, 1 << 30), "at most 16 MiB", false},
        {"log_odd", twice<le32>(kHeader + 68, 4096), "whole MiB", false},
        {"log_at_0", twice<le64>(kHeader + 72, 0), "whole MiB", false},
        {"log_past_end", twice<le64>(kHeader + 72, 1ULL << 40), "past the end", false},
        {"later_entry_undoes",
         [](Bytes& b) {
           put_log_entry(b, 8192, 8, 0, kVhdxTable,
                         Bytes(b.begin() + kVhdxTable, b.begin() + kVhdxTable + 4096));
         },
         nullptr, false},
        {"gap_in_sequence",
         [](Bytes& b) {  // the entry with the higher number stands alone, and counts
           put_log_entry(b, 8192, 9, 8192, kVhdxTable,
                         Bytes(b.begin() + kVhdxTable, b.begin() + kVhdxTable + 4096));
         },
         nullptr, false},
    }),
    [](const auto& row) { return std::string(row.param.name); });

TEST(VhdxPatches, LaterWritesWin) {
  vhdx::Patches patches;
  patches.zero(4096, 4 * 4096);
  patches.write(8192, Bytes(4096, std::byte{1}));
  patches.zero(0, 4096);
  patches.write(12288, Bytes(4096, std::byte{2}));
  patches.zero(12288, 4096);
  patches.zero(30 * 4096, 1ULL << 60);
  const vhdx::PatchedDevice device_(device(Bytes(10 * 4096, std::byte{9})), 40 * 4096, patches);
  const auto bytes = read_all(device_).value();
  const unsigned expected[] = {0, 0, 1, 0, 0, 9, 9, 9, 9, 9, 0, 0};
  for (std::size_t i = 0; i < std::size(expected); ++i)
    EXPECT_EQ(std::to_integer<unsigned>(bytes[i * 4096 + 77]), expected[i]) << i;
  EXPECT_EQ(device_.locate(0, 40 * 4096).value().kind, Location::Kind::zero);
  EXPECT_EQ(device_.locate(8192, 8192).value().kind, Location::Kind::decoded);
  EXPECT_EQ(device_.locate(8192, 8192).value().length, 4096U);
  EXPECT_EQ(device_.locate(15 * 4096, 25 * 4096).value().kind, Location::Kind::zero);
}

}  // namespace
}  // namespace imgfs::test
