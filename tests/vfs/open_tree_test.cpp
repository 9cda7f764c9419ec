#include <gmock/gmock.h>

#include "core/memory_device.h"
#include "tests/vfs/fake_tree.h"
#include "tests/vfs/small_disk.h"
#include "vfs/file_systems.h"
#include "vfs/guest_files.h"

namespace imgfs {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

Result<std::shared_ptr<Tree>> open(std::vector<std::byte> bytes) {
  Image image;
  image.info.format = "raw";
  image.info.file_size = bytes.size();
  image.disk = std::make_shared<MemoryDevice>(std::move(bytes));
  return open_tree(std::move(image), {});
}

TEST(OpenTree, ADiskWithASystemOnALogicalPartition) {
  const auto opened = open(small_disk());
  ASSERT_TRUE(opened);
  const Tree& tree = *opened.value();
  EXPECT_THAT(names(tree, kRootNode), ElementsAre(".raw", "p1", "p5", "root"));
  ASSERT_EQ(tree.guests().size(), 1U);
  EXPECT_THAT(tree.guests()[0].problems, ElementsAre());
  ASSERT_EQ(tree.guests()[0].mounts.size(), 1U);
  EXPECT_EQ(tree.volumes()[tree.guests()[0].mounts[0].volume].volume.name, "p1");
  const auto files = guest_files(tree, 0);
  EXPECT_EQ(files->read_text("/boot/vmlinuz", 100).value(), "kernel\n");
  EXPECT_EQ(files->read_text("/etc/os-release", 100).value(), "ID=debian\n");
  EXPECT_EQ(tree.read_link(at(tree, "root/boot/up").value().node).value(), "../etc/passwd");
  EXPECT_EQ(tree.volumes()[0].type, "ext2");
  EXPECT_EQ(tree.volumes()[0].label, "boot");
}

TEST(OpenTree, ADamagedSuperblockIsSaidAndCostsOnlyItsVolume) {
  auto bytes = small_disk();
  // The first partition's superblock: blocks of 2^42 bytes.
  bytes.at(8 * 512 + 1024 + 24) = std::byte{5};
  bytes.at(8 * 512 + 1024 + 96) = std::byte{0xff};
  const auto opened = open(std::move(bytes));
  ASSERT_TRUE(opened);
  const Tree& tree = *opened.value();
  EXPECT_THAT(names(tree, kRootNode), ElementsAre(".raw", "p5", "root"));
  EXPECT_NE(tree.volumes()[0].problem, "");
  EXPECT_EQ(tree.volumes()[0].file_system, nullptr);
  EXPECT_THAT(tree.guests()[0].problems, ElementsAre(HasSubstr("/boot (UUID=1111")));
}

TEST(OpenTree, NothingButZeros) {
  const auto opened = open(std::vector<std::byte>(1 << 20));
  ASSERT_TRUE(opened);
  EXPECT_THAT(names(*opened.value(), kRootNode), ElementsAre(".raw"));
  const auto empty = open({});
  ASSERT_TRUE(empty);
  EXPECT_EQ(at(*empty.value(), ".raw/disk").value().attributes.size, 0U);
}

TEST(OpenTree, MoreFileSystemsThanSlots) {
  auto device = std::make_shared<MemoryDevice>(small_disk());
  std::vector<Volume> volumes(5);
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    volumes[i].name = i < 2 ? "same" : "root";
    volumes[i].device = device;
  }
  const FileSystemType any{"fake", [](const BlockDevice&) { return true; },
                           [](Device, Recovery) -> Result<FileSystemPtr> {
                             return FileSystemPtr(std::make_shared<FakeFileSystem>());
                           }};
  const auto opened = open_volumes(volumes, Recovery::log, std::span(&any, 1), 3);
  EXPECT_EQ(opened[0].directory, "same");
  EXPECT_EQ(opened[1].directory, "same~2");
  EXPECT_EQ(opened[2].directory, "root~2");
  EXPECT_EQ(opened[3].directory, "");
  EXPECT_THAT(opened[4].problem, HasSubstr("more than 3"));
}

}  // namespace
}  // namespace imgfs
