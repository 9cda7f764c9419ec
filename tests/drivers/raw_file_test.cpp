#include <array>
#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/text.h"
#include "drivers/image_format.h"

namespace imgfs::tests {
namespace {

class RawFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    name_ = (std::filesystem::temp_directory_path() / "imgfs-raw.XXXXXX").string();
    fd_ = ::mkstemp(name_.data());
    ASSERT_GE(fd_, 0);
  }
  void TearDown() override {
    ::close(fd_);
    ::unlink(name_.c_str());
  }
  void write(off_t offset, std::size_t count) const {
    const std::string bytes(count, 'x');
    ASSERT_EQ(::pwrite(fd_, bytes.data(), count, offset), static_cast<ssize_t>(count));
  }
  Device open() const { return open_image_file(name_, {}).value().disk; }

  std::string name_;
  int fd_ = -1;
};

constexpr off_t kMiB = 1 << 20;

TEST_F(RawFileTest, HolesOfTheFileAreHolesOfTheDisk) {
  ASSERT_EQ(::ftruncate(fd_, 100 * kMiB + 77), 0);
  write(10 * kMiB, 4096);
  write(100 * kMiB, 77);
  const auto disk = open();
  EXPECT_EQ(disk->size(), static_cast<std::uint64_t>(100 * kMiB + 77));
  const auto hole = disk->locate(5, disk->size() - 5).value();
  if (hole.kind == Location::Kind::host) GTEST_SKIP() << "the temporary directory keeps no holes";
  EXPECT_EQ(hole.length, static_cast<std::uint64_t>(10 * kMiB - 5));
  const auto data = disk->locate(10 * kMiB, disk->size() - 10 * kMiB).value();
  EXPECT_EQ(data.kind, Location::Kind::host);
  EXPECT_EQ(data.length, 4096U);
  EXPECT_EQ(data.offset, static_cast<std::uint64_t>(10 * kMiB));
  EXPECT_EQ(disk->locate(100 * kMiB, 77).value().kind, Location::Kind::host);
  EXPECT_EQ(disk->locate(50 * kMiB, 1).value().kind, Location::Kind::zero);
}

TEST_F(RawFileTest, WhatIsCutOffIsAnErrorAndNoHole) {
  write(0, 1 << 20);
  write(2 * kMiB, 1 << 20);
  const auto disk = open();
  ASSERT_EQ(::ftruncate(fd_, kMiB / 2), 0);
  EXPECT_EQ(disk->locate(2 * kMiB, 4096).value().kind, Location::Kind::host);
  EXPECT_EQ(disk->locate(kMiB, 4096).value().kind, Location::Kind::host);
  std::array<std::byte, 512> out{};
  EXPECT_TRUE(disk->read(0, out));
  EXPECT_EQ(disk->read(2 * kMiB, out).error().code, Errc::io);
  EXPECT_EQ(disk->read(kMiB / 2 - 100, out).error().code, Errc::io);
}

TEST_F(RawFileTest, ErrorsNameTheFile) {
  const auto opened = open_image_file(name_, {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(describe(opened.error()), name_ + ": is empty (0 bytes): not a disk image");
  EXPECT_EQ(open_image_file(name_ + ".absent", {}).error().code, Errc::not_found);
  EXPECT_EQ(open_image_file("/", {}).error().code, Errc::is_directory);
  EXPECT_FALSE(open_image_file("/dev/null", {}));
}

}  // namespace
}  // namespace imgfs::tests
