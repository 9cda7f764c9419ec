#include <functional>

#include <gmock/gmock.h>

#include "drivers/formats.h"
#include "drivers/parent_disk.h"
#include "drivers/sector_bitmap.h"
#include "tests/drivers/vhd_images.h"

namespace imgfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// 40,960 bytes and two sectors: data, a hole of whole blocks, data up to the odd end.
Bytes sample() {
  Bytes disk(40960 + 1024);
  lay(disk, 0, pattern(5000, 1));
  lay(disk, 30000, pattern(disk.size() - 30000, 2));
  return disk;
}

// One row for each way in which a file may be damaged or strange.
struct VhdCase {
  const char* name;
  std::function<void(Bytes&)> change;
  const char* error;   ///< null: the disk must read as before
  const char* remark;  ///< what must be said of it, or null
  bool fix = true;     ///< checksums are put right after the change
};
void PrintTo(const VhdCase& c, std::ostream* os) { *os << c.name; }
class Vhd : public testing::TestWithParam<VhdCase> {};

TEST_P(Vhd, Opens) {
  const VhdCase& c = GetParam();
  Bytes image = vhd_sparse(sample());
  c.change(image);
  if (c.fix) fix_vhd(image);
  const auto opened = open(vhd_format(), image);
  if (c.error != nullptr) {
    ASSERT_FALSE(opened) << "was opened";
    EXPECT_THAT(describe(opened.error()), HasSubstr(c.error));
    return;
  }
  ASSERT_TRUE(opened) << describe(opened.error());
  const auto bytes = read_all(*opened.value().disk);
  ASSERT_TRUE(bytes) << describe(bytes.error());
  EXPECT_EQ(bytes.value(), sample());
  std::string remarks;
  for (const Remark& remark : opened.value().info.remarks) remarks += remark.text + "\n";
  EXPECT_THAT(remarks, HasSubstr(c.remark == nullptr ? "" : c.remark));
  EXPECT_EQ(remarks.empty(), c.remark == nullptr) << remarks;
}

template <class T>
std::function<void(Bytes&)> set(std::size_t offset, std::uint64_t value) {
  return [=](Bytes& image) {
    T field;
    field = static_cast<typename T::value_type>(value);
    put(image, offset, field);
  };
}
/// The same in the footer and in its copy.
template <class T>
std::function<void(Bytes&)> set_both(std::size_t offset, std::uint64_t value) {
  return [=](Bytes& image) {
    set<T>(offset, value)(image);
    set<T>(image.size() - 512 + offset, value)(image);
  };
}

INSTANTIATE_TEST_SUITE_P(
    Drivers, Vhd,
    testing::ValuesIn(std::vector<VhdCase>{
        {"good", [](Bytes&) {}, nullptr, nullptr},
        {"footer_damaged", [](Bytes& b) { b[b.size() - 300] ^= std::byte{1}; }, nullptr,
         "copy at the start", false},
        {"footer_missing", [](Bytes& b) { b.resize(b.size() - 512); }, nullptr,
         "no footer at the end"},
        {"copy_damaged", [](Bytes& b) { b[100] ^= std::byte{1}; }, nullptr,
         "at the start is damaged", false},
        {"both_damaged",
         [](Bytes& b) {
           b[100] ^= std::byte{1};
           b[b.size() - 300] ^= std::byte{1};
         },
         "checksum", nullptr, false},
        {"copies_differ", set<be32>(24, 77), nullptr, "differ"},
        {"header_damaged", [](Bytes& b) { b[512 + 900] ^= std::byte{1}; }, "checksum does not hold",
         nullptr, false},
        {"header_cookie", [](Bytes& b) { b[512] = std::byte{}; }, "cxsparse", nullptr},
        {"header_version", set<be32>(512 + 24, 0x20000), "version 2", nullptr},
        {"header_past_end", set_both<be64>(16, 1ULL << 62), "past the end", nullptr},
        {"version_2", set_both<be32>(12, 0x20000), "0x00020000", nullptr},
        {"type_5", set_both<be32>(60, 5), "disk type 5", nullptr},
        {"saved_state", [](Bytes& b) { b[84] = b[b.size() - 512 + 84] = std::byte{1}; }, nullptr,
         "saved while running"},
        {"size_2_62", set_both<be64>(48, 1ULL << 62), "2040 GiB", nullptr},
        {"table_too_small", set<be32>(512 + 28, 3), "3 entries for a disk of 11", nullptr},
        {"table_past_end", set<be64>(512 + 16, 1ULL << 40), "block table", nullptr},
        {"table_wraps", set<be64>(512 + 16, UINT64_MAX - 8), "block table", nullptr},
        {"block_size_291", set<be32>(512 + 32, 291), "block size of 291", nullptr},
        {"block_size_0", set<be32>(512 + 32, 0), "block size of 0", nullptr},
        {"block_size_256", set<be32>(512 + 32, 256), "block size of 256", nullptr},
        {"too_short", [](Bytes& b) { b.resize(511); }, "too short", nullptr},
        {"no_cookie", [](Bytes& b) { b = Bytes(4096); }, "conectix", nullptr},
    }),
    [](const auto& row) { return std::string(row.param.name); });

