#include <gtest/gtest.h>

#include "drivers/image_format.h"

namespace imgfs::tests {
namespace {

constexpr std::uint64_t kCluster = 65536;

/// A disk of any size that has data (bytes 1) only in [data, data + length), in steps of `step`.
class Sparse final : public BlockDevice {
 public:
  Sparse(std::uint64_t size, std::uint64_t data, std::uint64_t length, unsigned char value = 1)
      : size_(size), data_(data), length_(length), value_(value) {}
  std::uint64_t size() const override { return size_; }

 private:
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::uint64_t at = offset + i;
      out[i] = at >= data_ && at < data_ + length_ ? std::byte{value_} : std::byte{0};
    }
    return success();
  }
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const override {
    if (offset < data_) return Location{Location::Kind::zero, std::min(length, data_ - offset)};
    if (offset >= data_ + length_) return Location{Location::Kind::zero, length};
    return Location{Location::Kind::decoded, std::min(length, data_ + length_ - offset)};
  }
  std::uint64_t size_, data_, length_;
  unsigned char value_;
};

/// Alternating single bytes of data and hole: as many runs as there are bytes.
class Alternating final : public BlockDevice {
 public:
  std::uint64_t size() const override { return std::uint64_t{1} << 50; }

 private:
  Result<void> do_read(std::uint64_t, std::span<std::byte>) const override { return success(); }
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t) const override {
    return Location{offset % 2 == 0 ? Location::Kind::zero : Location::Kind::decoded, 1};
  }
};

struct Row {
  std::uint64_t size, data, length;
  std::uint64_t clusters;  ///< of the file: header, refcount table and block, L1, L2 tables, data
};
const Row kRows[] = {
    {0, 0, 0, 4},
    {1, 0, 0, 4},
    {1, 0, 1, 4 + 1 + 1},
    {kCluster * 10, kCluster - 1, 2, 4 + 1 + 2},
    {kCluster * 10, kCluster, kCluster, 4 + 1 + 1},
    {std::uint64_t{2} << 30, (std::uint64_t{512} << 20) - 1, 2, 4 + 2 + 2},
    {(std::uint64_t{1} << 62), 4096, 4096, 3 + (std::uint64_t{1} << 33) / 8192 + 1 + 1},
};

TEST(Qcow2Size, Arithmetic) {
  for (const Row& row : kRows) {
    const Sparse disk(row.size, row.data, row.length);
    const auto bound = qcow2_size_bound(disk);
    ASSERT_TRUE(bound);
    if (row.size >> 40 != 0) {  // the refcounts of a large L1 table count as well
      EXPECT_GE(bound.value().bytes, row.clusters * kCluster);
      EXPECT_LE(bound.value().bytes, row.clusters * kCluster * 101 / 100);
      continue;
    }
    EXPECT_EQ(bound.value().bytes, row.clusters * kCluster) << row.size;
    EXPECT_FALSE(bound.value().exact);
    std::uint64_t done = 0;
    const auto exact = qcow2_size_exact(disk, [&](std::uint64_t bytes) { done = std::max(done, bytes); });
    ASSERT_TRUE(exact);
    EXPECT_TRUE(exact.value().exact);
    EXPECT_EQ(exact.value().bytes, bound.value().bytes);
    EXPECT_LE(done, row.size);
  }
}

TEST(Qcow2Size, ZerosThatAreStoredDoNotCount) {
  const Sparse disk(std::uint64_t{1} << 30, 100, 20 << 20, 0);
  EXPECT_EQ(qcow2_size_exact(disk, [](std::uint64_t) {}).value().bytes, 4 * kCluster);
  EXPECT_EQ(qcow2_size_bound(disk).value().bytes, (4 + 1 + 321) * kCluster);
}

TEST(Qcow2Size, AMapMadeToBeEndlessEnds) {
  const auto bound = qcow2_size_bound(Alternating());
  ASSERT_TRUE(bound);
  EXPECT_GT(bound.value().bytes, std::uint64_t{1} << 50);
  EXPECT_EQ(qcow2_size_exact(Alternating(), [](std::uint64_t) {}).error().code, Errc::too_large);
}

}  // namespace
}  // namespace imgfs::tests
