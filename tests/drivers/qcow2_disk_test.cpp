#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <libdeflate.h>
#include <zstd.h>

#include "core/text.h"
#include "tests/drivers/qcow2_image.h"

namespace imgfs::tests {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> deflated(std::span<const std::byte> in) {
  std::vector<std::byte> out(in.size() * 2 + 100);
  auto* const compressor = libdeflate_alloc_compressor(9);
  out.resize(libdeflate_deflate_compress(compressor, in.data(), in.size(), out.data(), out.size()));
  libdeflate_free_compressor(compressor);
  return out;
}

std::vector<std::byte> zstd_frame(std::span<const std::byte> in) {
  std::vector<std::byte> out(ZSTD_compressBound(in.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 3));
  return out;
}

std::string where(const BlockDevice& disk, std::uint64_t offset) {
  const auto location = disk.locate(offset, disk.size() - offset);
  if (!location) return "error";
  const char* const kind = location.value().kind == Location::Kind::host   ? "host "
                           : location.value().kind == Location::Kind::zero ? "zero "
                                                                           : "decoded ";
  return kind + std::to_string(location.value().length);
}

std::string error_of(const BlockDevice& disk, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> out(size);
  const auto done = disk.read(offset, out);
  return done ? "" : describe(done.error());
}

std::vector<std::byte> concat(std::initializer_list<std::vector<std::byte>> parts) {
  std::vector<std::byte> out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

TEST(Qcow2Disk, KindsOfClusters) {
  Qcow2Image image(2000);
  image.map_data(0, filled(512, 1));
  image.map(1, 1);                                          // zero, nothing allocated
  image.map(2, image.add(filled(512, 0xee)) | 1);           // zero over an allocated cluster
  image.map_data(3, self_describing(512));                  // the last one, 464 bytes of it
  const auto opened = image.open();
  ASSERT_TRUE(opened) << describe(opened.error());
  auto expected = concat({filled(512, 1), filled(1024, 0), self_describing(464)});
  EXPECT_EQ(read_all(*opened.value().disk), expected);
  EXPECT_EQ(where(*opened.value().disk, 512), "zero 1024");
  EXPECT_EQ(where(*opened.value().disk, 600), "zero 936");
  // Every range, so that each boundary is crossed in each way.
  for (std::size_t begin = 0; begin < 2000; begin += 37) {
    for (std::size_t end = begin + 1; end <= 2000; end += 61) {
      std::vector<std::byte> out(end - begin);
      ASSERT_TRUE(opened.value().disk->read(begin, out));
      ASSERT_TRUE(std::equal(out.begin(), out.end(), expected.begin() + static_cast<std::ptrdiff_t>(begin)));
    }
  }
}

TEST(Qcow2Disk, NothingIsAllocated) {
  Qcow2Image image(5000);
  image.put64(3 * 512, 0);
  const auto disk = image.open().value().disk;
  EXPECT_EQ(read_all(*disk), filled(5000, 0));
  EXPECT_EQ(where(*disk, 100), "zero 4900");
}

TEST(Qcow2Disk, VersionTwoHasNoZeroClusters) {
  Qcow2Image image(5000, 9, 2);
  image.map(0, 1);
  image.map_data(1, filled(512, 3));
  const auto disk = image.open().value().disk;
  EXPECT_THAT(error_of(*disk, 0, 10), HasSubstr("version 2"));
  EXPECT_EQ(error_of(*disk, 512, 512), "");
}

struct BadEntry {
  const char* name;
  std::uint64_t l1;  ///< 0: as it is
  std::uint64_t entry;
  const char* reason;
};
const BadEntry kBadEntries[] = {
    {"data past the end", 0, 1 << 20, "cut off"},
    {"data far past the end", 0, qcow2::kOffsetMask, "cut off"},
    {"L2 past the end", 1 << 20, 0, "cut off"},
    {"L2 far past the end", qcow2::kOffsetMask, 0, "cut off"},
    {"compressed past the end", 0, qcow2::kCompressed | 1 << 20, "cut off"},
    {"compressed garbage", 0, qcow2::kCompressed | 100, "does not decompress"},
};

TEST(Qcow2Disk, BadEntriesAreErrorsOfTheirBytesOnly) {
  for (const BadEntry& row : kBadEntries) {
    SCOPED_TRACE(row.name);
    Qcow2Image image(5000);
    image.map_data(1, filled(512, 3));
    if (row.entry != 0) image.map(0, row.entry);
    if (row.l1 != 0) image.put64(3 * 512, row.l1);
    const auto opened = image.open();
    ASSERT_TRUE(opened);
    const std::string error = error_of(*opened.value().disk, 0, 512);
    EXPECT_THAT(error, HasSubstr(row.reason));
    if (row.l1 != 0) continue;
    EXPECT_EQ(error_of(*opened.value().disk, 512, 512), "");
  }
}

TEST(Qcow2Disk, UnalignedTablesAndClusters) {
  Qcow2Image image(100000, 12);
  image.map(0, 5 * 4096 + 512);
  EXPECT_THAT(error_of(*image.open().value().disk, 0, 1), HasSubstr("not at a cluster's start"));
  image.put64(3 * 4096, 4 * 4096 + 512);
  EXPECT_THAT(error_of(*image.open().value().disk, 0, 1), HasSubstr("L2 table not at"));
}

TEST(Qcow2Disk, ContiguousClustersAreOneRun) {
  Qcow2Image image(5000);
  for (std::size_t i = 0; i < 6; ++i) image.map_data(i, self_describing(512, i * 512));
  image.map(6, image.l2() - 512);
  const auto disk = image.open().value().disk;
  const auto location = disk->locate(100, 4000);
  ASSERT_TRUE(location);
  EXPECT_EQ(location.value().length, 6 * 512U - 100);
  EXPECT_EQ(disk->locate(100, 600).value().length, 600U);
}

// Compressed clusters one behind the other, from an odd offset: the second spans two host clusters,
// the last ends with the file.
void compressed_at_odd_places(bool zstd) {
  Qcow2Image image(4 * 4096, 12);
  const auto compress = zstd ? zstd_frame : deflated;
  if (zstd) {
    image.put8(79, 8);
    image.put32(100, 112);
    image.put8(104, 1);
  }
  std::vector<std::vector<std::byte>> clusters;
  std::uint64_t seed = 88172645463325252;
  for (int i = 0; i < 3; ++i) {
    std::vector<std::byte> cluster = self_describing(4096, static_cast<std::uint64_t>(i) << 32);
    for (std::size_t k = 0; k < 3000; ++k) {  // hardly compressible
      seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
      cluster[k] = static_cast<std::byte>(seed);
    }
    clusters.push_back(std::move(cluster));
  }
  image.bytes.resize(5 * 4096 + 777);
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    const auto packed = compress(clusters[i]);
    image.map(i, image.compressed_entry(image.bytes.size(), packed.size()));
    image.bytes.insert(image.bytes.end(), packed.begin(), packed.end());
  }
  const auto opened = image.open();
  ASSERT_TRUE(opened) << describe(opened.error());
  EXPECT_EQ(read_all(*opened.value().disk),
            concat({clusters[0], clusters[1], clusters[2], filled(4096, 0)}));
  EXPECT_EQ(where(*opened.value().disk, 4096), "decoded 8192");
  image.bytes.resize(image.bytes.size() - 100);
  const auto cut = image.open().value().disk;
  EXPECT_EQ(error_of(*cut, 0, 8192), "");
  EXPECT_THAT(error_of(*cut, 8192, 1), HasSubstr("compressed cluster"));
}
TEST(Qcow2Disk, CompressedZlib) { compressed_at_odd_places(false); }
TEST(Qcow2Disk, CompressedZstd) { compressed_at_odd_places(true); }

TEST(Qcow2Disk, ZstdClusterOfTwoFrames) {
  Qcow2Image image(4096, 12);
  image.put8(79, 8);
  image.put32(100, 112);
  image.put8(104, 1);
  const auto whole = self_describing(4096);
  auto packed = zstd_frame(std::span(whole).first(1000));
  const auto second = zstd_frame(std::span(whole).subspan(1000));
  packed.insert(packed.end(), second.begin(), second.end());
  image.map(0, image.compressed_entry(image.bytes.size(), packed.size()));
  image.bytes.insert(image.bytes.end(), packed.begin(), packed.end());
  EXPECT_EQ(read_all(*image.open().value().disk), whole);
}

TEST(Qcow2Disk, CompressedClusterOfTheWrongLength) {
  for (const std::size_t length : {std::size_t{4095}, std::size_t{4097}, std::size_t{0}}) {
    Qcow2Image image(4096, 12);
    const auto packed = deflated(filled(length, 7));
    image.map(0, image.compressed_entry(image.bytes.size(), packed.size()));
    image.bytes.insert(image.bytes.end(), packed.begin(), packed.end());
    EXPECT_THAT(error_of(*image.open().value().disk, 0, 1), HasSubstr("does not decompress")) << length;
  }
}

struct SubclusterRow {
  const char* name;
  bool allocated_cluster;
  std::uint32_t zero;
  std::uint32_t allocated;
  const char* first;  ///< where the first subcluster lies
};
const SubclusterRow kSubclusterRows[] = {
    {"all data", true, 0, UINT32_MAX, "data 16384"},
    {"first data", true, 0, 1, "data 512"},
    {"first zero", true, 1, 2, "zero 512"},
    {"first unallocated", true, 0, 2, "base 512"},
    {"no cluster, zeros", false, UINT32_MAX, 0, "zero 16384"},
    {"no cluster, first zero", false, 1, 0, "zero 512"},
    {"no cluster, nothing", false, 0, 0, "base 16384"},
    {"both bits", true, 1, 1, "error"},
    {"allocated without a cluster", false, 0, 1, "error"},
};

TEST(Qcow2Disk, Subclusters) {
  for (const SubclusterRow& row : kSubclusterRows) {
    SCOPED_TRACE(row.name);
    Qcow2Image image(16384, 14);
    image.put8(79, 16);
    image.backing("base", "raw");
    const auto data = self_describing(16384);
    image.map(0, row.allocated_cluster ? image.add(data) | qcow2::kCopied : 0);
    image.put32(image.l2() + 8, row.zero);
    image.put32(image.l2() + 12, row.allocated);
    Files files;
    files.files["base"] = std::make_shared<MemoryDevice>(filled(16384, 0xbb));
    const auto opened = image.open(files);
    ASSERT_TRUE(opened) << describe(opened.error());
    const BlockDevice& disk = *opened.value().disk;
    const std::string first(row.first);
    if (first == "error") {
      EXPECT_THAT(error_of(disk, 0, 1), HasSubstr("subcluster"));
      continue;
    }
    const auto bytes = read_all(disk);
    const std::size_t length = std::stoul(first.substr(5));
    for (std::size_t i = 0; i < length; ++i) {
      const std::byte expected = first[0] == 'd'   ? data[i]
                                 : first[0] == 'z' ? std::byte{0}
                                                   : std::byte{0xbb};
      ASSERT_EQ(bytes[i], expected) << i;
    }
    EXPECT_EQ(disk.locate(0, 16384).value().length, length);
  }
}

TEST(Qcow2Disk, BackingShorterAndLonger) {
  for (const std::size_t base_size : {std::size_t{0}, std::size_t{700}, std::size_t{1024}, std::size_t{9000}}) {
    Qcow2Image image(2000);
    image.backing("base", "raw");
    image.map_data(0, filled(512, 1));
    image.map(2, 1);
    Files files;
    files.files["base"] = std::make_shared<MemoryDevice>(filled(base_size, 0xbb));
    const auto opened = image.open(files);
    ASSERT_TRUE(opened) << describe(opened.error());
    auto expected = filled(2000, 0);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (i < 512) expected[i] = std::byte{1};
      else if (i / 512 != 2 && i < base_size) expected[i] = std::byte{0xbb};
    }
    EXPECT_EQ(read_all(*opened.value().disk), expected) << base_size;
    EXPECT_THAT(opened.value().info.backing_files, ::testing::ElementsAre("base"));
  }
}

