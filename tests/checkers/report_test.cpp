#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "checkers/report_text.h"
#include "tests/checkers/fake_guest.h"

namespace imgfs::test {
namespace {

std::size_t widest(const std::string& text) {
  std::size_t widest = 0;
  std::size_t width = 0;
  for (const char c : text) {
    if (c == '\n') width = 0;
    else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) widest = std::max(widest, ++width);
  }
  return widest;
}

TEST(Report, JsonHasExactlyItsKeys) {
  Guest guest = redhat();
  guest.initramfs({});
  const Report report = guest.report();
  EXPECT_EQ(report.json.find('\n'), std::string::npos);
  const auto json = nlohmann::ordered_json::parse(report.json);
  const auto keys = [](const nlohmann::ordered_json& object) {
    std::vector<std::string> out;
    for (const auto& [key, value] : object.items()) out.push_back(key);
    return out;
  };
  EXPECT_EQ(keys(json), (Names{"schema", "tool", "image", "policy", "volumes", "guest", "verdict", "codes", "findings"}));
  EXPECT_EQ(keys(json["image"]), (Names{"path", "format", "variant", "virtual_size", "file_size", "qcow2_size", "qcow2_size_bound"}));
  EXPECT_EQ(keys(json["policy"]), (Names{"id", "source"}));
  EXPECT_EQ(keys(json["volumes"][0]), (Names{"name", "offset", "size", "type", "label", "uuid", "directory", "problem"}));
  EXPECT_EQ(keys(json["guest"]), (Names{"family", "name", "version", "arch", "kernel", "root", "mounts"}));
  EXPECT_EQ(keys(json["findings"][0]), (Names{"check", "status", "code", "summary", "evidence", "fix"}));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["tool"], "imgfs " IMGFS_VERSION);
  EXPECT_TRUE(json["volumes"][1]["offset"].is_null());
  EXPECT_EQ(json["guest"]["root"], "cl-root");
  EXPECT_EQ(json["guest"]["mounts"]["/boot"], "p1");
  EXPECT_EQ(json["guest"]["kernel"], guest.version);
  EXPECT_EQ(json["verdict"], "fail");
  EXPECT_EQ(json["codes"], nlohmann::ordered_json::array({"VirtioNotInstall"}));
  EXPECT_EQ(json["image"]["qcow2_size_bound"], "upper");
}

TEST(Report, NoGuestIsNull) {
  Guest guest = debian();
  guest.tree.all_guests.clear();
  const Report report = guest.report();
  const auto json = nlohmann::json::parse(report.json);
  EXPECT_TRUE(json["guest"].is_null());
  EXPECT_EQ(report.codes, Names{"RootPartitionNotFound"});
  for (const char* check : {"operating-system", "architecture", "virtio", "cloud-init", "kernel", "device-names"})
    EXPECT_EQ(finding(report, check).status, Status::not_evaluated) << check;
}

TEST(Report, UnreadableVolumeIsUnknownNotFail) {
  Guest guest = debian();
  guest.tree.all_guests.clear();
  guest.tree.all_volumes[0].file_system.reset();
  guest.tree.all_volumes[0].directory.clear();
  guest.tree.all_volumes[0].type = "luks";
  guest.tree.all_volumes[0].problem = "encrypted (LUKS)";
  const Report report = guest.report();
  EXPECT_EQ(finding(report, "root-partition").status, Status::unknown);
  EXPECT_EQ(finding(report, "virtio").status, Status::not_evaluated);
  EXPECT_EQ(report.verdict, "unknown");
  EXPECT_TRUE(report.codes.empty());
}

TEST(Report, TextIsNarrowAndPrintable) {
  Guest guest = debian();
  guest.image_path = "/images/" + std::string(200, 'x') + "/\x1b[31mred\n.qcow2";
  guest.files.put("/etc/os-release", "ID=debian\nNAME=\"Evil \x1b]0;title\x07 \xff\xfe \xe2\x80\xae name " + std::string(300, 'y') + "\"\nVERSION_ID=12\n");
  guest.tree.all_volumes[0].label = "label\x01\r\n\x9b";
  guest.initramfs({"ahci"});
  const Report report = guest.report();
  EXPECT_LE(widest(report.text), 80U) << report.text;
  for (const std::string& text : {report.text, report.json})
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      EXPECT_TRUE(byte >= 0x20 || (c == '\n' && &text != &report.json)) << static_cast<int>(byte);
      EXPECT_NE(byte, 0x7f);
    }
  EXPECT_TRUE(nlohmann::json::accept(report.json));
  // Worst first.
  EXPECT_LT(report.text.find("FAIL  virtio"), report.text.find("PASS  "));
  EXPECT_NE(report.text.find("Codes:    VirtioNotInstall"), std::string::npos);
}

TEST(Report, WrapsAtSpacesAndInsideLongWords) {
  EXPECT_EQ(wrapped("one two three", 10, "a ", "b "), "a one two\nb three\n");
  EXPECT_EQ(wrapped(std::string(20, 'x'), 10, "", "  "), std::string(10, 'x') + "\n  " + std::string(8, 'x') + "\n  xx\n");
  EXPECT_EQ(wrapped("", 10, "a", "b"), "a\n");
  EXPECT_EQ(wrapped("\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e", 10, "", ""), "\u65e5\u672c\u8a9e\u65e5\u672c\n\u8a9e\n");
}

TEST(Report, WindowsWithoutItsRegistryIsUnknown) {
  Guest guest = debian();
  guest.tree.all_guests[0].family = GuestFamily::windows;
  guest.file_system(0).description.type = "ntfs";
  const Report report = guest.report();
  for (const char* check : {"operating-system", "architecture", "virtio", "cloud-init"})
    EXPECT_EQ(finding(report, check).status, Status::unknown) << check;
}

TEST(Report, FreeBsdIsNeverCalledAFailure) {
  Guest guest = debian();
  guest.tree.all_guests[0].family = GuestFamily::freebsd;
  const Report report = guest.report();
  EXPECT_EQ(finding(report, "operating-system").status, Status::pass);
  EXPECT_EQ(finding(report, "virtio").status, Status::unknown);
  EXPECT_EQ(finding(guest.report("tencent-cvm-gen1"), "operating-system").status, Status::fail);
}

}  // namespace
}  // namespace imgfs::test
