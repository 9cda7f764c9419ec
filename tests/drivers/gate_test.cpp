#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/text.h"
#include "drivers/gate.h"

namespace imgfs::tests {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class GateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "imgfs-gate.XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::create_directories(root_ / "images/sub/deep");
    for (const char* file : {"images/disk.vmdk", "images/disk-s001.vmdk", "images/disk2-flat.vmdk",
                             "images/base.raw", "images/sub/below.raw", "images/sub/deep/x.raw",
                             "images/.hidden", "secret", "images/a:b"})
      std::ofstream(root_ / file) << "content of " << file;
    fs::create_symlink("../secret", root_ / "images/link");
    fs::create_symlink("base.raw", root_ / "images/inner-link");
    fs::create_symlink("..", root_ / "images/up");
    fs::create_symlink("../secret", root_ / "images/disk-s002.vmdk");
    ASSERT_EQ(::mkfifo((root_ / "images/fifo").c_str(), 0600), 0);
  }
  void TearDown() override { fs::remove_all(root_); }

  std::unique_ptr<Gate> gate(Backing backing, const char* image = "images/disk.vmdk") const {
    const auto file = FileDevice::open((root_ / image).string());
    return std::move(Gate::for_image((root_ / image).string(), file.value()->descriptor(), backing).value());
  }
  static std::string answer(const Result<Device>& opened) {
    if (!opened) return describe(opened.error());
    std::string text(static_cast<std::size_t>(opened.value()->size()), '\0');
    static_cast<void>(opened.value()->read(0, std::as_writable_bytes(std::span(text))));
    return text;
  }

  fs::path root_;
};

TEST_F(GateTest, DenyOpensNothing) {
  const auto closed = gate(Backing::deny);
  for (const std::string name : {"base.raw", "../secret", "link", "/etc/passwd", "absent"}) {
    EXPECT_THAT(answer(closed->open(name)), HasSubstr("'" + name + "'")) << name;
    EXPECT_THAT(answer(closed->open(name)), HasSubstr("-o backing=same-dir")) << name;
    EXPECT_EQ(closed->open(name).error().code, Errc::denied);
  }
}

TEST_F(GateTest, SameDirIsNotLeft) {
  const auto same = gate(Backing::same_dir);
  EXPECT_EQ(answer(same->open("base.raw")), "content of images/base.raw");
  EXPECT_EQ(answer(same->open("file:base.raw")), "content of images/base.raw");
  EXPECT_EQ(answer(same->open("./base.raw")), "content of images/base.raw");
  EXPECT_EQ(answer(same->open("sub/../base.raw")), "content of images/base.raw");
  EXPECT_EQ(answer(same->open("sub/below.raw")), "content of images/sub/below.raw");
  EXPECT_EQ(answer(same->open((fs::canonical(root_) / "images/base.raw").string())),
            "content of images/base.raw");
  for (const std::string name : {"../secret", "link", "inner-link", "up/secret", "sub/../../secret",
                                 "/etc/passwd", "/proc/self/exe"}) {
    const auto opened = same->open(name);
    EXPECT_THAT(answer(opened), HasSubstr("-o backing=any")) << name;
    EXPECT_EQ(opened.error().code, Errc::denied);
  }
  EXPECT_EQ(same->open("absent").error().code, Errc::not_found);
  EXPECT_THAT(answer(same->open("fifo")), HasSubstr("neither a regular file nor a block device"));
  EXPECT_THAT(answer(same->open("sub")), HasSubstr("directory"));
}

TEST_F(GateTest, AnyOpensPlainFilesOnly) {
  const auto any = gate(Backing::any);
  EXPECT_EQ(answer(any->open("../secret")), "content of secret");
  EXPECT_EQ(answer(any->open("link")), "content of secret");
  EXPECT_EQ(answer(any->open((root_ / "secret").string())), "content of secret");
  for (const std::string name : {"nbd://localhost/x", "json:{}", "ssh:x", "http://h/x", "a:b"})
    EXPECT_THAT(answer(any->open(name)), HasSubstr("never opened")) << name;
  EXPECT_EQ(answer(any->open("./a:b")), "content of images/a:b");
}

TEST_F(GateTest, NamesThatAreNone) {
  const auto any = gate(Backing::any);
  EXPECT_THAT(answer(any->open("")), HasSubstr("is empty"));
  EXPECT_THAT(answer(any->open(std::string_view("base.raw\0x", 10))), HasSubstr("NUL"));
  EXPECT_THAT(answer(any->open(std::string(5000, 'x'))), HasSubstr("longer"));
  EXPECT_THAT(answer(gate(Backing::deny)->open("a\x1b[31m")), HasSubstr("a\\x1b[31m"));
}

TEST_F(GateTest, ExtentsOfTheImageItself) {
  const auto closed = gate(Backing::deny);
  EXPECT_EQ(answer(closed->open_extent("disk-s001.vmdk")), "content of images/disk-s001.vmdk");
  EXPECT_THAT(answer(closed->open_extent("disk-s002.vmdk")), HasSubstr("symbolic link"));
  for (const std::string name : {"disk2-flat.vmdk", "base.raw", "../secret", "disk-/../../secret",
                                 "sub/disk-s001.vmdk", "disk.vmdk"})
    EXPECT_THAT(answer(closed->open_extent(name)), HasSubstr("backing=same-dir")) << name;
  EXPECT_EQ(answer(gate(Backing::same_dir)->open_extent("base.raw")), "content of images/base.raw");
}

TEST_F(GateTest, NamesInAFileBelowCountFromItsDirectory) {
  const auto same = gate(Backing::same_dir);
  const auto below = same->beside("sub/below.raw");
  EXPECT_EQ(answer(below->open("deep/x.raw")), "content of images/sub/deep/x.raw");
  EXPECT_EQ(answer(below->open("../base.raw")), "content of images/base.raw");
  EXPECT_THAT(answer(below->open("../../secret")), HasSubstr("backing=any"));
  EXPECT_EQ(answer(below->beside("deep/x.raw")->open("../below.raw")).substr(0, 8), "the file");
  const auto any = gate(Backing::any)->beside("../secret");
  EXPECT_EQ(answer(any->open("images/base.raw")), "content of images/base.raw");
}

TEST_F(GateTest, AFileOfTheChainIsALoop) {
  const auto same = gate(Backing::same_dir, "images/base.raw");
  EXPECT_THAT(answer(same->open("base.raw")), HasSubstr("loop"));
  const auto next = same->beside("sub/below.raw");
  EXPECT_THAT(answer(next->open("../base.raw")), HasSubstr("loop"));
  EXPECT_THAT(answer(next->open("below.raw")), HasSubstr("loop"));
  fs::create_hard_link(root_ / "images/base.raw", root_ / "images/other-name");
  EXPECT_THAT(answer(same->open("other-name")), HasSubstr("loop"));
}

}  // namespace
}  // namespace imgfs::tests
