#include "vfs/boot_entries.h"

#include <gtest/gtest.h>

namespace imgfs {
namespace {

TEST(BootEntries, GrubDefault) {
  const std::string menu =
      "if [ \"x\" = \"x\" ] ; then\n set default=\"${next_entry}\"\nelse\n set default=\"0\"\nfi\n"
      "function load_video {\n insmod all_video\n}\n"
      "menuentry 'Debian' --class debian $menuentry_id_option 'simple-id' {\n"
      "\tif [ x ]; then\n\t search --no-floppy\n\tfi\n"
      "\tlinux\t/vmlinuz-5.10 root=UUID=a ro  quiet\n\tinitrd\t/initrd\n}\n"
      "submenu 'Advanced options' $menuentry_id_option 'adv-id' {\n"
      "\tmenuentry 'Old kernel' $menuentry_id_option 'old-id' {\n"
      "\t\tlinux /vmlinuz-4 root=UUID=b ro\n\t}\n}\n"
      "menuentry \"Win\\\"dows\" {\n chainloader /EFI/x.efi\n}\n";
  const struct {
    const char* saved;
    const char* root;
    bool other = false;
  } rows[] = {
      {"", "UUID=a"},          {"0", "UUID=a"},         {"1>0", "UUID=b"},
      {"adv-id>old-id", "UUID=b"}, {"old-id", "UUID=b"}, {"Advanced options>Old kernel", "UUID=b"},
      {"2", "", true},         {"Win\"dows", "", true}, {"no such", "UUID=a"},
  };
  for (const auto& row : rows) {
    const auto entry = default_grub_entry(menu, row.saved);
    ASSERT_TRUE(entry);
    EXPECT_EQ(kernel_argument(entry->options, "root"), row.root) << row.saved;
    EXPECT_EQ(entry->other, row.other) << row.saved;
  }
  EXPECT_FALSE(default_grub_entry("set default=0\n}\n}\n", ""));
}

TEST(BootEntries, KernelArguments) {
  EXPECT_EQ(kernel_argument("ro root=UUID=x quiet", "root"), "UUID=x");
  EXPECT_EQ(kernel_argument("root=a root=\"b c\"", "root"), "b c");
  EXPECT_EQ(kernel_argument("rootflags=x", "root"), "");
  EXPECT_EQ(kernel_argument("", "root"), "");
}

TEST(BootEntries, Versions) {
  EXPECT_TRUE(is_newer_version("5.10", "5.9"));
  EXPECT_TRUE(is_newer_version("10", "9"));
  EXPECT_FALSE(is_newer_version("5.9", "5.10"));
  EXPECT_FALSE(is_newer_version("a", "a"));
  EXPECT_TRUE(is_newer_version("a1", "a"));
  EXPECT_FALSE(is_newer_version("007", "7"));
}

}  // namespace
}  // namespace imgfs
