#include <gtest/gtest.h>

#include "checkers/boot_entry.h"
#include "checkers/cloud_init.h"
#include "checkers/fstab.h"
#include "tests/checkers/fake_guest.h"

namespace imgfs::test {
namespace {

const char* kMenu =
    "menuentry 'A' --id a {\n linux /a root=x ${extra}\n initrd /ia /ib\n}\n"
    "submenu 'S' --id s {\n menuentry 'B' --id b {\n  linux ($root)/b\n }\n menuentry \"C\" {\n  linux16 /c\n }\n}\n"
    "menuentry D {\n linuxefi /d one\\ two \"three four\"\n}\n";

std::string chosen(const std::string& before, const std::string& environment = "") {
  const Menu menu = parse_grub(before + kMenu, environment);
  const MenuEntry* entry = selected_entry(menu);
  return entry == nullptr ? "none" : entry->kernel;
}

TEST(Grub, ChoosesAsGrubDoes) {
  EXPECT_EQ(chosen(""), "/a");
  EXPECT_EQ(chosen("set default=\"2\"\n"), "/d");
  EXPECT_EQ(chosen("set default=1\n"), "()/b");
  EXPECT_EQ(chosen("set default=\"1>1\"\n"), "/c");
  EXPECT_EQ(chosen("set default=\"s>b\"\n"), "()/b");
  EXPECT_EQ(chosen("set default=\"S>C\"\n"), "/c");
  EXPECT_EQ(chosen("set default='D'\n"), "/d");
  EXPECT_EQ(chosen("set default=\"${saved_entry}\"\n", "saved_entry=b\n"), "()/b");
  EXPECT_EQ(chosen("set default=\"${saved_entry}\"\n", "# no entry\n"), "/a");
  EXPECT_EQ(chosen("set default=\"${next_entry}\"\nset default=0\n", "next_entry=2\n"), "/d");
  EXPECT_EQ(chosen("set default=nothing\n"), "none");
}

TEST(Grub, ExpandsVariables) {
  const Menu menu = parse_grub(std::string("set extra=quiet\n") + kMenu, "");
  EXPECT_EQ(menu.entries[0].options, "root=x quiet");
  EXPECT_EQ(menu.entries[0].initrds, (Names{"/ia", "/ib"}));
  EXPECT_EQ(menu.entries[3].options, "one two three four");
  EXPECT_EQ(expand_grub("a $b ${c} $", "b=1\nc=2 3\n"), "a 1 2 3 $");
}

TEST(Grub, WordsOfVariablesAreBounded) {
  std::string text = "set a='" + std::string(16'000, 'x') + "'\nmenuentry A {\n linux /k ";
  for (int i = 0; i < 4000; ++i) text += "\"$a\"";
  const Menu menu = parse_grub(text + "\n}\n", "");
  ASSERT_EQ(menu.entries.size(), 1U);
  EXPECT_EQ(menu.entries[0].kernel, "/k");
  EXPECT_LE(menu.entries[0].options.size(), 64U << 10);
}

TEST(Grub, LegacyUnderXenTakesLinux) {
  const Menu menu = parse_grub_legacy("default=0\ntitle X\n kernel /xen.gz dom0\n module /vmlinuz-2.6 root=LABEL=/\n module /initrd-2.6.img\n", "");
  EXPECT_EQ(menu.entries[0].kernel, "/vmlinuz-2.6");
  EXPECT_EQ(menu.entries[0].options, "root=LABEL=/");
  EXPECT_EQ(menu.entries[0].initrds, Names{"/initrd-2.6.img"});
}

TEST(Options, LastValueCounts) {
  EXPECT_EQ(option_value("root=a quiet root=\"b c\"", "root"), "b c");
  EXPECT_EQ(option_value("xroot=a", "root"), std::nullopt);
  EXPECT_EQ(option_values("console=tty0 console=ttyS0", "console"), (Names{"tty0", "ttyS0"}));
}

TEST(Versions, CompareAsRpmDoes) {
  EXPECT_LT(compare_versions("5.9", "5.10"), 0);
  EXPECT_GT(compare_versions("6.1.0-18", "6.1.0-9"), 0);
  EXPECT_EQ(compare_versions("1.0", "1-0"), 0);
  EXPECT_LT(compare_versions("1.0~rc1", "1.0"), 0);
  EXPECT_GT(compare_versions("1.0a", "1.0"), 0);
  EXPECT_LT(compare_versions("a", "1"), 0);
  EXPECT_EQ(compare_versions("010", "10"), 0);
}

TEST(ShellValue, ReadsAsAShellDoes) {
  const char* text = "# ID=no\nID=\"a \\\"b\\\"\"\nNAME='c $d'\n export X=y # z\nID_LIKE=e\nID=last\n";
  EXPECT_EQ(shell_value(text, "ID"), "last");
  EXPECT_EQ(shell_value(text, "NAME"), "c $d");
  EXPECT_EQ(shell_value(text, "X"), "y");
  EXPECT_EQ(shell_value(text, "Y"), std::nullopt);
  EXPECT_EQ(shell_value("ID=\"a \\\"b\\\"\"", "ID"), "a \"b\"");
}

TEST(Fstab, Names) {
  const auto entries = parse_fstab("# c\n\n/dev/sda1 /a\\040b ext4 nofail,x=y 0 0\nonly-one\n  UUID=\"A-B\" / xfs\n");
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].target, "/a b");
  EXPECT_EQ(entries[0].line, 3);
  EXPECT_TRUE(entries[0].has("nofail"));
  EXPECT_EQ(disk_name(entries[1].source).value, "A-B");
  EXPECT_EQ(disk_name("/dev/my-vg/root-lv").value, "my--vg-root--lv");
  EXPECT_EQ(disk_name("/dev/xvda1").tag, "xvd");
  EXPECT_EQ(disk_name("/dev/nvme0n1p1").kind, NameKind::by_device);
  EXPECT_EQ(disk_name("/dev/disk/by-path/x").kind, NameKind::by_place);
  EXPECT_EQ(disk_name("tmpfs").kind, NameKind::none);
  EXPECT_EQ(disk_name("/dev/sr0").kind, NameKind::none);
}

TEST(KernelFacts, NeedsFollowTheListOfModules) {
  Guest guest = debian();
  guest.files.text("/lib/modules/6.1.0-18-amd64/modules.dep") += "kernel/drivers/virtio/virtio_pci_modern_dev.ko:\n";
  guest.files.put("/lib/modules/6.1.0-18-amd64/kernel/drivers/virtio/virtio_pci_modern_dev.ko", "m");
  guest.files.replace("/lib/modules/6.1.0-18-amd64/modules.dep", "kernel/drivers/virtio/virtio_pci.ko:", "kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_pci_modern_dev.ko");
  const Report report = guest.report();
  EXPECT_EQ(finding(report, "virtio").status, Status::fail);  // the initramfs has not got that one
  EXPECT_NE(finding(report, "virtio").summary.find("virtio_pci_modern_dev"), std::string::npos);
}

TEST(Packages, DamagedDatabasesAreErrors) {
  FakeFiles files;
  const std::string header = rpm_header("cloud-init", "1", "2");
  const auto error = [&](const std::string& path, const std::string& bytes) {
    files.nodes.clear();
    files.put(path, bytes);
    const auto found = find_packages(files);
    return !found && found.error().code != Errc::not_found;
  };
  const std::string ndb = ndb_database({header});
  const std::string bdb = berkeley_database({header});
  const std::string sqlite = sqlite_database({{"cloud-init", header}});
  EXPECT_TRUE(error("/var/lib/rpm/Packages.db", ndb.substr(0, 5000)));
  EXPECT_TRUE(error("/var/lib/rpm/Packages.db", "xx" + ndb.substr(2)));
  EXPECT_TRUE(error("/var/lib/rpm/Packages", bdb.substr(0, 400)));
  EXPECT_TRUE(error("/var/lib/rpm/Packages", std::string(8192, 'x')));
  EXPECT_TRUE(error("/var/lib/rpm/rpmdb.sqlite", "no database" + std::string(5000, 'x')));
  EXPECT_TRUE(error("/var/lib/rpm/rpmdb.sqlite", sqlite.substr(0, 8192)));
  std::string bad = header;
  bad[0] = '\x7f';
  EXPECT_TRUE(error("/var/lib/rpm/Packages", berkeley_database({bad})));
  EXPECT_TRUE(error("/var/lib/rpm/rpmdb.sqlite", sqlite_database({{"cloud-init", bad}})));
}

TEST(Packages, ManySlotsOfOneLargeHeaderEnd) {
  // Five pages of slots, each of which leads to the same header with an index of 1 MiB.
  std::string header = rpm_header("cloud-init", "1", "2");
  const std::size_t rows = static_cast<unsigned char>(header[3]);
  header.insert(8 + rows * 16, (1 << 20) - rows * 16, '\0');  // rows of no tag
  header.replace(0, 4, std::string("\0\1\0\0", 4));
  const std::string one = ndb_database({header});
  const auto number = [](std::uint32_t value) {
    std::string out;
    for (int i = 0; i < 4; ++i) out += static_cast<char>(value >> (8 * i));
    return out;
  };
  std::string slots = one.substr(0, 32);
  slots.replace(12, 4, number(5));
  while (slots.size() < 5 * 4096) slots += "Slot" + number(1) + number(5 * 256) + number(1);
  FakeFiles files;
  files.put("/var/lib/rpm/Packages.db", slots + one.substr(4096));
  const auto found = find_packages(files);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::too_large);
}

TEST(Packages, ManyPackagesInEveryDatabase) {
  std::vector<std::string> headers;
  std::vector<std::pair<std::string, std::string>> named;
  for (int i = 0; i < 300; ++i) {
    const std::string name = i == 177 ? "cloud-init" : "package" + std::to_string(i);
    headers.push_back(rpm_header(name, std::to_string(i), "1"));
    named.emplace_back(name, headers.back());
  }
  const auto found = [](const std::string& path, const std::string& bytes) {
    FakeFiles files;
    files.put(path, bytes);
    const auto packages = find_packages(files);
    if (!packages) return describe(packages.error());
    return packages.value().found.size() == 1 ? packages.value().found[0].name + " " + packages.value().found[0].version : std::string("not one");
  };
  EXPECT_EQ(found("/var/lib/rpm/Packages", berkeley_database(headers)), "cloud-init 177-1.x86_64");
  EXPECT_EQ(found("/var/lib/rpm/rpmdb.sqlite", sqlite_database(named)), "cloud-init 177-1.x86_64");
  headers.resize(200);
  EXPECT_EQ(found("/usr/lib/sysimage/rpm/Packages.db", ndb_database(headers)), "cloud-init 177-1.x86_64");
}

TEST(CloudConfig, TextAsAList) {
  CloudConfig config;
  std::string problem;
  ASSERT_TRUE(merge_cloud_config("datasource_list: NoCloud, ConfigDrive\n", "f", config, problem));
  EXPECT_EQ(config.sources, (Names{"NoCloud", "ConfigDrive"}));
  EXPECT_FALSE(merge_cloud_config("a: [", "f", config, problem));
}

}  // namespace
}  // namespace imgfs::test
