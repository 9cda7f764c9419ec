// virtio of a Windows guest: staged, installed, and started at boot.
#include <algorithm>
#include <cctype>

#include "checkers/windows_checks.h"
#include "checkers/windows_facts.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

/// The block driver's service; the two others are from old packages. Source: the drivers' INF files.
constexpr const char* kDiskServices[] = {"viostor", "vrtioblk", "virtio_blk"};
/// The disk's PCI ids, legacy and modern.
constexpr const char* kDiskIds[] = {"VEN_1AF4&DEV_1001", "VEN_1AF4&DEV_1042"};
constexpr int kMaxDeviceKeys = 100'000;
constexpr const char* kFix =
    "start the machine where it runs now, install the provider's virtio drivers there (or, from a "
    "virtio-win ISO: pnputil /add-driver viostor.inf /install, and the same for netkvm.inf), restart "
    "it once, shut it down and export it again";

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

bool is_disk_id(std::string_view name) {
  const std::string id = upper(name);
  return std::any_of(std::begin(kDiskIds), std::end(kDiskIds),
                     [&](const char* wanted) { return id.find(wanted) != std::string::npos; });
}

/// "\\SystemRoot\\System32\\drivers\\x.sys" and its other spellings, as a path in the guest.
std::string driver_file(const WindowsFacts& facts, const std::string& service, std::string image_path) {
  if (image_path.empty()) image_path = "System32\\drivers\\" + service + ".sys";
  std::replace(image_path.begin(), image_path.end(), '\\', '/');
  const std::string low = upper(image_path);
  if (low.starts_with("/SYSTEMROOT/")) return facts.system_directory + image_path.substr(11);
  if (low.starts_with("%SYSTEMROOT%/")) return facts.system_directory + image_path.substr(12);
  if (low.starts_with("/\?\?/") && image_path.size() > 6) return image_path.substr(6);
  if (image_path.starts_with("/")) return image_path;
  return facts.system_directory + "/" + image_path;
}

/// A package of the driver store: its folder, or its key in the driver database. Empty where there is none.
std::string staged(const CheckContext& context, const WindowsFacts& facts, const std::string& inf) {
  const std::string store = facts.system_directory + "/System32/DriverStore/FileRepository";
  if (const auto folders = context.guest->list(store))
    for (const std::string& folder : folders.value())
      if (upper(folder).starts_with(upper(inf) + ".INF_")) return context.guest->shown(store + "/" + folder);
  if (facts.system)
    if (const auto packages = facts.system.value().find("DriverDatabase\\DriverPackages"))
      for (const Hive::Key package : facts.system.value().children(*packages))
        if (upper(facts.system.value().name(package)).starts_with(upper(inf) + ".INF_"))
          return "HKLM\\SYSTEM\\DriverDatabase\\DriverPackages\\" + facts.system.value().name(package);
  return "";
}

/// Device ids may have keys of their own below PCI, so all levels are searched, to a bound: `left` keys in
/// all, since a damaged hive's keys can be each other's children.
std::string find_device_id(const Hive& hive, Hive::Key key, int depth, int& left) {
  if (depth > 4) return "";
  for (const Hive::Key child : hive.children(key)) {
    if (--left < 0) return "";
    const std::string name = hive.name(child);
    if (is_disk_id(name)) return name;
    if (std::string found = find_device_id(hive, child, depth + 1, left); !found.empty()) return name + "\\" + found;
  }
  return "";
}

/// What makes Windows load the driver for the disk at boot; empty where it is missing. Windows 8 and
/// later have a driver database, those before the critical device database.
std::string binding(const WindowsFacts& facts, const std::string& service) {
  const Hive& system = facts.system.value();
  if (system.find("DriverDatabase")) {
    const auto ids = system.find("DriverDatabase\\DeviceIds\\PCI");
    int left = kMaxDeviceKeys;
    const std::string id = ids ? find_device_id(system, *ids, 0, left) : "";
    return id.empty() ? "" : "HKLM\\SYSTEM\\DriverDatabase\\DeviceIds\\PCI\\" + id;
  }
  const auto devices = current_control(facts, "Control\\CriticalDeviceDatabase");
  if (!devices) return "";
  for (const Hive::Key device : system.children(*devices)) {
    if (!is_disk_id(system.name(device))) continue;
    if (upper(system.text(device, "Service").value_or("")) == upper(service))
      return registry_path(facts, "Control\\CriticalDeviceDatabase\\") + system.name(device);
  }
  return "";
}

struct Proof {
  Status status = Status::pass;
  std::string summary;
  std::vector<Evidence> evidence;
};

int weight(Status status) {
  switch (status) {
    case Status::fail: return 3;
    case Status::unknown: return 2;
    case Status::warn: return 1;
    default: return 0;
  }
}

/// The gravest reason, and of those the first, is the summary.
void judge(Proof& proof, Status status, const std::string& summary) {
  if (weight(status) <= weight(proof.status)) return;
  proof.status = status;
  proof.summary = summary;
}

