#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/text.h"
#include "ntfs/boot_sector.h"
#include "ntfs/lznt1.h"
#include "ntfs/nature.h"
#include "ntfs/runs.h"
#include "ntfs/state.h"
#include "ntfs/upcase.h"
#include "tests/ntfs/ntfs_image.h"

namespace imgfs::ntfs {

bool operator==(const Run& a, const Run& b) {
  return a.vcn == b.vcn && a.length == b.length && a.lcn == b.lcn;
}

namespace test {
namespace {

Bytes from(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

// Mapping pairs on a volume of 1000 clusters.
struct RunsCase {
  const char* name;
  Bytes pairs;
  std::uint64_t highest;
  std::optional<std::vector<Run>> expected;  // nothing: corrupt
};
void PrintTo(const RunsCase& c, std::ostream* os) { *os << c.name; }
class Runs : public testing::TestWithParam<RunsCase> {};

TEST_P(Runs, Decodes) {
  RunList runs;
  const auto done = runs.append(GetParam().pairs, 0, GetParam().highest, 1000);
  ASSERT_EQ(bool(done), GetParam().expected.has_value()) << (done ? "" : describe(done.error()));
  if (done)
    EXPECT_TRUE(runs.runs() == *GetParam().expected);
  else
    EXPECT_EQ(done.error().code, Errc::corrupt);
}
constexpr std::uint64_t kHole = Run::kHole;
INSTANTIATE_TEST_SUITE_P(
    Ntfs, Runs,
    testing::ValuesIn(std::vector<RunsCase>{
        {"none", from({0}), UINT64_MAX, std::vector<Run>{}},
        {"one", from({0x11, 5, 100, 0}), 4, std::vector<Run>{{0, 5, 100}}},
        {"backwards", from({0x21, 5, 0x2c, 1, 0x11, 2, 0xf6, 0}), 6,
         std::vector<Run>{{0, 5, 300}, {5, 2, 290}}},
        {"neighbours_are_one", from({0x11, 5, 100, 0x11, 2, 5, 0}), 6,
         std::vector<Run>{{0, 7, 100}}},
        {"hole", from({0x11, 1, 100, 0x01, 9, 0x11, 1, 1, 0}), 10,
         std::vector<Run>{{0, 1, 100}, {1, 9, kHole}, {10, 1, 101}}},
        {"old_hole", from({0x11, 4, 0xff, 0}), 3, std::vector<Run>{{0, 4, kHole}}},
        {"without_an_end", from({0x11, 5, 100}), 4, std::vector<Run>{{0, 5, 100}}},
        {"last_cluster", from({0x21, 1, 0xe7, 3, 0}), 0, std::vector<Run>{{0, 1, 999}}},
        {"past_the_volume", from({0x21, 2, 0xe7, 3, 0}), 1, {}},
        {"negative_lcn", from({0x11, 2, 0xf0, 0}), 1, {}},
        {"length_0", from({0x11, 0, 100, 0}), 0, {}},
        {"negative_length", from({0x11, 0xff, 100, 0}), 254, {}},
        {"no_length", from({0x10, 100, 0}), 0, {}},
        {"number_of_9_bytes", from({0x19, 1, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0}), 0, {}},
        {"cut_off", from({0x41, 5, 100}), 4, {}},
        {"shorter_than_said", from({0x11, 5, 100, 0}), 5, {}},
        {"longer_than_said", from({0x11, 5, 100, 0}), 3, {}},
        {"longer_than_any_file",
         from({0x08, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0}),
         0x7effffffffffffff,
         {}},
    }),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Runs, GoOnInTheNextPiece) {
  RunList runs;
  ASSERT_TRUE(runs.append(from({0x11, 5, 100, 0}), 0, 4, 1000));
  EXPECT_FALSE(runs.append(from({0x11, 5, 100, 0}), 4, 8, 1000));
  RunList good;
  ASSERT_TRUE(good.append(from({0x11, 5, 100, 0}), 0, 4, 1000));
  ASSERT_TRUE(good.append(from({0x11, 2, 50, 0}), 5, 6, 1000));
  EXPECT_EQ(good.find(4)->lcn, 100U);
  EXPECT_EQ(good.find(5)->lcn, 50U);
  EXPECT_EQ(good.find(6)->lcn, 50U);
  EXPECT_EQ(good.find(7), nullptr);
}

struct BootCase {
  const char* name;
  std::size_t at;
  std::uint64_t value;
  int width;
  std::uint32_t cluster;  // 0: corrupt
  std::uint32_t record;
};
void PrintTo(const BootCase& c, std::ostream* os) { *os << c.name; }
class Boot : public testing::TestWithParam<BootCase> {};

TEST_P(Boot, IsCheckedFieldByField) {
  NtfsImage image(4096, 1024, 2048);
  image.write_boot_sector(1);
  Bytes sector(image.bytes().begin(), image.bytes().begin() + 512);
  put_at(sector, GetParam().at, GetParam().value, GetParam().width);
  const auto geometry = parse_boot_sector(sector, 0);
  ASSERT_EQ(bool(geometry), GetParam().cluster != 0);
  if (!geometry) {
    EXPECT_EQ(geometry.error().code, Errc::corrupt);
    return;
  }
  EXPECT_EQ(geometry.value().cluster_size, GetParam().cluster);
  EXPECT_EQ(geometry.value().record_size, GetParam().record);
}
INSTANTIATE_TEST_SUITE_P(Ntfs, Boot,
                         testing::ValuesIn(std::vector<BootCase>{
                             {"as_made", 0, 0xeb, 1, 4096, 1024},
                             {"other_signature", 3, 'X', 1, 0, 0},
                             {"sectors_of_0", 0xb, 0, 2, 0, 0},
                             {"sectors_of_4096", 0xb, 4096, 2, 32768, 1024},
                             {"sectors_of_520", 0xb, 520, 2, 0, 0},
                             {"sectors_of_8192", 0xb, 8192, 2, 0, 0},
                             {"cluster_of_0", 0xd, 0, 1, 0, 0},
                             {"cluster_of_3", 0xd, 3, 1, 0, 0},
                             {"cluster_of_64k", 0xd, 0x80, 1, 65536, 1024},
                             {"cluster_of_2m", 0xd, 0xf4, 1, 2U << 20, 1024},
                             {"cluster_of_4m", 0xd, 0xf3, 1, 0, 0},
                             {"cluster_of_2_to_28", 0xd, 0xe4, 1, 0, 0},
                             {"cluster_of_2_to_127", 0xd, 0x81, 1, 0, 0},
                             {"record_of_one_cluster", 0x40, 1, 1, 4096, 4096},
                             {"record_of_4k", 0x40, 0xf4, 1, 4096, 4096},
                             {"record_of_3_clusters", 0x40, 3, 1, 0, 0},
                             {"record_of_256", 0x40, 0xf8, 1, 0, 0},
                             {"record_of_2_to_100", 0x40, 0x9c, 1, 0, 0},
                             {"no_sectors", 0x28, 0, 8, 0, 0},
                             {"too_many_sectors", 0x28, UINT64_MAX, 8, 0, 0},
                             {"mft_far_away_but_not_its_mirror", 0x30, 1ULL << 60, 8, 4096, 1024},
                         }),
                         [](const auto& row) { return std::string(row.param.name); });

// LZNT1 into 8192 bytes; what is expected comes before zeros.
struct CompressedCase {
  const char* name;
  Bytes in;
  std::optional<std::string> expected;
};
void PrintTo(const CompressedCase& c, std::ostream* os) { *os << c.name; }
class Lznt1 : public testing::TestWithParam<CompressedCase> {};

TEST_P(Lznt1, Decompresses) {
  Bytes out(8192, std::byte{0x55});
  const auto done = lznt1_decompress(GetParam().in, out);
  ASSERT_EQ(bool(done), GetParam().expected.has_value()) << (done ? "" : describe(done.error()));
  if (!done) return;
  std::string expected = *GetParam().expected;
  expected.resize(out.size());
  EXPECT_TRUE(as_chars(out) == expected);
}
INSTANTIATE_TEST_SUITE_P(
    Ntfs, Lznt1,
    testing::ValuesIn(std::vector<CompressedCase>{
        {"nothing", from({}), ""},
        {"end_at_once", from({0, 0}), ""},
        {"literals", from({0x03, 0xb0, 0, 'a', 'b', 'c', 0, 0}), "abc"},
        {"eight_literals", from({0x08, 0xb0, 0, '1', '2', '3', '4', '5', '6', '7', '8', 0, 0}),
         "12345678"},
        {"repeats_one", from({0x03, 0xb0, 2, 'a', 2, 0, 0, 0}), "aaaaaa"},
        {"repeats_two", from({0x04, 0xb0, 4, 'a', 'b', 3, 0x10, 0, 0}), "abababab"},
        {"stored", from({0x02, 0x30, 'x', 'y', 'z', 0, 0}), "xyz"},
        {"second_chunk", from({0x01, 0xb0, 0, 'a', 0x01, 0xb0, 0, 'b', 0, 0}),
         "a" + std::string(4095, '\0') + "b"},
        {"a_whole_chunk", from({0x03, 0xb0, 2, 'a', 0xfc, 0x0f, 0, 0}), std::string(4096, 'a')},
        {"no_more_than_a_chunk", from({0x03, 0xb0, 2, 'a', 0xff, 0x0f, 0, 0}),
         std::string(4096, 'a')},
        {"match_before_the_start", from({0x03, 0xb0, 2, 'a', 2, 0x10, 0, 0}), {}},
        {"begins_with_a_match", from({0x02, 0xb0, 1, 0, 0, 0, 0}), {}},
        {"match_cut_off", from({0x02, 0xb0, 2, 'a', 2}), {}},
        {"chunk_cut_off", from({0x08, 0xb0, 0, 'a'}), {}},
    }),
    [](const auto& row) { return std::string(row.param.name); });

struct LinkCase {
  const char* name;
  std::uint32_t tag;
  std::u16string target;
  std::uint32_t flags;
  std::string expected;
};
void PrintTo(const LinkCase& c, std::ostream* os) { *os << c.name; }
class Link : public testing::TestWithParam<LinkCase> {};

TEST_P(Link, IsMappedIntoTheGuest) {
  const LinkCase& c = GetParam();
  Bytes data;
  put(data, 0, 2);
  put(data, c.target.size() * 2, 2);
  put(data, 0, 4);
  if (c.tag == reparse_tag::kSymlink) put(data, c.flags, 4);
  append(data, utf16(c.target));
  EXPECT_EQ(link_target(c.tag, data).value(), c.expected);
  data.pop_back();
  EXPECT_EQ(link_target(c.tag, data).error().code, Errc::corrupt);
}
INSTANTIATE_TEST_SUITE_P(
    Ntfs, Link,
    testing::ValuesIn(std::vector<LinkCase>{
        {"relative", reparse_tag::kSymlink, u"..\\a\\b", 1, "../a/b"},
        {"from_the_root", reparse_tag::kSymlink, u"\\a\\b", 1, "/a/b"},
        {"system_drive", reparse_tag::kSymlink, u"\\??\\C:\\Users", 0, "/Users"},
        {"system_drive_itself", reparse_tag::kSymlink, u"\\??\\c:", 0, "/"},
        {"junction", reparse_tag::kMountPoint, u"\\??\\C:\\ProgramData", 0, "/ProgramData"},
        {"other_drive", reparse_tag::kMountPoint, u"\\??\\e:\\data", 0, "/E:/data"},
        {"volume", reparse_tag::kMountPoint,
         u"\\??\\Volume{12345678-0000-0000-0000-100000000000}\\", 0,
         "/Volume{12345678-0000-0000-0000-100000000000}/"},
        {"share", reparse_tag::kSymlink, u"\\??\\UNC\\server\\share", 0, "/UNC/server/share"},
        {"not_prefixed", reparse_tag::kSymlink, u"C:\\x", 0, "/x"},
        {"lone_surrogate", reparse_tag::kSymlink, u"a\xd800", 1, "a\xed\xa0\x80"},
    }),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Ea, IsFoundByName) {
  Bytes all;
  put(all, 16, 4);
  put(all, 0, 1);
  put(all, 3, 1);
  put(all, 2, 2);
  append(all, std::string_view("ABC\0xy\0\0", 8));
  put(all, 0, 4);
  put(all, 0, 1);
  put(all, 1, 1);
  put(all, 1, 2);
  append(all, std::string_view("D\0z", 3));
  EXPECT_EQ(ea_value(all, "ABC"), "xy");
  EXPECT_EQ(ea_value(all, "D"), "z");
  EXPECT_EQ(ea_value(all, "E"), std::nullopt);
  EXPECT_EQ(ea_value(std::span(all).first(9), "ABC"), std::nullopt);
}

TEST(UpCase, OrdersAsTheVolumeSays) {
  Bytes table;
  for (std::uint64_t unit = 0; unit < 128; ++unit) put(table, unit == 'b' ? 'A' : unit, 2);
  const UpCase upcase = UpCase::parse(table).value();
  EXPECT_EQ(upcase.compare(u"b", utf16(u"A")), std::strong_ordering::equal);
  EXPECT_EQ(upcase.compare(u"a", utf16(u"A")), std::strong_ordering::greater);
  EXPECT_EQ(upcase.compare(u"A", utf16(u"AA")), std::strong_ordering::less);
  EXPECT_EQ(upcase(u'\x4e2d'), u'\x4e2d');
  EXPECT_FALSE(UpCase::parse(Bytes(3)));
  EXPECT_FALSE(UpCase::parse(Bytes(131074)));
}

/// A restart page of 4096 bytes.
Bytes restart_page(std::uint16_t major, std::uint16_t flags, std::uint16_t in_use,
                   std::uint64_t lsn) {
  Bytes page = bytes_of("RSTR");
  put(page, 30, 2);
  put(page, 9, 2);
  put(page, 0, 8);
  put(page, 4096, 4);
  put(page, 4096, 4);
  put(page, 48, 2);
  put(page, 1, 2);
  put(page, major, 2);
  page.resize(48);
  put_at(page, 30, 1, 2);
  put(page, lsn, 8);
  put(page, 1, 2);
  put(page, 0xffff, 2);
  put(page, in_use, 2);
  put(page, flags, 2);
  page.resize(4096);
  protect(page);
  return page;
}

TEST(Log, SaysHowItWasLeft) {
  const auto both = [](Bytes a, const Bytes& b) {
    append(a, b);
    return log_state(a);
  };
  const Bytes clean = restart_page(1, 2, 0, 10);
  const Bytes no_client = restart_page(1, 0, 0xffff, 10);
  const Bytes dirty = restart_page(1, 0, 0, 20);
  EXPECT_EQ(log_state(Bytes(8192, std::byte{0xff})), LogState::clean);
  EXPECT_EQ(log_state(clean), LogState::clean);
  EXPECT_EQ(log_state(no_client), LogState::clean);
  EXPECT_EQ(both(clean, dirty), LogState::dirty);
  EXPECT_EQ(both(dirty, clean), LogState::dirty);
  EXPECT_EQ(both(dirty, restart_page(1, 2, 0, 30)), LogState::clean);
  EXPECT_EQ(log_state(restart_page(2, 2, 0, 1)), LogState::fast_restart);
  EXPECT_EQ(log_state(Bytes(8192)), LogState::unreadable);
  Bytes torn = dirty;
  torn[510] = std::byte{0x77};
  EXPECT_EQ(log_state(torn), LogState::unreadable);
}

}  // namespace
}  // namespace test
}  // namespace imgfs::ntfs
