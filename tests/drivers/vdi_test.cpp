#include <functional>

#include <gmock/gmock.h>

#include "drivers/formats.h"
#include "tests/drivers/vdi_images.h"

namespace imgfs::test {
namespace {

using testing::HasSubstr;

Bytes sample() {
  Bytes disk(40960 + 1024);
  lay(disk, 100, pattern(5000, 1));
  lay(disk, 30000, pattern(disk.size() - 30000, 2));
  return disk;
}

struct VdiCase {
  const char* name;
  std::size_t offset;  ///< of the 64-bit (`wide`) or 32-bit field
  std::uint64_t value;
  bool wide;
  const char* error;  ///< null: reads as before
};
void PrintTo(const VdiCase& c, std::ostream* os) { *os << c.name; }
class Vdi : public testing::TestWithParam<VdiCase> {};

TEST_P(Vdi, Opens) {
  const VdiCase& c = GetParam();
  Bytes image = vdi_image(sample());
  le64 wide;
  le32 narrow;
  wide = c.value;
  narrow = static_cast<std::uint32_t>(c.value);
  if (c.wide)
    put(image, c.offset, wide);
  else
    put(image, c.offset, narrow);
  const auto opened = open(vdi_format(), image);
  const auto bytes = opened ? read_all(*opened.value().disk) : Result<Bytes>(opened.error());
  if (c.error == nullptr) {
    ASSERT_TRUE(bytes) << describe(bytes.error());
    EXPECT_EQ(bytes.value(), sample());
  } else {
    ASSERT_FALSE(bytes) << "was read";
    EXPECT_THAT(describe(bytes.error()), HasSubstr(c.error));
  }
}
INSTANTIATE_TEST_SUITE_P(Drivers, Vdi,
                         testing::ValuesIn(std::vector<VdiCase>{
                             {"good", 0x48, 400, false, nullptr},
                             {"signature", 0x40, 1, false, "signature"},
                             {"version", 0x44, 0x10002, false, "version 1.2"},
                             {"type_static", 0x4c, 2, false, nullptr},
                             {"type_undo", 0x4c, 3, false, "undo"},
                             {"type_differencing", 0x4c, 4, false, "differencing VDI"},
                             {"type_9", 0x4c, 9, false, "VDI type 9"},
                             {"parent", 0x1a8, 5, false, "parent"},
                             {"sector_4096", 0x168, 4096, false, "sectors of 4096"},
                             {"sector_0", 0x168, 0, false, nullptr},
                             {"block_0", 0x178, 0, false, "block size of 0"},
                             {"block_3000", 0x178, 3000, false, "block size of 3000"},
                             {"extra_100", 0x17c, 100, false, "100 extra"},
                             {"blocks_3", 0x180, 3, false, "3 entries"},
                             {"size_2_63", 0x170, 1ULL << 63, true, "entries"},
                             {"size_max", 0x170, UINT64_MAX, true, "entries"},
                             {"table_past_end", 0x154, 0xffffff00, false, "block table"},
                             {"data_past_end", 0x158, 0xfffffe00, false, "past the end"},
                             {"entry_past_end", 512, 0x7fffffff, false, "past the end"},
                         }),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(VdiBlocks, ExtraBytesAndDiscardedBlocks) {
  Bytes disk = sample();
  Bytes image = vdi_image(disk, 512);
  le32 discarded;
  discarded = vdi::kDiscarded;
  put(image, 512, discarded);
  std::fill_n(disk.begin(), kVdiBlock, std::byte{});
  const auto opened = open(vdi_format(), image);
  ASSERT_TRUE(opened);
  EXPECT_EQ(read_all(*opened.value().disk).value(), disk);
}

TEST(VdiBlocks, PlacePastTheAddressSpaceIsNoneInTheFile) {
  // The block's number times 6 GiB is 2^64 and a few bytes of the file.
  Bytes image = vdi_image(sample());
  const auto set = [&](std::size_t offset, std::uint32_t value) { put(image, offset, le32(value)); };
  set(0x178, 1U << 31);
  set(0x17c, 0xfffffe00);
  set(512, 0xfffffffd);
  const auto opened = open(vdi_format(), image);
  ASSERT_TRUE(opened);
  const auto bytes = read_all(*opened.value().disk);
  ASSERT_FALSE(bytes);
  EXPECT_THAT(describe(bytes.error()), HasSubstr("address space"));
}

TEST(VdiBlocks, SizeIsRoundedUpToSectors) {
  const auto opened = open(vdi_format(), vdi_image(pattern(5000)));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened.value().disk->size(), 5120U);
}

}  // namespace
}  // namespace imgfs::test