TEST(VhdDynamic, EntryPastTheEndFailsOnlyWhereItIsRead) {
  Bytes image = vhd_sparse(sample());
  set<be32>(1536, 0x7fffffff)(image);
  const auto opened = open(vhd_format(), image);
  ASSERT_TRUE(opened);
  Bytes out(4096);
  EXPECT_FALSE(opened.value().disk->read(0, out));
  EXPECT_FALSE(opened.value().disk->locate(0, 512));
  EXPECT_TRUE(opened.value().disk->read(4096, out));
}

TEST(VhdDynamic, LocateJoinsHolesAndNamesData) {
  const auto opened = open(vhd_format(), vhd_sparse(sample()));
  ASSERT_TRUE(opened);
  const BlockDevice& disk = *opened.value().disk;
  const auto hole = disk.locate(8192, disk.size() - 8192);
  ASSERT_TRUE(hole);
  EXPECT_EQ(hole.value().kind, Location::Kind::zero);
  EXPECT_EQ(hole.value().length, 28672U - 8192);
  EXPECT_EQ(disk.locate(100, 200).value().length, 200U);
}

TEST(VhdFixed, FoundByItsFooterOf512Or511Bytes) {
  const Bytes disk = pattern(20 * 512, 3);
  for (const std::size_t cut : {0U, 1U}) {
    Bytes image = vhd_fixed(disk);
    image.resize(image.size() - cut);
    const std::span<const std::byte> all(image);
    EXPECT_TRUE(vhd_format().probe({all.first(4096), all.last(1024), image.size()}));
    const auto opened = open(vhd_format(), image);
    ASSERT_TRUE(opened) << describe(opened.error());
    EXPECT_EQ(opened.value().info.variant, "fixed");
    EXPECT_EQ(read_all(*opened.value().disk).value(), disk);
  }
}

TEST(VhdFixed, CutOffIsSaid) {
  Bytes image = vhd_fixed(pattern(20 * 512, 3));
  image.erase(image.begin(), image.begin() + 5 * 512);
  EXPECT_THAT(describe(open(vhd_format(), image).error()), HasSubstr("cut off"));
}

TEST(VhdProbe, TakesNothingElse) {
  const Bytes zeros(4096);
  EXPECT_FALSE(vhd_format().probe({zeros, std::span(zeros).last(1024), zeros.size()}));
  EXPECT_FALSE(vhd_format().probe({{}, {}, 0}));
}

// The size rule: creator, geometry and which of the two counts.
TEST(VhdSize, ByCreator) {
  vhd::Footer footer = vhd_footer(99 * 512, vhd::Footer::kFixed);
  const std::uint64_t geometry = 2 * 4 * 3 * 512;
  const std::pair<const char*, std::uint64_t> rows[] = {
      {"vpc ", geometry},  {"vs  ", geometry}, {"qemu", geometry},  {"vbox", geometry},
      {"zzzz", geometry},  {"qem2", 99 * 512}, {"win ", 99 * 512},  {"d2v ", 99 * 512},
      {"tap\0", 99 * 512}, {"CTXS", 99 * 512}, {"wa\0\0", 99 * 512}};
  for (const auto& [creator, size] : rows) {
    std::memcpy(footer.creator_application, creator, 4);
    EXPECT_EQ(vhd::disk_size(footer).bytes, size) << creator;
  }
  std::memcpy(footer.creator_application, "vpc ", 4);
  footer.cylinders = 65535;
  footer.heads = 16;
  footer.sectors_per_track = 255;
  EXPECT_EQ(vhd::disk_size(footer).bytes, 99U * 512);  // the geometry is at its limit
}

