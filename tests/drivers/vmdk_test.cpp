#include <functional>

#include <gmock/gmock.h>

#include "drivers/formats.h"
#include "drivers/vmdk_descriptor.h"
#include "tests/drivers/vmdk_images.h"

namespace imgfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// 20 grains and three sectors: data, holes, data up to the odd end.
Bytes sample() {
  Bytes disk(20 * kGrain + 3 * 512);
  lay(disk, 600, pattern(3 * kGrain, 1));
  lay(disk, 11 * kGrain, pattern(512, 2));
  lay(disk, 15 * kGrain, pattern(disk.size() - 15 * kGrain, 3));
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
std::function<void(Bytes&)> fill(std::size_t offset, std::size_t count, unsigned value) {
  return [=](Bytes& image) {
    std::fill_n(image.begin() + static_cast<std::ptrdiff_t>(offset), count,
                static_cast<std::byte>(value));
  };
}
std::function<void(Bytes&)> both(std::function<void(Bytes&)> a, std::function<void(Bytes&)> b) {
  return [=](Bytes& image) {
    a(image);
    b(image);
  };
}
const auto kNothing = [](Bytes&) {};
constexpr std::size_t kDirectory = 15 * 512;
constexpr std::size_t kTables = 16 * 512;
constexpr std::size_t kCopies = 5 * 512;

struct VmdkCase {
  const char* name;
  VmdkKind kind;
  std::function<void(Bytes&)> change;
  const char* error;   ///< null: the disk must read as before
  const char* remark;  ///< what must be said of it, or null
};
void PrintTo(const VmdkCase& c, std::ostream* os) { *os << c.name; }
class Vmdk : public testing::TestWithParam<VmdkCase> {};

TEST_P(Vmdk, Opens) {
  const VmdkCase& c = GetParam();
  Bytes image = vmdk_image(sample(), c.kind);
  c.change(image);
  const auto opened = open(vmdk_format(), image);
  const auto bytes = opened ? read_all(*opened.value().disk) : Result<Bytes>(opened.error());
  if (c.error != nullptr) {
    ASSERT_FALSE(bytes) << "was read";
    EXPECT_THAT(describe(bytes.error()), HasSubstr(c.error));
    return;
  }
  ASSERT_TRUE(bytes) << describe(bytes.error());
  EXPECT_EQ(bytes.value(), sample());
  std::string remarks;
  for (const Remark& remark : opened.value().info.remarks) remarks += remark.text + "\n";
  EXPECT_THAT(remarks, HasSubstr(c.remark == nullptr ? "" : c.remark));
  EXPECT_EQ(remarks.empty(), c.remark == nullptr) << remarks;
}

using enum VmdkKind;
INSTANTIATE_TEST_SUITE_P(
    Drivers, Vmdk,
    testing::ValuesIn(std::vector<VmdkCase>{
        {"sparse", sparse, kNothing, nullptr, nullptr},
        {"stream_good", stream, kNothing, nullptr, nullptr},
        {"at_end", stream_at_end, kNothing, nullptr, nullptr},
        {"unclean", sparse, fill(72, 1, 1), nullptr, "not closed"},
        {"directory_entry_lost", sparse, set<le32>(kDirectory + 4, 0), nullptr,
         "1 tables are found by the redundant"},
        {"directory_entries_wild", sparse, fill(kDirectory, 12, 0xf0), nullptr,
         "3 tables are found by the redundant"},
        {"directory_past_end", sparse, set<le64>(56, 1ULL << 40), nullptr,
         "the redundant one is used"},
        {"directory_at_0", sparse, set<le64>(56, 0), nullptr, "the redundant one is used"},
        {"table_entry_wild", sparse, set<le32>(kTables, 0xfffffff0), nullptr, nullptr},
        {"both_entries_wild", sparse,
         both(set<le32>(kTables, 0xfffffff0), set<le32>(kCopies, 0xfffffff0)), "past the end",
         nullptr},
        {"both_directories_wild", sparse, both(fill(kDirectory, 12, 0xf0), fill(4 * 512, 12, 0xf0)),
         "past the end", nullptr},
        {"no_redundant", sparse, both(set<le32>(8, 1), set<le32>(kDirectory, 0x7fffffff)),
         "past the end", nullptr},
        {"magic", sparse, fill(0, 4, 'x'), "neither", nullptr},
        {"version_4", sparse, set<le32>(4, 4), "version 4", nullptr},
        {"grain_0", sparse, set<le64>(20, 0), "grain size of 0", nullptr},
        {"grain_2_40", sparse, set<le64>(20, 1ULL << 40), "grain size", nullptr},
        {"entries_0", sparse, set<le32>(44, 0), "tables of 0", nullptr},
        {"entries_2_31", sparse, set<le32>(44, 0x7fffffff), "2147483647 entries", nullptr},
        {"capacity_2_63", sparse, set<le64>(12, 1ULL << 63), "capacity", nullptr},
        {"capacity_2_53", sparse, set<le64>(12, 1ULL << 53), "table of", nullptr},
        {"text_mode", sparse, fill(73, 1, '\r'), "transferred as text", nullptr},
        {"compression_2", sparse, set<le16>(77, 2), "compression 2", nullptr},
        {"descriptor_past_end", sparse, set<le64>(28, 1ULL << 50), "descriptor of 3 sectors",
         nullptr},
        {"descriptor_huge", sparse, set<le64>(36, 1ULL << 50), "too long", nullptr},
        {"no_descriptor", sparse, set<le64>(28, 0), nullptr, "without its descriptor"},
        {"cut", sparse, [](Bytes& b) { b.resize(b.size() - 4096); }, "past the end", nullptr},
        {"footer_cut", stream_at_end, [](Bytes& b) { b.resize(b.size() - 512); }, "cut off",
         nullptr},
        {"footer_nowhere", stream_at_end,
         [](Bytes& b) { set<le64>(b.size() - 1024 + 56, UINT64_MAX)(b); }, "does not say", nullptr},
        {"marker_sector", stream, [](Bytes& b) { set<le64>(19 * 512, 8)(b); },
         "sector 8 where sector 0", nullptr},
        {"marker_size_0", stream, [](Bytes& b) { set<le32>(19 * 512 + 8, 0)(b); },
         "grain of 0 bytes", nullptr},
        {"marker_size_huge", stream, [](Bytes& b) { set<le32>(19 * 512 + 8, 0x7fffffff)(b); },
         "2147483647 bytes", nullptr},
        {"grain_damaged", stream, fill(19 * 512 + 40, 4, 0x55), "damaged", nullptr},
        {"grain_cut", stream, [](Bytes& b) { b.resize(b.size() - 400); }, "compressed grain",
         nullptr},
    }),
    [](const auto& row) { return std::string(row.param.name); });

TEST(VmdkSparse, ZeroedGrainsOnlyWithTheirFlag) {
  Bytes image = vmdk_image(sample());
  set<le32>(kTables, 1)(image);
  Bytes expected = sample();
  std::fill_n(expected.begin(), kGrain, std::byte{});
  EXPECT_EQ(read_all(*open(vmdk_format(), image).value().disk).value(), expected);
}

TEST(VmdkSparse, LocateJoinsNeighbours) {
  const auto opened = open(vmdk_format(), vmdk_image(sample()));
  ASSERT_TRUE(opened);
  const auto hole = opened.value().disk->locate(4 * kGrain, 16 * kGrain);
  EXPECT_EQ(hole.value().kind, Location::Kind::zero);
  EXPECT_EQ(hole.value().length, 7 * kGrain);
  const auto packed = open(vmdk_format(), vmdk_image(sample(), stream));
  EXPECT_EQ(packed.value().disk->locate(15 * kGrain, 5 * kGrain).value().kind,
            Location::Kind::decoded);
  EXPECT_EQ(packed.value().disk->locate(15 * kGrain, 5 * kGrain).value().length, 5 * kGrain);
}

TEST(VmdkExtents, OfAllKindsTogether) {
  const Bytes disk = sample();
  const auto cut = [&](std::size_t begin, std::size_t end) {
    return Bytes(disk.begin() + static_cast<std::ptrdiff_t>(begin * 512),
                 disk.begin() + static_cast<std::ptrdiff_t>(end * 512));
  };
  Bytes flat(512, std::byte{0xcc});
  lay(flat, 512, cut(40, 80));
  const Siblings siblings({{"d-1.vmdk", vmdk_image(cut(0, 40))},
                           {"d-2.vmdk", flat},
                           {"d-4.vmdk", vmdk_cowd(cut(90, 120), [](std::size_t) { return true; })},
                           {"d-5.vmdk", vmdk_sesparse(cut(120, 163))}});
  const std::string text =
      vmdk_text("custom",
                "RW 40 SPARSE \"d-1.vmdk\"\nRW 40 FLAT \"d-2.vmdk\" 1\nRW 10 ZERO\n"
                "RDONLY 30 VMFSSPARSE \"d-4.vmdk\"\nRW 43 SESPARSE \"d-5.vmdk\"\n");
  Bytes image;
  put(image, 0, std::string_view(text));
  const auto opened = open(vmdk_format(), image, siblings);
  ASSERT_TRUE(opened) << describe(opened.error());
  Bytes expected = disk;
  std::fill_n(expected.begin() + 80 * 512, 10 * 512, std::byte{});
  EXPECT_EQ(read_all(*opened.value().disk).value(), expected);
  EXPECT_EQ(opened.value().info.variant, "custom");
}

TEST(VmdkChain, ParentsByTheirIdentity) {
  const Bytes base = sample();
  Bytes child = base;
  lay(child, 5 * 512, pattern(2048, 8));
  const auto own = [](std::size_t sector) { return sector >= 5 && sector < 9; };
  const std::string ids = "CID=2\nparentCID=11111111\nparentFileNameHint=\"base.vmdk\"\n";
  const std::string text = vmdk_text("vmfsSparse", "RW 163 VMFSSPARSE \"c-delta.vmdk\"\n", ids);
  Bytes image;
  put(image, 0, std::string_view(text));
  const Bytes delta = vmdk_cowd(child, own);
  const auto opened = open(vmdk_format(), image,
                           Siblings({{"base.vmdk", vmdk_image(base)}, {"c-delta.vmdk", delta}}));
  ASSERT_TRUE(opened) << describe(opened.error());
  EXPECT_EQ(read_all(*opened.value().disk).value(), child);
  EXPECT_THAT(opened.value().info.backing_files, ElementsAre("base.vmdk"));
  const Bytes other =
      vmdk_image(base, sparse, vmdk_text("monolithicSparse", "", "CID=77\nparentCID=ffffffff\n"));
  EXPECT_THAT(
      describe(open(vmdk_format(), image, Siblings({{"base.vmdk", other}, {"c-delta.vmdk", delta}}))
                   .error()),
      HasSubstr("CID 00000077, this image expects 11111111"));
  EXPECT_THAT(describe(open(vmdk_format(), image, Siblings({{"c-delta.vmdk", delta}})).error()),
              HasSubstr("base.vmdk is not there"));
  const std::string cycle = vmdk_text("vmfsSparse", "RW 163 VMFSSPARSE \"c-delta.vmdk\"\n",
                                      "CID=2\nparentCID=2\nparentFileNameHint=\"me.vmdk\"\n");
  Bytes self;
  put(self, 0, std::string_view(cycle));
  EXPECT_THAT(
      describe(open(vmdk_format(), self, Siblings({{"me.vmdk", self}, {"c-delta.vmdk", delta}}))
                   .error()),
      HasSubstr("more than 64 parent"));
}

struct SeCase {
  const char* name;
  std::size_t offset;
  std::uint64_t value;
  const char* error;
};
void PrintTo(const SeCase& c, std::ostream* os) { *os << c.name; }
class VmdkSeSparse : public testing::TestWithParam<SeCase> {};
TEST_P(VmdkSeSparse, Refuses) {
  const SeCase& c = GetParam();
  Bytes extent = vmdk_sesparse(sample());
  set<le64>(c.offset, c.value)(extent);
  Bytes image;
  put(image, 0, std::string_view(vmdk_text("seSparse", "RW 163 SESPARSE \"s.vmdk\"\n")));
  const auto opened = open(vmdk_format(), image, Siblings({{"s.vmdk", extent}}));
  const auto bytes = opened ? read_all(*opened.value().disk) : Result<Bytes>(opened.error());
  ASSERT_FALSE(bytes);
  EXPECT_THAT(describe(bytes.error()), HasSubstr(c.error));
}
INSTANTIATE_TEST_SUITE_P(Drivers, VmdkSeSparse,
                         testing::ValuesIn(std::vector<SeCase>{
                             {"magic", 0, 1, "magic"},
                             {"version", 8, 1, "version"},
                             {"capacity", 16, 50, "descriptor says"},
                             {"grain_0", 24, 0, "grain size of 0"},
                             {"table_huge", 32, 1ULL << 50, "tables of"},
                             {"flags", 40, 1, "flags"},
                             {"volatile_past_end", 80, 1ULL << 60, "volatile header"},
                             {"volatile_elsewhere", 80, 3, "volatile header"},
                             {"journal", 512 + 24, 1, "journal"},
                             {"directory_past_end", 128, 1ULL << 60, "past the end"},
                             {"directory_size_0", 136, 0, "directory of 0"},
                             {"tables_past_end", 144, 1ULL << 60, "past the end"},
                             {"grains_past_end", 192, 1ULL << 60, "past the end"},
                             {"directory_kind", 4 * 512, 0x2000000000000000, "directory entry"},
                             {"directory_number", 4 * 512, 0x10000000ffffffff, "past the end"},
                             {"table_kind", 8 * 512, 0x4000000000000000, "no known kind"},
                             {"table_value_without_kind", 8 * 512, 5, "no known kind"},
                             {"grain_number", 8 * 512, 0x3fffffffffffffff, "past the end"},
                         }),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(VmdkDescriptor, Reads) {
  const auto parsed = vmdk::parse_descriptor(
      "# Disk DescriptorFile\r\nversion=1\r\nCID=fffffffe\r\n  parentcid = 00a1b2c3 "
      "\r\ncreateType=\"twoGbMaxExtentSparse\"\r\n"
      "parentFileNameHint=\"my base.vmdk\"\r\nrw 4192256 sparse \"a b-s001.vmdk\"\r\nRDONLY 10 "
      "FLAT \"f.vmdk\" 128\r\n"
      "RW 7 ZERO\r\nCID=1\r\nddb.uuid = \"60 00\"\r\n\0RW 9 FLAT \"hidden\" 0");
  ASSERT_TRUE(parsed) << describe(parsed.error());
  const vmdk::Descriptor& d = parsed.value();
  EXPECT_EQ(d.cid, 0xfffffffeU);
  EXPECT_EQ(d.parent_cid, 0xa1b2c3U);
  EXPECT_EQ(d.create_type, "twoGbMaxExtentSparse");
  EXPECT_EQ(d.parent_file, "my base.vmdk");
  ASSERT_EQ(d.extents.size(), 3U);
  EXPECT_EQ(d.extents[0].file, "a b-s001.vmdk");
  EXPECT_EQ(d.extents[0].sectors, 4192256U);
  EXPECT_EQ(d.extents[0].type, "SPARSE");
  EXPECT_EQ(d.extents[1].offset, 128U);
  EXPECT_EQ(d.extents[2].type, "ZERO");
}

TEST(VmdkDescriptor, Refuses) {
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "RW 1 ZERO\n";
  const std::pair<std::string, const char*> rows[] = {
      {"RW x FLAT \"a\" 0", "extent line"},
      {"RW 0 FLAT \"a\" 0", "extent line"},
      {"RW 8 FLAT a 0", "extent line"},
      {"RW 8 FLAT \"a", "extent line"},
      {"RW 8 FLAT \"\" 0", "extent line"},
      {"RW 8 FLAT \"a\" -1", "extent line"},
      {"RW 99999999999999999999 ZERO", "extent line"},
      {"RW 18014398509481984 ZERO\nRW 1 ZERO", "2^63"},
      {"CID=xyz", "hexadecimal"},
      {"CID=1ffffffff", "hexadecimal"},
      {many, "4096 extents"}};
  for (const auto& [text, error] : rows) {
    const auto parsed = vmdk::parse_descriptor(text);
    ASSERT_FALSE(parsed) << text.substr(0, 40);
    EXPECT_THAT(describe(parsed.error()), HasSubstr(error));
  }
}

TEST(VmdkDescriptor, IsRecognised) {
  EXPECT_TRUE(vmdk::is_descriptor("# Disk DescriptorFile\nversion=1\n"));
  EXPECT_TRUE(vmdk::is_descriptor("# disk descriptorfile"));
  EXPECT_TRUE(vmdk::is_descriptor("# another comment\r\n\r\nversion=2\r\n"));
  EXPECT_FALSE(vmdk::is_descriptor("version=9\n"));
  EXPECT_FALSE(vmdk::is_descriptor("Some Name <some@example.com>\n"));
  EXPECT_FALSE(vmdk::is_descriptor(""));
}

TEST(VmdkDisk, RefusesWhatIsNotInFiles) {
  const std::pair<const char*, const char*> rows[] = {
      {"RW 8 VMFSRDM \"x\"\n", "VMFSRDM"},
      {"NOACCESS 8 FLAT \"x\" 0\n", "must not be accessed"},
      {"encryption.keySafe = \"vmware:key\"\n", "encrypted"},
      {"", "without extents"}};
  for (const auto& [lines, error] : rows) {
    Bytes image;
    put(image, 0, std::string_view(vmdk_text("x", lines)));
    EXPECT_THAT(describe(open(vmdk_format(), image, Siblings({{"x", Bytes(4096)}})).error()),
                HasSubstr(error));
  }
  Bytes alone = vmdk_sesparse(sample());
  EXPECT_THAT(describe(open(vmdk_format(), alone).error()), HasSubstr("open the descriptor"));
}

TEST(VmdkFlat, CutOffExtentReadsToItsEnd) {
  Bytes image;
  put(image, 0, std::string_view(vmdk_text("monolithicFlat", "RW 20 FLAT \"x\" 0\n")));
  const auto opened = open(vmdk_format(), image, Siblings({{"x", pattern(5000)}}));
  ASSERT_TRUE(opened);
  EXPECT_THAT(opened.value().info.remarks.at(0).text, HasSubstr("cut off"));
  Bytes out(4608);
  ASSERT_TRUE(opened.value().disk->read(0, out));
  EXPECT_FALSE(opened.value().disk->read(4608, std::span(out).first(512)));
}

}  // namespace
}  // namespace imgfs::test
