#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.h"
#include "tests/drivers/qcow2_image.h"

namespace imgfs::tests {
namespace {

using ::testing::HasSubstr;
using qcow2::kBackingFormat;
using qcow2::kDataFileName;
using qcow2::kFeatureNames;

// Each header that must be refused, with the reason. "" is opened.
struct HeaderRow {
  const char* name;
  void (*change)(Qcow2Image&);
  const char* reason;
};

std::string feature(unsigned type, unsigned bit, std::string name) {
  name.resize(46);
  return std::string{static_cast<char>(type), static_cast<char>(bit)} + name;
}

const HeaderRow kHeaderRows[] = {
    {"as it is", [](Qcow2Image&) {}, ""},
    {"version 9", [](Qcow2Image& i) { i.put32(4, 9); }, "QCOW version 9"},
    {"version 1", [](Qcow2Image& i) { i.put32(4, 1); }, "QCOW version 1"},
    {"clusters of 256", [](Qcow2Image& i) { i.put32(20, 8); }, "2^8"},
    {"clusters of 4 MiB", [](Qcow2Image& i) { i.put32(20, 22); }, "2^22"},
    {"clusters of 2^31", [](Qcow2Image& i) { i.put32(20, 31); }, "2^31"},
    {"virtual size 2^63", [](Qcow2Image& i) { i.put64(24, std::uint64_t{1} << 63); }, "virtual size"},
    {"virtual size 2^63 - 1", [](Qcow2Image& i) { i.put64(24, INT64_MAX); }, "L1 table of more"},
    {"L1 of 2^32 - 1 entries", [](Qcow2Image& i) { i.put32(36, UINT32_MAX); }, "L1 table of more"},
    {"L1 too small", [](Qcow2Image& i) { i.put32(36, 0); }, "1 needed"},
    {"L1 not at a cluster", [](Qcow2Image& i) { i.put64(40, 1000); }, "not at a cluster"},
    {"L1 past the end", [](Qcow2Image& i) { i.put64(40, 1 << 20); }, "past the file's end"},
    {"L1 at 2^64 - 512", [](Qcow2Image& i) { i.put64(40, UINT64_MAX - 511); }, "past the file's end"},
    {"AES", [](Qcow2Image& i) { i.put32(32, 1); }, "encrypted (QCOW2 with AES)"},
    {"LUKS", [](Qcow2Image& i) { i.put32(32, 2); }, "encrypted (QCOW2 with LUKS)"},
    {"encryption 3", [](Qcow2Image& i) { i.put32(32, 3); }, "encryption method 3"},
    {"header of 96 bytes", [](Qcow2Image& i) { i.put32(100, 96); }, "header of 96"},
    {"header of 2^31 bytes", [](Qcow2Image& i) { i.put32(100, 1U << 31); }, "header of 2147483648"},
    {"refcounts of 128 bits", [](Qcow2Image& i) { i.put32(96, 7); }, "refcount order 7"},
    {"refcount order 63", [](Qcow2Image& i) { i.put32(96, 63); }, "refcount order 63"},
    {"refcount table of 2 TiB", [](Qcow2Image& i) { i.put32(56, UINT32_MAX); }, "refcount table"},
    {"2^32 - 1 snapshots", [](Qcow2Image& i) { i.put32(60, UINT32_MAX); }, "snapshots"},
    {"unknown feature", [](Qcow2Image& i) { i.put8(72, 0x80); }, "bit 63"},
    {"unknown feature with a name",
     [](Qcow2Image& i) {
       i.put8(79, 0x20);
       i.extension(kFeatureNames, feature(1, 5, "not this") + feature(0, 5, "sparkle\x1b"));
     },
     "'sparkle\\x1b'"},
    {"unknown compatible and autoclear features",
     [](Qcow2Image& i) {
       i.put64(80, UINT64_MAX);
       i.put64(88, UINT64_MAX - 2);
     },
     ""},
    {"zstd without its bit",
     [](Qcow2Image& i) {
       i.put32(100, 112);
       i.put8(104, 1);
     },
     "without its feature bit"},
    {"compression 2",
     [](Qcow2Image& i) {
       i.put8(79, 8);
       i.put32(100, 112);
       i.put8(104, 2);
     },
     "compression type 2"},
    {"subclusters of 16 bytes", [](Qcow2Image& i) { i.put8(79, 16); }, "subclusters"},
    {"extension of 4 GiB",
     [](Qcow2Image& i) {
       i.put32(104, 0x12345678);
       i.put32(108, 0xffffff00);
     },
     "header extension"},
    {"unknown extensions", [](Qcow2Image& i) { i.extension(0x12345678, "some data"); }, ""},
    {"data file without a name", [](Qcow2Image& i) { i.put8(79, 4); }, "does not name it"},
    {"data file that is not there",
     [](Qcow2Image& i) {
       i.put8(79, 4);
       i.extension(kDataFileName, "data.bin");
     },
     "no file data.bin"},
    {"backing file that is not there", [](Qcow2Image& i) { i.backing("base.img", "raw"); },
     "no file base.img"},
    {"backing name of 2000 bytes",
     [](Qcow2Image& i) {
       i.backing("base.img", "raw");
       i.put32(16, 2000);
     },
     "2000 bytes"},
    {"backing name of 2000 bytes at 0", [](Qcow2Image& i) { i.put32(16, 2000); }, ""},
    {"backing name outside the cluster",
     [](Qcow2Image& i) {
       i.put64(8, 1 << 30);
       i.put32(16, 5);
     },
     "outside the first cluster"},
};

TEST(Qcow2Header, Rows) {
  for (const HeaderRow& row : kHeaderRows) {
    SCOPED_TRACE(row.name);
    Qcow2Image image(5000);
    row.change(image);
    const auto opened = image.open({}, "qcow2");
    if (std::string_view(row.reason).empty()) {
      EXPECT_TRUE(opened) << describe(opened.error());
    } else {
      ASSERT_FALSE(opened);
      EXPECT_THAT(describe(opened.error()), HasSubstr(row.reason));
    }
  }
}

TEST(Qcow2Header, EncryptionIsAMissingKey) {
  Qcow2Image image(5000);
  image.put32(32, 2);
  EXPECT_EQ(image.open().error().code, Errc::no_key);
}

TEST(Qcow2Header, CutOffInsideTheHeader) {
  for (const std::size_t size : {std::size_t{8}, std::size_t{71}, std::size_t{90}, std::size_t{104}}) {
    Qcow2Image image(5000);
    image.bytes.resize(size);
    EXPECT_FALSE(image.open()) << size;
  }
}

TEST(Qcow2Header, StateAndVariantAreTold) {
  Qcow2Image image(5000);
  image.put8(79, 3 + 8);
  image.put32(100, 112);
  image.put8(104, 1);
  const auto opened = image.open();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened.value().info.format, "qcow2");
  EXPECT_EQ(opened.value().info.variant, "v3, zstd, 512 B clusters");
  ASSERT_EQ(opened.value().info.remarks.size(), 2U);
  EXPECT_EQ(opened.value().info.remarks[0].kind, Remark::Kind::unclean);
  EXPECT_EQ(opened.value().info.remarks[1].kind, Remark::Kind::damaged);
}

TEST(Qcow2Header, SnapshotsAreNamed) {
  Qcow2Image image(5000);
  const auto entry = [](std::string id, std::string name, unsigned extra) {
    std::string out(40, '\0');
    out[13] = static_cast<char>(id.size());
    out[15] = static_cast<char>(name.size());
    out[39] = static_cast<char>(extra);
    out += std::string(extra, 'x') + id + name;
    out.resize((out.size() + 7) / 8 * 8);
    return out;
  };
  const std::string table = entry("1", "first", 16) + entry("2", "", 0) + entry("3", "third one", 24);
  const auto place = image.add({});
  image.put_text(place, table);
  image.put32(60, 3);
  image.put64(64, place);
  EXPECT_THAT(image.open().value().info.snapshots, ::testing::ElementsAre("first", "2", "third one"));
  image.put32(60, 100);  // the rest of the table is zeros: nameless entries to the end of the file
  const auto opened = image.open();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened.value().info.snapshots[2], "third one");
  ASSERT_EQ(opened.value().info.remarks.size(), 1U);
  EXPECT_EQ(opened.value().info.remarks[0].kind, Remark::Kind::damaged);
}

}  // namespace
}  // namespace imgfs::tests