TEST(Qcow2Disk, BackingFormatIsObeyedOrProbed) {
  Qcow2Image base(1024);
  base.map_data(0, filled(512, 5));
  Files files;
  files.files["base"] = base.device();
  Qcow2Image as_raw(512);
  as_raw.backing("base", "raw");
  EXPECT_EQ(read_all(*as_raw.open(files).value().disk)[0], std::byte{'Q'});
  for (const char* format : {"qcow2", ""}) {
    Qcow2Image probed(512);
    probed.backing("base", format);
    EXPECT_EQ(read_all(*probed.open(files).value().disk), filled(512, 5));
  }
  Qcow2Image unknown(512);
  unknown.backing("base", "luks");
  EXPECT_THAT(describe(unknown.open(files).error()), HasSubstr("image format 'luks'"));
}

TEST(Qcow2Disk, ALoopOfBackingFilesEnds) {
  Qcow2Image image(1024);
  image.backing("self", "qcow2");
  Files files;
  files.files["self"] = image.device();
  EXPECT_THAT(describe(image.open(files).error()), HasSubstr("16 images"));
}

TEST(Qcow2Disk, ExternalDataFile) {
  for (const bool raw : {false, true}) {
    Qcow2Image image(2048);
    image.put8(79, 4);
    if (raw) image.put8(95, 2);
    image.extension(qcow2::kDataFileName, "data");
    image.map(0, qcow2::kCopied);  // at offset 0 of the data file
    image.map(1, 1024 | qcow2::kCopied);
    image.map(3, qcow2::kCompressed | 512);
    Files files;
    files.files["data"] = std::make_shared<MemoryDevice>(self_describing(4096));
    const auto disk = image.open(files).value().disk;
    const auto data = self_describing(4096);
    std::vector<std::byte> out(512);
    ASSERT_TRUE(disk->read(0, out));
    EXPECT_TRUE(std::equal(out.begin(), out.end(), data.begin()));
    if (raw) {
      EXPECT_THAT(error_of(*disk, 512, 1), HasSubstr("own place"));
    } else {
      ASSERT_TRUE(disk->read(512, out));
      EXPECT_TRUE(std::equal(out.begin(), out.end(), data.begin() + 1024));
    }
    EXPECT_EQ(where(*disk, 1024), "zero 512");
    EXPECT_THAT(error_of(*disk, 1536, 1), HasSubstr("external data file"));
  }
}

TEST(Qcow2Disk, CutOff) {
  Qcow2Image image(2048);
  for (std::size_t i = 0; i < 4; ++i) image.map_data(i, self_describing(512, i * 512));
  image.bytes.resize(image.bytes.size() - 700);
  const auto opened = image.open();
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened.value().info.remarks.size(), 1U);
  EXPECT_THAT(opened.value().info.remarks[0].text, HasSubstr("cut off"));
  EXPECT_EQ(error_of(*opened.value().disk, 0, 1024 + 324), "");
  EXPECT_THAT(error_of(*opened.value().disk, 0, 1024 + 325), HasSubstr("cut off"));
  EXPECT_THAT(error_of(*opened.value().disk, 1536, 512), HasSubstr("cut off"));
  EXPECT_EQ(where(*opened.value().disk, 1024 + 324), "decoded 700");
}

}  // namespace
}  // namespace imgfs::tests
