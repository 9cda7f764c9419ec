// Windows guests, each one change from one of which all passes, and the one finding it must get.
#include <cstring>
#include <functional>
#include <ostream>

#include <gtest/gtest.h>

#include "checkers/hive_log.h"
#include "checkers/windows_hive.h"
#include "tests/checkers/fake_guest.h"
#include "tests/checkers/hive_builder.h"

namespace imgfs::test {
namespace {

const std::string kConfig = "/Windows/System32/config/";
const std::string kDriver = "/Windows/System32/drivers/viostor.sys";
const std::string kServices = "ControlSet001\\Services\\";
const std::string kCloudbase = "/Program Files/Cloudbase Solutions/Cloudbase-Init";
const std::string kDatabaseId = "DriverDatabase\\DeviceIds\\PCI\\VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00";
const std::string kCritical = "ControlSet001\\Control\\CriticalDeviceDatabase\\PCI#VEN_1AF4&DEV_1001&SUBSYS_00021AF4&REV_00";

struct WindowsGuest {
  Guest guest;
  HiveBuilder system;
  HiveBuilder software;
  bool write_hives = true;

  Report report(const std::string& policy) {
    if (write_hives) {
      guest.files.put(kConfig + "SYSTEM", system.bytes());
      guest.files.put(kConfig + "SOFTWARE", software.bytes());
    }
    return guest.report(policy);
  }
  void set(const std::string& key, const std::string& name, HiveBuilder::Value value) {
    system.set(kServices + key, name, std::move(value));
  }
};

std::string pe(unsigned machine) {
  std::string out(512, '\0');
  out.replace(0, 2, "MZ");
  out[0x3c] = '\x80';
  out.replace(0x80, 4, std::string("PE\0\0", 4));
  out[0x84] = static_cast<char>(machine & 0xff);
  out[0x85] = static_cast<char>(machine >> 8);
  return out;
}

void version(WindowsGuest& windows, const std::string& product, unsigned major, unsigned minor, const std::string& build,
             const std::string& type = "Server") {
  const std::string key = "Microsoft\\Windows NT\\CurrentVersion";
  windows.software = HiveBuilder();  // values of another version must not stay
  windows.software.set(key, "ProductName", product);
  windows.software.set(key, "CurrentBuildNumber", build);
  windows.software.set(key, "InstallationType", type);
  if (major >= 10) {
    windows.software.set(key, "CurrentVersion", "6.3");
    windows.software.set(key, "CurrentMajorVersionNumber", major);
    windows.software.set(key, "CurrentMinorVersionNumber", minor);
  } else {
    windows.software.set(key, "CurrentVersion", std::to_string(major) + "." + std::to_string(minor));
  }
}

void common_windows(WindowsGuest& windows) {
  windows.guest = debian();
  Guest& guest = windows.guest;
  guest.files = FakeFiles();
  guest.tree.all_volumes.resize(1);
  guest.tree.all_volumes[0].type = "ntfs";
  guest.file_system(0).description.type = "ntfs";
  guest.tree.volume_table.volumes.resize(1);
  guest.tree.all_guests[0].family = GuestFamily::windows;
  guest.tree.all_guests[0].mounts.clear();
  guest.files.put("/Windows/System32/ntoskrnl.exe", pe(0x8664));
  guest.files.put(kDriver, pe(0x8664));
  guest.files.put(kCloudbase + "/conf/cloudbase-init.conf",
                  "[DEFAULT]\nusername=Administrator\ninject_user_password=true\n"
                  "metadata_services=cloudbaseinit.metadata.services.configdrive.ConfigDriveService\nPS C:\\> exit\n");
  HiveBuilder bcd;
  bcd.set("Objects\\{1}\\Elements\\12000002", "Element", "\\Windows\\system32\\winload.exe");
  guest.volume_files[0].put("/Boot/BCD", bcd.bytes());
  windows.system.set("Select", "Current", 1U);
  windows.system.set("Select", "Default", 1U);
  windows.set("viostor", "Start", 0U);
  windows.set("viostor", "Group", "SCSI miniport");
  windows.set("viostor", "ImagePath", "\\SystemRoot\\System32\\drivers\\viostor.sys");
  windows.set("netkvm", "Start", 3U);
  windows.set("cloudbase-init", "Start", 2U);
}

WindowsGuest server_2019() {
  WindowsGuest windows;
  common_windows(windows);
  version(windows, "Windows Server 2019 Datacenter", 10, 0, "17763");
  windows.system.set(kDatabaseId, "oem3.inf", "x");
  return windows;
}

WindowsGuest server_2008_r2() {
  WindowsGuest windows;
  common_windows(windows);
  version(windows, "Windows Server 2008 R2 Standard", 6, 1, "7601");
  windows.system.set(kCritical, "Service", "viostor");
  return windows;
}

struct Row {
  const char* name;
  WindowsGuest (*base)();
  std::function<void(WindowsGuest&)> change;
  const char* check;  ///< empty: all must pass still
  Status status = Status::pass;
  const char* code = "";
  const char* policy = "tencent-cvm-gen4";
};
void PrintTo(const Row& row, std::ostream* os) { *os << row.name; }

class WindowsGuests : public testing::TestWithParam<Row> {};

TEST_P(WindowsGuests, GetTheOneFinding) {
  const Row& row = GetParam();
  WindowsGuest windows = row.base();
  row.change(windows);
  const Report report = windows.report(row.policy);
  for (const Finding& found : report.findings) {
    if (found.check == row.check) {
      EXPECT_EQ(found.status, row.status) << found.summary;
      EXPECT_EQ(found.code.value_or(""), row.code) << found.summary;
      EXPECT_FALSE(found.evidence.empty());
      const bool broken = found.status == Status::fail || found.status == Status::warn;
      EXPECT_TRUE(!broken || found.fix.has_value()) << found.summary;
    } else {
      EXPECT_TRUE(found.status == Status::pass || found.status == Status::not_applicable)
          << found.check << ": " << found.summary;
    }
  }
}

void nothing(WindowsGuest&) {}
WindowsGuest dirty(const std::function<void(WindowsGuest&)>& newer, std::string (*make_log)(const std::string&, const std::string&)) {
  WindowsGuest windows = server_2019();
  const std::string before = windows.system.bytes();
  newer(windows);
  const std::string after = windows.system.bytes();
  windows.guest.files.put(kConfig + "SOFTWARE", windows.software.bytes());
  windows.guest.files.put(kConfig + "SYSTEM", torn(before));
  if (make_log != nullptr) windows.guest.files.put(kConfig + "SYSTEM.LOG1", make_log(before, after));
  windows.write_hives = false;
  return windows;
}
void no_driver(WindowsGuest& windows) { windows.system.remove("ControlSet001\\Services\\viostor"); }

const std::vector<Row> kRows = {
    {"server_2019", server_2019, nothing, ""},
    {"server_2008_r2", server_2008_r2, nothing, ""},
    {"server_2008", server_2008_r2, [](auto& w) { version(w, "Windows Server 2008 Standard", 6, 0, "6002"); }, ""},
    {"server_2012", server_2019, [](auto& w) { version(w, "Windows Server 2012", 6, 2, "9200"); }, ""},
    {"server_2012_r2", server_2019, [](auto& w) { version(w, "Windows Server 2012 R2", 6, 3, "9600"); }, ""},
    {"server_2016", server_2019, [](auto& w) { version(w, "Windows Server 2016", 10, 0, "14393"); }, ""},
    {"server_2022", server_2019, [](auto& w) { version(w, "Windows Server 2022", 10, 0, "20348"); }, ""},
    {"server_2025_is_newer", server_2019, [](auto& w) { version(w, "Windows Server 2025", 10, 0, "26100"); }, "operating-system", Status::fail},
    {"server_1809_semi_annual", server_2019, [](auto& w) { version(w, "Windows Server", 10, 0, "17134"); }, "operating-system", Status::fail},
    {"windows_10", server_2019, [](auto& w) { version(w, "Windows 10 Pro", 10, 0, "19045", "Client"); }, "operating-system", Status::fail},
    {"windows_10_where_any", server_2019, [](auto& w) { version(w, "Windows 10 Pro", 10, 0, "19045", "Client"); }, "", Status::pass, "", "generic-kvm"},
    {"windows_7", server_2008_r2, [](auto& w) { version(w, "Windows 7", 6, 1, "7601", "Client"); }, "operating-system", Status::fail},
    {"no_version", server_2019, [](auto& w) { w.software = HiveBuilder(); w.software.key("Microsoft"); }, "operating-system", Status::unknown},
    {"arm64", server_2019, [](auto& w) { w.guest.files.put("/Windows/System32/ntoskrnl.exe", pe(0xaa64)); w.guest.files.put(kDriver, pe(0xaa64)); }, "architecture", Status::fail},
    {"kernel_missing", server_2019, [](auto& w) { w.guest.files.remove("/Windows/System32/ntoskrnl.exe"); }, "architecture", Status::unknown},
    {"no_driver", server_2019, no_driver, "virtio", Status::fail, "VirtioNotInstall"},
    {"driver_only_staged", server_2019, [](auto& w) { no_driver(w); w.guest.files.put("/Windows/System32/DriverStore/FileRepository/viostor.inf_amd64_0123456789abcdef/viostor.sys", pe(0x8664)); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"only_vioscsi", server_2019, [](auto& w) { no_driver(w); w.set("vioscsi", "Start", 0U); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"driver_on_demand", server_2019, [](auto& w) { w.set("viostor", "Start", 3U); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"driver_without_start", server_2019, [](auto& w) { no_driver(w); w.set("viostor", "Type", 1U); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"start_override", server_2019, [](auto& w) { w.set("viostor\\StartOverride", "0", 3U); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"start_override_of_0", server_2019, [](auto& w) { w.set("viostor\\StartOverride", "0", 0U); }, ""},
    {"driver_file_missing", server_2019, [](auto& w) { w.guest.files.remove(kDriver); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"driver_file_of_32_bits", server_2019, [](auto& w) { w.guest.files.put(kDriver, pe(0x14c)); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"driver_file_damaged", server_2019, [](auto& w) { w.guest.files.damage(kDriver); }, "virtio", Status::unknown},
    {"driver_in_the_store", server_2019, [](auto& w) {
       w.guest.files.remove(kDriver);
       w.guest.files.put("/Windows/System32/DriverStore/FileRepository/viostor.inf_amd64_1/viostor.sys", pe(0x8664));
       w.set("viostor", "ImagePath", "\\SystemRoot\\System32\\DriverStore\\FileRepository\\viostor.inf_amd64_1\\viostor.sys"); }, ""},
    {"image_path_without_root", server_2019, [](auto& w) { w.set("viostor", "ImagePath", "System32\\drivers\\viostor.sys"); }, ""},
    {"image_path_with_drive", server_2019, [](auto& w) { w.set("viostor", "ImagePath", "\\?\?\\C:\\Windows\\System32\\drivers\\viostor.sys"); }, ""},
    {"image_path_empty", server_2019, [](auto& w) { w.set("viostor", "ImagePath", ""); }, ""},
    {"old_service_name", server_2019, [](auto& w) { no_driver(w); w.set("vrtioblk", "Start", 0U); w.guest.files.put("/Windows/System32/drivers/vrtioblk.sys", pe(0x8664)); }, ""},
    {"no_binding_in_the_database", server_2019, [](auto& w) { w.system.remove(kDatabaseId); w.system.key("DriverDatabase\\DeviceIds\\PCI\\VEN_8086&DEV_7010"); }, "virtio", Status::warn},
    {"driver_file_missing_and_no_binding", server_2019, [](auto& w) { w.guest.files.remove(kDriver); w.system.remove(kDatabaseId); w.system.key("DriverDatabase"); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"driver_file_damaged_and_no_binding", server_2019, [](auto& w) { w.guest.files.damage(kDriver); w.system.remove(kDatabaseId); w.system.key("DriverDatabase"); }, "virtio", Status::unknown},
    {"binding_of_the_modern_id", server_2019, [](auto& w) { w.system.remove(kDatabaseId); w.system.key("DriverDatabase\\DeviceIds\\PCI\\ven_1af4&dev_1042"); }, ""},
    {"no_critical_device", server_2008_r2, [](auto& w) { w.system.remove(kCritical); }, "virtio", Status::warn},
    {"critical_device_of_another", server_2008_r2, [](auto& w) { w.system.set(kCritical, "Service", "other"); }, "virtio", Status::warn},
    {"other_control_set", server_2019, [](auto& w) { w.system.set("Select", "Current", 2U); w.system.key("ControlSet002\\Services"); w.system.set("ControlSet002\\Services\\cloudbase-init", "Start", 2U); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"no_network_driver", server_2019, [](auto& w) { w.system.remove("ControlSet001\\Services\\netkvm"); }, "virtio", Status::warn},
    {"network_driver_staged", server_2019, [](auto& w) { w.system.remove("ControlSet001\\Services\\netkvm"); w.guest.files.put("/Windows/System32/DriverStore/FileRepository/netkvm.inf_amd64_2/netkvm.sys", "x"); }, ""},
    {"network_driver_in_the_database", server_2019, [](auto& w) { w.system.remove("ControlSet001\\Services\\netkvm"); w.system.key("DriverDatabase\\DriverPackages\\netkvm.inf_amd64_2"); }, ""},
    {"no_agent", server_2019, [](auto& w) { w.system.remove("ControlSet001\\Services\\cloudbase-init"); w.guest.files.remove(kCloudbase); }, "cloud-init", Status::warn},
    {"agent_files_missing", server_2019, [](auto& w) { w.guest.files.remove(kCloudbase); }, "cloud-init", Status::warn},
    {"agent_by_hand", server_2019, [](auto& w) { w.set("cloudbase-init", "Start", 3U); }, "cloud-init", Status::warn},
    {"agent_without_configuration", server_2019, [](auto& w) { w.guest.files.remove(kCloudbase + "/conf/cloudbase-init.conf"); w.guest.files.put(kCloudbase + "/bin/x", "x"); }, "cloud-init", Status::warn},
    {"agent_configuration_damaged", server_2019, [](auto& w) { w.guest.files.damage(kCloudbase + "/conf/cloudbase-init.conf"); }, "cloud-init", Status::unknown},
    {"agent_without_config_drive", server_2019, [](auto& w) { w.guest.files.replace(kCloudbase + "/conf/cloudbase-init.conf", "ConfigDriveService", "EC2Service"); }, "cloud-init", Status::warn},
    {"agent_sets_no_password", server_2019, [](auto& w) { w.guest.files.replace(kCloudbase + "/conf/cloudbase-init.conf", "inject_user_password=true", "inject_user_password = false"); }, "cloud-init", Status::warn},
    {"no_boot_files", server_2019, [](auto& w) { w.guest.volume_files.clear(); }, "device-names", Status::warn},
    {"boot_store_damaged", server_2019, [](auto& w) { w.guest.volume_files[0].put("/Boot/BCD", "garbage"); }, "device-names", Status::unknown},
    {"efi_loader", server_2019, [](auto& w) {
       HiveBuilder bcd;
       bcd.set("Objects\\{1}\\Elements\\12000002", "Element", "\\Windows\\system32\\winload.efi");
       w.guest.volume_files[0].put("/Boot/BCD", bcd.bytes()); }, "device-names", Status::warn},
    {"restart_pending", server_2019, [](auto& w) { w.software.key("Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending"); }, "device-names", Status::warn},
    {"update_waits_for_a_restart", server_2019, [](auto& w) { w.software.key("Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired"); }, "device-names", Status::warn},
    {"renames_pending", server_2019, [](auto& w) { w.system.set("ControlSet001\\Control\\Session Manager", "PendingFileRenameOperations", HiveBuilder::Binary{'a', 0, 0, 0, 0, 0}); }, "device-names", Status::warn},
    {"renames_done", server_2019, [](auto& w) { w.system.set("ControlSet001\\Control\\Session Manager", "PendingFileRenameOperations", HiveBuilder::Binary{0, 0}); }, ""},
    {"replayed_log_removes_the_driver", server_2019, [](auto& w) { w = dirty(no_driver, log_from); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"replayed_old_log_removes_the_driver", server_2019, [](auto& w) { w = dirty(no_driver, old_log_from); }, "virtio", Status::fail, "VirtioNotInstall"},
    {"dirty_without_a_log", server_2019, [](auto& w) { w = dirty(nothing, nullptr); }, "virtio", Status::warn},
};

INSTANTIATE_TEST_SUITE_P(Checkers, WindowsGuests, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(WindowsHives, AnUnreadableSystemHiveIsUnknown) {
  WindowsGuest windows = server_2019();
  windows.report("tencent-cvm-gen4");
  windows.write_hives = false;
  windows.guest.files.damage(kConfig + "SYSTEM");
  const Report report = windows.report("tencent-cvm-gen4");
  EXPECT_EQ(finding(report, "virtio").status, Status::unknown);
  EXPECT_EQ(finding(report, "cloud-init").status, Status::unknown);
  EXPECT_TRUE(report.codes.empty());
}

TEST(WindowsHives, TheFirstOfTwoDoubtsIsTheSummary) {
  WindowsGuest windows = server_2019();
  windows.system.remove(kDatabaseId);
  windows.system.key("DriverDatabase");
  windows.system.remove("ControlSet001\\Services\\netkvm");
  const Report report = windows.report("tencent-cvm-gen4");
  const Finding& found = finding(report, "virtio");
  EXPECT_EQ(found.status, Status::warn);
  EXPECT_NE(found.summary.find("bound to no virtio disk"), std::string::npos) << found.summary;
}

TEST(HiveLog, KnownAnswersOfMarvin32) {
  // Source: the test vectors that Microsoft published with its runtime.
  constexpr std::uint64_t kSeed = 0x004fb61a001bdbcc;
  EXPECT_EQ(checkers::marvin32("", kSeed), 0x30ED35C100CD3C7DU);
  EXPECT_EQ(checkers::marvin32("\xAF", kSeed), 0x48E73FC77D75DDC1U);
  EXPECT_EQ(checkers::marvin32("\xE7\x0F", kSeed), 0xB5F6E1FC485DBFF8U);
  EXPECT_EQ(checkers::marvin32("\x37\xF4\x95", kSeed), 0xF0B07C789B8CF7E8U);
  EXPECT_EQ(checkers::marvin32("\x86\x42\xDC\x59", kSeed), 0x7008F2E87E9CF556U);
  EXPECT_EQ(checkers::marvin32("\x15\x3F\xB7\x98\x26", kSeed), 0xE6C08C6DA2AFA997U);
}

TEST(HiveLog, AnEntryThatDoesNotCheckOutIsNotApplied) {
  HiveBuilder builder;
  builder.set("A", "x", 1U);
  const std::string before = builder.bytes();
  builder.set("A", "x", 2U);
  const std::string after = builder.bytes();
  const std::string log = log_from(before, after);
  for (std::size_t at = 512; at < log.size(); at += 37) {
    std::string hive = torn(before);
    std::string bad = log;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    EXPECT_EQ(checkers::replay_hive_logs(hive, bad, ""), checkers::HiveState::dirty) << at;
    EXPECT_EQ(hive, torn(before));
  }
  std::string hive = torn(before);
  EXPECT_EQ(checkers::replay_hive_logs(hive, "", log), checkers::HiveState::replayed);
  EXPECT_EQ(hive.substr(4096), after.substr(4096));
  EXPECT_EQ(checkers::replay_hive_logs(hive, "", log), checkers::HiveState::clean);
}

TEST(HiveLog, APageFarBehindTheHiveIsNotApplied) {
  HiveBuilder builder;
  builder.set("A", "x", 1U);
  const std::string before = builder.bytes();
  builder.set("A", "x", 2U);
  std::string log = log_from(before, builder.bytes());
  constexpr std::size_t kEntry = 512;
  const auto put = [&](std::size_t at, const auto& value) { std::memcpy(log.data() + at, &value, sizeof value); };
  put(kEntry + 40, le32(0x3fff'f000));  // the first page's offset: a hive of 1 GiB
  put(kEntry + 24, le64(checkers::marvin32(std::string_view(log).substr(kEntry + 40))));
  put(kEntry + 32, le64(checkers::marvin32(std::string_view(log).substr(kEntry, 32))));
  std::string hive = torn(before);
  EXPECT_EQ(checkers::replay_hive_logs(hive, log, ""), checkers::HiveState::dirty);
  EXPECT_EQ(hive, torn(before));
}

}  // namespace
}  // namespace imgfs::test