TEST(VhdSize, IsSaidWhereTheTwoDiffer) {
  Bytes image = vhd_fixed(pattern(30 * 512));
  put(image, image.size() - 512 + 28, std::string_view("vpc "));
  fix_vhd(image);
  const auto opened = open(vhd_format(), image);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened.value().disk->size(), 24U * 512);
  ASSERT_EQ(opened.value().info.remarks.size(), 1U);
  EXPECT_THAT(opened.value().info.remarks[0].text, HasSubstr("2/4/3"));
}

TEST(VhdDifferencing, OwnSectorsAndTheParents) {
  const Bytes base = sample();
  Bytes child = base;
  const std::set<std::size_t> own = {0, 3, 4, 5, 20, 81};
  for (const std::size_t sector : own) lay(child, sector * 512, pattern(512, 9));
  const Siblings siblings({{"parent.vhd", vhd_sparse(base, nullptr, 7)}});
  const auto opened = open(vhd_format(), vhd_sparse(child, &own, 8, 7), siblings);
  ASSERT_TRUE(opened) << describe(opened.error());
  EXPECT_EQ(read_all(*opened.value().disk).value(), child);
  EXPECT_EQ(opened.value().info.variant, "differencing");
  EXPECT_THAT(opened.value().info.backing_files, ElementsAre("parent.vhd"));
}

TEST(VhdDifferencing, WrongMissingAndCyclicParents) {
  const std::set<std::size_t> own = {0};
  const Bytes child = vhd_sparse(sample(), &own, 8, 7);
  EXPECT_THAT(describe(open(vhd_format(), child).error()), HasSubstr("parent.vhd is not there"));
  const Siblings wrong({{"parent.vhd", vhd_sparse(sample(), nullptr, 6)}});
  EXPECT_THAT(describe(open(vhd_format(), child, wrong).error()), HasSubstr("identity"));
  const Bytes self = vhd_sparse(sample(), &own, 8, 8);
  const Siblings cycle({{"parent.vhd", self}});
  EXPECT_THAT(describe(open(vhd_format(), self, cycle).error()), HasSubstr("more than 64 parent"));
}

TEST(ParentNames, OfWindowsPaths) {
  std::vector<std::string> names;
  for (const char* path :
       {".\\a.vhd", "C:\\disks\\b.vhd", "sub\\c.vhd", "/var/d.vhd", "\\\\?\\Volume{1}\\e.vhd", ""})
    add_path(names, path);
  EXPECT_THAT(names,
              ElementsAre("a.vhd", "b.vhd", "sub/c.vhd", "c.vhd", "d.vhd", "/var/d.vhd", "e.vhd"));
}

TEST(SectorBitmap, RunsInBothOrders) {
  const Bytes bits = {std::byte{0xf0}, std::byte{0xff}, std::byte{0xff}, std::byte{0x01}};
  EXPECT_EQ(bit_run(bits, 0, 32, BitOrder::high_first).count, 4U);
  EXPECT_EQ(bit_run(bits, 4, 32, BitOrder::high_first).count, 4U);
  EXPECT_EQ(bit_run(bits, 8, 32, BitOrder::high_first).count, 16U);
  EXPECT_EQ(bit_run(bits, 4, 32, BitOrder::low_first).count, 21U);
  EXPECT_EQ(bit_run(bits, 4, 20, BitOrder::low_first).count, 16U);
  EXPECT_FALSE(bit_run(bits, 25, 32, BitOrder::low_first).set);
  EXPECT_EQ(bit_run(bits, 31, 32, BitOrder::low_first).count, 1U);
}

}  // namespace
}  // namespace imgfs::test
