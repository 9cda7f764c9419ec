#include <gmock/gmock.h>

#include "tests/vfs/fake_tree.h"
#include "vfs/guest_files.h"

namespace imgfs {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<FakeFileSystem> linux_root(const std::string& fstab) {
  auto fs = std::make_shared<FakeFileSystem>("ext4");
  fs->link("bin", "usr/bin");
  fs->file("usr/bin/sh");
  fs->file("usr/lib/os-release", "ID=debian\n");
  fs->link("etc/os-release", "../usr/lib/os-release");
  fs->file("etc/fstab", fstab);
  fs->directory("boot/efi");
  fs->directory("var/lib");
  fs->file("boot/hidden", "under the mount");
  return fs;
}

std::shared_ptr<FakeFileSystem> named(std::shared_ptr<FakeFileSystem> fs, std::string uuid,
                                      std::string label = {}) {
  fs->about().uuid = std::move(uuid);
  fs->about().label = std::move(label);
  return fs;
}

TEST(Guests, FstabIsFollowedAndMountsNest) {
  auto boot = named(std::make_shared<FakeFileSystem>("ext4"), "boot-uuid");
  boot->directory("efi");
  boot->file("vmlinuz", "kernel");
  boot->link("up", "../../etc/os-release");
  auto efi = named(std::make_shared<FakeFileSystem>("vfat"), "AAAA-BBBB");
  efi->file("EFI/BOOT/BOOTX64.EFI", "efi");
  efi->link("EFI/deep", "/usr/lib/os-release");
  FakeDisk disk;
  disk.add(efi);
  disk.add(boot);
  // The nested mount comes first in the text; others cannot be laid over.
  disk.add(named(linux_root("LABEL=ESP\\040x /nowhere vfat\n"
                            "UUID=aaaa-bbbb /boot/efi vfat umask=0077 0 1\n"
                            "UUID=boot-uuid /boot ext4 defaults 0 2\n"
                            "UUID=root-uuid / ext4 defaults 0 1\n"
                            "UUID=gone /data ext4 defaults 0 2\n"
                            "UUID=boot-uuid /missing/dir ext4 defaults 0 2\n"
                            "/dev/sda4 /var/lib btrfs defaults 0 0\n"
                            "UUID=swap none swap sw 0 0\n"
                            "tmpfs /tmp tmpfs\n"),
                 "root-uuid"));
  disk.add(nullptr).problem = "btrfs cannot be read";
  const auto tree = disk.tree();
  ASSERT_EQ(tree->guests().size(), 1U);
  ASSERT_EQ(tree->guest(), 0U);
  const InstalledGuest& guest = tree->guests()[0];
  EXPECT_EQ(guest.family, GuestFamily::linux);
  EXPECT_EQ(guest.volume, 2U);
  ASSERT_EQ(guest.mounts.size(), 2U);
  EXPECT_EQ(guest.mounts[0].path, "/boot");
  EXPECT_EQ(guest.mounts[0].volume, 1U);
  EXPECT_EQ(guest.mounts[1].path, "/boot/efi");
  EXPECT_EQ(guest.mounts[1].source, "UUID=aaaa-bbbb");
  EXPECT_THAT(guest.problems,
              ElementsAre(HasSubstr("/data (UUID=gone): names no volume"),
                          HasSubstr("/missing/dir (UUID=boot-uuid): no directory"),
                          HasSubstr("/nowhere (LABEL=ESP x): names no volume"),
                          HasSubstr("/var/lib (/dev/sda4): p4 cannot be read: btrfs")));

  EXPECT_THAT(names(*tree, at(*tree, "root/boot").value().node), ElementsAre("efi", "vmlinuz", "up"));
  EXPECT_THAT(names(*tree, at(*tree, "p3/boot").value().node), ElementsAre("efi", "hidden"));
  const auto kernel = at(*tree, "root/boot/efi/EFI/BOOT/BOOTX64.EFI");
  ASSERT_TRUE(kernel);
  // Numbers of what is laid over differ from those of the file system below.
  EXPECT_EQ(kernel.value().attributes.inode, kernel.value().node);
  EXPECT_EQ(at(*tree, "root/bin").value().attributes.inode,
            at(*tree, "p3/bin").value().attributes.inode);
  // ".." crosses mounts back.
  const NodeId efi_root = at(*tree, "root/boot/efi").value().node;
  EXPECT_EQ(tree->parent(efi_root).value(), at(*tree, "root/boot").value().node);
  EXPECT_EQ(tree->parent(at(*tree, "root/boot").value().node).value(),
            at(*tree, "root").value().node);
  EXPECT_EQ(tree->parent(at(*tree, "root").value().node).value(), kRootNode);
  // Links see the whole of /root there, and only their own volume in the volume's directory.
  EXPECT_EQ(tree->read_link(at(*tree, "root/boot/efi/EFI/deep").value().node).value(),
            "../../../usr/lib/os-release");
  EXPECT_EQ(tree->read_link(at(*tree, "p1/EFI/deep").value().node).value(), "../usr/lib/os-release");
  EXPECT_EQ(tree->read_link(at(*tree, "root/boot/up").value().node).value(), "../etc/os-release");
  EXPECT_EQ(tree->read_link(at(*tree, "p2/up").value().node).value(), "etc/os-release");

  // Listings with attributes show what is laid over.
  bool seen = false;
  ASSERT_TRUE(tree->read_directory(at(*tree, "root").value().node, 0, Tree::Listing::attributes,
                                   [&](const TreeEntry& entry) {
                                     if (entry.name != "boot") return true;
                                     seen = true;
                                     EXPECT_EQ(entry.node, at(*tree, "root/boot").value().node);
                                     EXPECT_EQ(entry.inode, entry.node);
                                     return true;
                                   }));
  EXPECT_TRUE(seen);

  const auto files = guest_files(*tree, 0);
  EXPECT_EQ(files->read_text("/boot/up", 100).value(), "ID=debian\n");
  EXPECT_EQ(files->read_text("/etc/os-release", 100).value(), "ID=debian\n");
  EXPECT_EQ(files->read_text("/etc/os-release", 5).error().code, Errc::too_large);
  EXPECT_EQ(files->read_text("/etc", 5).error().code, Errc::is_directory);
  EXPECT_EQ(files->read_text("/none", 5).error().code, Errc::not_found);
  EXPECT_EQ(files->read_link("/etc/os-release").value(), "../usr/lib/os-release");
  EXPECT_EQ(files->stat("/bin", GuestFiles::LastLink::keep).value().type, FileType::symlink);
  EXPECT_EQ(files->stat("/bin").value().type, FileType::directory);
  EXPECT_THAT(files->list("/boot").value(), ElementsAre("efi", "up", "vmlinuz"));
  EXPECT_EQ(files->list("/boot", 2).error().code, Errc::too_large);
  EXPECT_EQ(files->shown("/boot/up"), "/root/boot/up");
  std::array<std::byte, 4> bytes{};
  EXPECT_EQ(files->read("/etc/os-release", 3, bytes).value(), 4U);
  EXPECT_EQ(as_chars(bytes), "debi");
  EXPECT_EQ(volume_files(*tree, 1)->shown("/vmlinuz"), "/p2/vmlinuz");
  EXPECT_EQ(volume_files(*tree, 1)->read_text("vmlinuz", 100).value(), "kernel");
  EXPECT_EQ(volume_files(*tree, 3)->stat("/").error().code, Errc::unsupported);
  EXPECT_EQ(guest_files(*tree, 7)->stat("/").error().code, Errc::unsupported);
}

TEST(Guests, WhatIsNoSystem) {
  auto data = std::make_shared<FakeFileSystem>();
  data->file("backup/etc/fstab");
  data->directory("backup/usr/bin");
  data->file("photos/1.jpg");
  auto boot = std::make_shared<FakeFileSystem>();
  boot->file("grub/grub.cfg");
  boot->file("vmlinuz-5.10");
  boot->file("loader/entries/a.conf");
  auto installer = std::make_shared<FakeFileSystem>();
  installer->file("sources/install.wim");
  installer->file("bootmgr");
  installer->file("isolinux/isolinux.bin");
  auto user_data = std::make_shared<FakeFileSystem>();
  user_data->directory("etc");
  user_data->file("bin/tool");
  auto usr = std::make_shared<FakeFileSystem>();
  usr->directory("bin");
  usr->file("lib/os-release");
  FakeDisk disk;
  for (const auto& fs : {data, boot, installer, user_data, usr}) disk.add(fs);
  const auto tree = disk.tree();
  EXPECT_TRUE(tree->guests().empty());
  EXPECT_FALSE(tree->guest());
  EXPECT_EQ(at(*tree, "root").error().code, Errc::not_found);
}

TEST(Guests, WindowsIgnoresCaseUnderRootOnly) {
  auto fs = std::make_shared<FakeFileSystem>("ntfs");
  fs->file("WINDOWS/system32/config/SYSTEM", "hive");
  fs->file("WINDOWS/system32/NTOSKRNL.EXE");
  fs->link("Documents and Settings", "/users");
  fs->file("Users/me/a");
  fs->ignore_case();
  FakeDisk disk;
  disk.add(fs);
  const auto tree = disk.tree();
  ASSERT_EQ(tree->guest(), 0U);
  EXPECT_EQ(tree->guests()[0].family, GuestFamily::windows);
  EXPECT_TRUE(at(*tree, "root/windows/SYSTEM32/Config/system"));
  EXPECT_FALSE(at(*tree, "p1/windows"));
  EXPECT_TRUE(at(*tree, "p1/WINDOWS"));
  const auto files = guest_files(*tree, 0);
  EXPECT_EQ(files->read_text("/Windows/System32/config/SYSTEM", 10).value(), "hive");
  EXPECT_TRUE(files->stat("/documents and settings/ME"));
}

TEST(Guests, FreeBsdIsKnownByItsPartition) {
  FakeDisk disk;
  TreeVolume& volume = disk.add(nullptr);
  volume.volume.partition_type = "516e7cb6-6ecf-11d6-8ff8-00022d09712b";
  volume.problem = "ufs cannot be read";
  const auto tree = disk.tree();
  ASSERT_EQ(tree->guests().size(), 1U);
  EXPECT_EQ(tree->guests()[0].family, GuestFamily::freebsd);
  EXPECT_FALSE(tree->guest());
  EXPECT_FALSE(at(*tree, "root"));
  EXPECT_EQ(guest_files(*tree, 0)->stat("/etc").error().code, Errc::unsupported);
}

TEST(Guests, TheBootLoaderChoosesAmongSeveral) {
  const struct {
    const char* menu;
    const char* environment;
    std::size_t guest;
  } rows[] = {
      {"menuentry 'A' {\n linux /vmlinuz root=UUID=one ro\n}\n"
       "menuentry 'B' {\n linux /vmlinuz root=UUID=two ro\n}\n", "", 0},
      {"set default=\"1\"\nmenuentry 'A' {\n linux /vmlinuz root=UUID=one ro\n}\n"
       "menuentry 'B' {\n linux /vmlinuz root=UUID=two ro\n}\n", "", 1},
      {"set default=\"${saved_entry}\"\nmenuentry 'A' {\n linux /vmlinuz root=UUID=one ro\n}\n"
       "submenu 'More' {\nmenuentry 'B' --id b {\n linux16 /vmlinuz root=/dev/vda2 ro\n}\n}\n",
       "saved_entry=More>B\n", 1},
      {"set default=0\nmenuentry 'Windows' {\n chainloader +1\n}\n", "", 2},
  };
  for (const auto& row : rows) {
    auto one = named(linux_root("UUID=one / ext4\n"), "one");
    one->file("boot/grub/grub.cfg", row.menu);
    one->file("boot/grub/grubenv", row.environment);
    auto windows = std::make_shared<FakeFileSystem>("ntfs");
    windows->file("Windows/System32/config/SYSTEM");
    windows->file("Windows/System32/ntoskrnl.exe");
    FakeDisk disk;
    disk.add(one);
    disk.add(named(linux_root("UUID=two / ext4\n"), "two"));
    disk.add(windows);
    const auto tree = disk.tree();
    EXPECT_EQ(tree->guests().size(), 3U);
    EXPECT_EQ(tree->guest(), row.guest) << row.menu;
    EXPECT_EQ(guest_files(*tree, row.guest)->shown("/x"), "/root/x");
    EXPECT_NE(guest_files(*tree, row.guest == 0 ? 1 : 0)->shown("/x"), "/root/x");
  }
}

TEST(Guests, OstreeDeploymentNamedByTheBootEntry) {
  for (const char* chosen : {"aaa", "bbb"}) {
    auto fs = named(std::make_shared<FakeFileSystem>("xfs"), "root-uuid", "root");
    for (const std::string hash : {"aaa", "bbb"}) {
      const std::string at = "ostree/deploy/fedora-coreos/deploy/" + hash + ".0";
      fs->file(at + "/usr/lib/os-release", hash);
      fs->directory(at + "/etc");
      fs->directory(at + "/boot");
      fs->directory(at + "/var");
      fs->directory(at + "/sysroot");
      fs->link(at + "/ostree", "sysroot/ostree");
      fs->link(at + "/home", "var/home");
    }
    fs->file("ostree/deploy/fedora-coreos/var/home/core/file", "mine");
    fs->link("ostree/boot.1/fedora-coreos/hash/0",
             std::string("../../../deploy/fedora-coreos/deploy/") + chosen + ".0");
    auto boot = named(std::make_shared<FakeFileSystem>("ext4"), "boot-uuid", "boot");
    boot->link("loader", "loader.1");
    boot->file("loader.1/entries/ostree-1.conf",
               "title old\nversion 1\noptions ostree=/ostree/boot.0/none\n");
    boot->file("loader.1/entries/ostree-2.conf",
               "title new\nversion 10\noptions ro ostree=/ostree/boot.1/fedora-coreos/hash/0 x\n");
    FakeDisk disk;
    disk.add(boot);
    disk.add(fs);
    const auto tree = disk.tree();
    ASSERT_EQ(tree->guest(), 0U);
    EXPECT_EQ(tree->guests()[0].subdirectory,
              std::string("ostree/deploy/fedora-coreos/deploy/") + chosen + ".0");
    const auto files = guest_files(*tree, 0);
    EXPECT_EQ(files->read_text("/usr/lib/os-release", 9).value(), chosen);
    EXPECT_EQ(files->read_text("/home/core/file", 9).value(), "mine");
    EXPECT_TRUE(files->stat("/ostree/deploy/fedora-coreos"));
    EXPECT_TRUE(files->stat("/boot/loader/entries/ostree-1.conf"));
    EXPECT_EQ(files->stat("/../../..").value().inode, files->stat("/").value().inode);
    // The tree stays finite: what is above the deployment is only below /sysroot.
    EXPECT_TRUE(at(*tree, "root/sysroot/ostree/deploy/fedora-coreos/deploy/aaa.0/usr"));
  }
}

}  // namespace
}  // namespace imgfs