void judge_start(Proof& proof, const WindowsFacts& facts, Hive::Key service, const std::string& name) {
  const Hive& system = facts.system.value();
  const std::string path = registry_path(facts, "Services\\" + name);
  const auto start = system.number(service, "Start");
  proof.evidence.push_back({path, start ? "Start = " + std::to_string(*start) : "no Start"});
  if (!start || *start != 0) judge(proof, Status::fail, "the driver " + name + " is not started at boot");
  const auto override_key = system.find(service, "StartOverride");
  const auto override_value = override_key ? system.number(*override_key, "0") : std::nullopt;
  if (override_value && *override_value != 0) {
    proof.evidence.push_back({path + "\\StartOverride", "0 = " + std::to_string(*override_value)});
    judge(proof, Status::fail, "StartOverride keeps the driver " + name + " from starting at boot");
  }
}

void judge_file(Proof& proof, const CheckContext& context, const WindowsFacts& facts, Hive::Key service,
                const std::string& name) {
  const std::string file =
      driver_file(facts, name, facts.system.value().text(service, "ImagePath").value_or(""));
  const auto machine = pe_architecture(*context.guest, file);
  if (!machine) {
    proof.evidence.push_back({context.guest->shown(file), describe(machine.error())});
    const bool missing = machine.error().code == Errc::not_found;
    judge(proof, missing ? Status::fail : Status::unknown,
          missing ? "the driver's file is missing" : "the driver's file cannot be read");
    return;
  }
  proof.evidence.push_back({context.guest->shown(file), machine.value()});
  if (facts.architecture && machine.value() != facts.architecture.value())
    judge(proof, Status::fail, "the driver is for " + machine.value() + ", Windows is " + facts.architecture.value());
}

void judge_network(Proof& proof, const CheckContext& context, const WindowsFacts& facts) {
  if (current_control(facts, "Services\\netkvm")) {
    proof.evidence.push_back({registry_path(facts, "Services\\netkvm"), "network driver"});
    return;
  }
  if (const std::string package = staged(context, facts, "netkvm"); !package.empty()) {
    proof.evidence.push_back({package, "network driver, staged: installed when the card is first seen"});
    return;
  }
  proof.evidence.push_back({registry_path(facts, "Services\\netkvm"), "missing, and no netkvm.inf in the driver store"});
  judge(proof, Status::warn, "the disk driver starts at boot, but there is no virtio network driver");
}

Proof without_service(const CheckContext& context, const WindowsFacts& facts) {
  Proof proof;
  proof.evidence.push_back({registry_path(facts, "Services\\viostor"), "missing"});
  const std::string package = staged(context, facts, "viostor");
  if (!package.empty()) {
    proof.evidence.push_back({package, "staged only: never installed for a disk"});
    judge(proof, Status::fail, "the virtio disk driver is in the driver store, but not installed");
  } else if (current_control(facts, "Services\\vioscsi")) {
    proof.evidence.push_back({registry_path(facts, "Services\\vioscsi"), "drives virtio SCSI, not virtio disks"});
    judge(proof, Status::fail, "only the virtio SCSI driver is installed: a virtio disk is not seen");
  } else {
    judge(proof, Status::fail, "the virtio disk driver (viostor) is not installed");
  }
  return proof;
}

Proof prove(const CheckContext& context, const WindowsFacts& facts) {
  for (const char* name : kDiskServices) {
    const auto service = current_control(facts, std::string("Services\\") + name);
    if (!service) continue;
    Proof proof;
    judge_start(proof, facts, *service, name);
    judge_file(proof, context, facts, *service, name);
    const std::string bound = binding(facts, name);
    if (bound.empty()) {
      proof.evidence.push_back({"HKLM\\SYSTEM", "no device id of a virtio disk is bound to the driver"});
      judge(proof, Status::warn, "the driver " + std::string(name) + " starts at boot, but is bound to no virtio disk");
    } else {
      proof.evidence.push_back({bound, "bound to the disk"});
    }
    judge_network(proof, context, facts);
    if (proof.summary.empty()) proof.summary = "the virtio drivers are installed and start at boot";
    return proof;
  }
  return without_service(context, facts);
}

}  // namespace

Finding check_windows_virtio(const CheckContext& context) {
  const WindowsFacts& facts = windows_facts(context);
  const std::string hive = context.guest->shown(facts.system_directory + "/System32/config/SYSTEM");
  if (!contains(context.rules.virtio.disk, "virtio_blk"))
    return make_finding(Status::not_applicable, "the rule is about Linux modules");
  if (!facts.system) return could_not("the SYSTEM hive", facts.system.error(), hive);
  if (facts.control_set.empty() || !current_control(facts, "Services"))
    return make_finding(Status::unknown, "the SYSTEM hive does not say which control set is current",
                        {{"HKLM\\SYSTEM\\Select", "no Current, or no services there"}});
  Proof proof = prove(context, facts);
  if (proof.status == Status::fail) proof.status = context.rules.virtio.severity;
  if (const std::string doubt = hive_doubt(facts.system); !doubt.empty()) {
    proof.evidence.push_back({hive, doubt});
    if (proof.status == Status::pass) proof.status = Status::warn;
    if (proof.status == Status::fail) proof.status = Status::unknown;
  }
  const bool broken = proof.status == Status::fail || proof.status == Status::warn;
  return make_finding(proof.status, proof.summary, std::move(proof.evidence),
                      broken ? std::optional<std::string>(kFix) : std::nullopt);
}

}  // namespace imgfs::checkers
