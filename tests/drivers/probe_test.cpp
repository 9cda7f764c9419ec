#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.h"
#include "tests/drivers/qcow2_image.h"

namespace imgfs::tests {
namespace {

using ::testing::HasSubstr;
using namespace std::string_view_literals;

Result<Image> open_bytes(std::vector<std::byte> bytes, std::string_view format = {}) {
  const Files files;
  return open_image({std::make_shared<MemoryDevice>(std::move(bytes)), files}, format);
}

std::vector<std::byte> with(std::size_t size, std::size_t offset, std::string_view text) {
  std::vector<std::byte> bytes(size);
  std::ranges::copy(as_bytes(text), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  return bytes;
}

// What is no disk image is refused by its name, with advice.
struct ForeignRow {
  std::size_t offset;
  std::string_view bytes;
  const char* text;
};
const ForeignRow kForeign[] = {
    {0, "\x1f\x8b\x08\0"sv, "gzip"},
    {0, "\xfd" "7zXZ\0"sv, "xz"},
    {0, "\x28\xb5\x2f\xfd"sv, "zstd"},
    {0, "BZh91AY&SY"sv, "bzip2"},
    {0, "\x04\x22\x4d\x18"sv, "lz4"},
    {0, "PK\x03\x04"sv, "ZIP"},
    {0, "7z\xbc\xaf\x27\x1c"sv, "7z"},
    {0, "Rar!\x1a\x07\x01"sv, "RAR"},
    {257, "ustar\0"sv, "tar"},
    {0, "070701"sv, "cpio"},
    {0, "QED\0"sv, "QED"},
    {0, "QFI\xfb\0\0\0\x01"sv, "QCOW version 1"},
    {0, "WithoutFreeSpace"sv, "Parallels"},
    {0, "WithouFreSpacExt"sv, "Parallels"},
    {0, "\x7f" "ELF"sv, "ELF"},
    {0, "\xed\xab\xee\xdb"sv, "RPM"},
    {0, "!<arch>\ndebian-binary"sv, "Debian package"},
    {0, "EVF\x09\x0d\x0a\xff\0"sv, "EnCase"},
    {0, "MSWIM\0\0\0"sv, "WIM"},
    {0, "<!DOCTYPE html>"sv, "web page"},
    {0, "MZ"sv, "Windows program"},
    {100000 - 512, "koly"sv, "DMG"},
};

TEST(Probe, ForeignFormatsAreNamed) {
  for (const ForeignRow& row : kForeign) {
    const auto opened = open_bytes(with(100000, row.offset, row.bytes));
    ASSERT_FALSE(opened) << row.text;
    EXPECT_EQ(opened.error().code, Errc::unsupported);
    EXPECT_THAT(opened.error().what, HasSubstr(row.text));
    EXPECT_THAT(opened.error().what, HasSubstr(": "));
    EXPECT_TRUE(open_bytes(with(100000, row.offset, row.bytes), "raw")) << "the user may insist";
  }
}

TEST(Probe, OvaIsToldFromOtherArchives) {
  auto archive = with(10240, 257, "ustar");
  EXPECT_THAT(open_bytes(archive).error().what, HasSubstr("is a tar archive"));
  std::ranges::copy(as_bytes("machine.ovf"), archive.begin());
  EXPECT_THAT(open_bytes(archive).error().what, HasSubstr("OVA"));
}

TEST(Probe, OldTarIsKnownByItsSum) {
  auto archive = with(10240, 0, "a-file");
  std::uint64_t sum = 8 * ' ';
  for (std::size_t i = 0; i < 512; ++i) sum += std::to_integer<std::uint64_t>(archive[i]);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", static_cast<unsigned>(sum));
  std::ranges::copy(as_bytes(std::string_view(digits)), archive.begin() + 148);
  EXPECT_THAT(open_bytes(archive).error().what, HasSubstr("tar archive"));
  archive[0] = std::byte{'b'};
  EXPECT_TRUE(open_bytes(archive));
}

TEST(Probe, IsoButNotADiskThatOnceHeldOne) {
  const auto iso = [](std::size_t size, unsigned blocks) {
    auto bytes = with(size, 32768, "\x01" "CD001\x01");
    for (unsigned i = 0; i < 4; ++i) bytes[32768 + 80 + i] = static_cast<std::byte>(blocks >> (8 * i));
    return bytes;
  };
  EXPECT_THAT(open_bytes(iso(2048 * 100, 100)).error().what, HasSubstr("ISO 9660"));
  EXPECT_THAT(open_bytes(iso(2048 * 120, 100)).error().what, HasSubstr("ISO 9660"));
  EXPECT_TRUE(open_bytes(iso(2048 * 300, 100)));
}

TEST(Probe, WhatIsTooSmallIsNoDisk) {
  EXPECT_THAT(open_bytes({}).error().what, HasSubstr("empty"));
  EXPECT_THAT(open_bytes({}, "raw").error().what, HasSubstr("empty"));
  EXPECT_THAT(open_bytes(filled(100, 0x5a)).error().what, HasSubstr("100 bytes"));
  EXPECT_THAT(open_bytes(filled(511, 0x5a)).error().what, HasSubstr("511 bytes"));
  EXPECT_TRUE(open_bytes(filled(512, 0x5a)));
  EXPECT_TRUE(open_bytes(filled(100, 0x5a), "raw"));
}

TEST(Probe, RawOfAnyLength) {
  for (const std::size_t size : {std::size_t{512}, std::size_t{513}, std::size_t{1000}, std::size_t{100000}}) {
    const auto opened = open_bytes(self_describing(size));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened.value().info.format, "raw");
    EXPECT_EQ(opened.value().info.remarks.size(), size % 512 == 0 ? 0U : 1U);
    EXPECT_EQ(read_all(*opened.value().disk), self_describing(size));
  }
}

TEST(Probe, BootCodeThatLooksLikeAProgram) {
  auto disk = with(4096, 0, "MZ");
  disk[510] = std::byte{0x55};
  disk[511] = std::byte{0xaa};
  EXPECT_TRUE(open_bytes(disk));
}

TEST(Probe, FormatsByName) {
  EXPECT_THAT(open_bytes(filled(1024, 1), "qcow").error().what, HasSubstr("image format 'qcow' (known: qcow2"));
  EXPECT_THAT(open_bytes(filled(1024, 1), "qcow2").error().what, HasSubstr("magic"));
  EXPECT_EQ(open_bytes(filled(1024, 1), "host_device").value().info.format, "raw");
}

// A broken image of a known format is that format's error, never a raw disk.
TEST(Probe, AMagicDecides) {
  EXPECT_THAT(open_bytes(with(4096, 0, "QFI\xfb\0\0\0\x09"sv)).error().what, HasSubstr("QCOW version 9"));
}

}  // namespace
}  // namespace imgfs::tests
