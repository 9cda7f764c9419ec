#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/text.h"
#include "tests/xfs/packed_image.h"
#include "tests/xfs/short_walk.h"
#include "xfs/xfs.h"

namespace imgfs::xfs {
namespace {

const PackedImage& shapes() {
  static const PackedImage image("walk.img.packed");
  return image;
}

template <class T>
T big(std::uint64_t value) {
  T out;
  out = static_cast<typename T::value_type>(value);
  return out;
}

struct Row {
  std::string_view name;
  std::size_t offset;
  int bytes;
  std::uint64_t value;
  Errc code;                ///< only where it does not open
  std::string_view says;    ///< part of the error, or of a remark; empty: opens without any
  bool opens = false;
};

void apply(const Row& row, Patches& patches) {
  for (int i = 0; i < row.bytes; ++i) {
    const auto byte = static_cast<std::byte>(row.value >> (8 * (row.bytes - 1 - i)) & 0xff);
    patches.set(row.offset + static_cast<std::size_t>(i), std::span(&byte, 1));
  }
  patches.fix_checksums();
}

constexpr std::uint64_t kIncompat = 0x6b;  // ftype, sparse, bigtime, nrext64, exchange: enough for the image

TEST(Superblock, EveryFieldThatIsWrongIsNamed) {
  const Row rows[] = {
      {"untouched", 60, 1, 0, {}, "", true},
      {"magic", 0, 4, 0x58465343, Errc::corrupt, "magic"},
      {"block size 0", 4, 4, 0, Errc::corrupt, "block size is 0"},
      {"block size no power of two", 4, 4, 4097, Errc::corrupt, "block size is 4097"},
      {"group of nothing", 84, 4, 0, Errc::corrupt, "allocation group length"},
      {"groups past the end", 88, 4, 0xffffffff, Errc::corrupt, "block count"},
      {"version 3", 100, 2, 0xb4a3, Errc::unsupported, "XFS version 3"},
      {"directories of version 1", 100, 2, 0x9484, Errc::unsupported, "directories of version 1"},
      {"version 4 without extent flags", 100, 2, 0xa484, Errc::unsupported, "unwritten extents"},
      {"sector size 0", 102, 2, 0, Errc::corrupt, "sector size is 0"},
      {"inode size", 104, 2, 4096, Errc::corrupt, "inode size is 4096"},
      {"inodes per block", 106, 2, 9, Errc::corrupt, "inodes per block is 9"},
      {"group logarithm", 124, 1, 30, Errc::corrupt, "logarithm of the allocation group is 30"},
      {"mkfs not finished", 126, 1, 1, Errc::corrupt, "mkfs was not finished"},
      {"inode percentage", 127, 1, 101, Errc::corrupt, "inode percentage is 101"},
      {"directory blocks of 16 MiB", 192, 1, 12, Errc::corrupt, "directory block logarithm"},
      {"log sector size", 194, 2, 513, Errc::corrupt, "log sector size is 513"},
      {"unknown incompatible feature", 216, 4, 0x80000000, Errc::unsupported, "0x80000000"},
      {"zoned", 216, 4, kIncompat | 512, Errc::unsupported, "zoned"},
      {"parent pointers, exchange, metadir", 216, 4, kIncompat | 64 | 128 | 256, {}, "", true},
      {"needs repair", 216, 4, kIncompat | 16, {}, "needsrepair", true},
      {"unknown read-only feature", 212, 4, 0x1f, {}, "", true},
      {"realtime blocks", 16, 8, 1000, {}, "realtime", true},
      {"log on another device", 48, 8, 0, {}, "another device", true},
      {"log outside", 48, 8, 1 << 20, {}, "log not replayed: the log lies in no allocation group", true},
      {"larger than its device", 8, 8, 10240, {}, "", true},
  };
  for (const Row& row : rows) {
    Patches patches(shapes());
    apply(row, patches);
    const auto fs = file_system_type().open(patches.device(), Recovery::log);
    ASSERT_EQ(static_cast<bool>(fs), row.opens) << row.name << (fs ? "" : ": " + describe(fs.error()));
    if (!fs) {
      EXPECT_EQ(fs.error().code, row.code) << row.name;
      EXPECT_THAT(describe(fs.error()), testing::HasSubstr(std::string(row.says))) << row.name;
      continue;
    }
    std::string remarks;
    for (const auto& remark : fs.value()->info().remarks) remarks += remark.text + "\n";
    EXPECT_EQ(remarks.empty(), row.says.empty()) << row.name << ": " << remarks;
    EXPECT_THAT(remarks, testing::HasSubstr(std::string(row.says))) << row.name;
    short_walk(*fs.value(), 100);
  }
}

TEST(Superblock, WrongChecksumIsRefused) {
  Patches patches(shapes());
  patches.set_value(112, be32(big<be32>(1)));
  const auto fs = file_system_type().open(patches.device(), Recovery::log);
  ASSERT_FALSE(fs);
  EXPECT_EQ(fs.error().code, Errc::corrupt);
}

TEST(Superblock, TellsWhatItIs) {
  const auto fs = file_system_type().open(shapes().base(), Recovery::log);
  ASSERT_TRUE(fs);
  EXPECT_TRUE(file_system_type().probe(*shapes().base()));
  const FileSystemInfo& info = fs.value()->info();
  EXPECT_EQ(info.type, "xfs");
  EXPECT_EQ(info.label, "shapes");
  EXPECT_EQ(info.uuid, "01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_THAT(info.features, testing::IsSupersetOf({"crc", "finobt", "rmapbt", "reflink", "ftype", "bigtime"}));
  EXPECT_TRUE(info.remarks.empty());
}

TEST(Superblock, TruncatedDevicesFailWithAnError) {
  for (const std::size_t size : {0U, 3U, 4U, 263U, 511U, 512U, 4096U, 40960U, 1U << 20}) {
    const auto bytes = shapes().bytes().first(size);
    const auto device = std::make_shared<MemoryDevice>(std::vector<std::byte>(bytes.begin(), bytes.end()));
    const auto fs = file_system_type().open(device, Recovery::log);
    if (!fs) continue;
    EXPECT_FALSE(fs.value()->info().remarks.empty()) << size;
    short_walk(*fs.value(), 100);
  }
}

}  // namespace
}  // namespace imgfs::xfs
