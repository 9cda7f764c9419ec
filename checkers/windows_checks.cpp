// operating-system, architecture, kernel and device-names of a Windows guest.
#include "checkers/windows_checks.h"

#include "checkers/windows_facts.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

Names names_for(const FamilyNames& names) {
  const auto found = names.find("windows");
  return found == names.end() ? Names() : found->second;
}

std::string config_path(const CheckContext& context, const char* hive) {
  return context.guest->shown(windows_facts(context).system_directory + "/System32/config/" + hive);
}

std::string described(const WindowsFacts& facts) {
  std::string text = printable(facts.product.empty() ? "Windows " + facts.token : facts.product);
  return text + " (" + std::to_string(facts.major) + "." + std::to_string(facts.minor) + "." +
         std::to_string(facts.build) + ")";
}

}  // namespace

Finding check_windows_system(const CheckContext& context) {
  const WindowsFacts& facts = windows_facts(context);
  const SystemRule& rule = context.rules.system;
  if (!facts.software) return could_not("the SOFTWARE hive", facts.software.error(), config_path(context, "SOFTWARE"));
  std::vector<Evidence> evidence = {
      {"HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", described(facts)}};
  if (const std::string doubt = hive_doubt(facts.software); !doubt.empty())
    evidence.push_back({config_path(context, "SOFTWARE"), doubt});
  if (facts.major == 0)
    return make_finding(Status::unknown, "the registry does not tell the version of Windows", evidence);
  const std::string what = described(facts);
  if (rule.any) return make_finding(Status::pass, what + " (no list)", evidence);
  const Names listed = names_for(rule.listed);
  if (!facts.token.empty() && contains(listed, facts.token))
    return make_finding(Status::pass, what + " is in the list", evidence);
  if (!facts.token.empty() && contains(names_for(rule.close), facts.token))
    return make_finding(Status::warn, what + " is not in this list, but known to be taken", evidence,
                        "choose the nearest version of the list when importing");
  return make_finding(rule.others, what + " is not in the list: Windows " + join(listed), evidence,
                      "upgrade in place to a listed version (setup.exe of Windows Server 2019, for example)");
}

Finding check_windows_architecture(const CheckContext& context) {
  const WindowsFacts& facts = windows_facts(context);
  const std::string kernel = context.guest->shown(facts.system_directory + "/System32/ntoskrnl.exe");
  if (!facts.architecture) return could_not("the kernel's machine type", facts.architecture.error(), kernel);
  const std::string& name = facts.architecture.value();
  const std::vector<Evidence> evidence = {{kernel, "PE header: " + name}};
  const Names& accepted = context.rules.architecture.accepted;
  if (contains(accepted, name)) return make_finding(Status::pass, name + " is accepted", evidence);
  return make_finding(context.rules.architecture.severity, name + " is not accepted; only " + join(accepted),
                      evidence, "install the " + (accepted.empty() ? "x86_64" : accepted.front()) + " edition of Windows");
}

Finding check_windows_kernel(const CheckContext&) {
  return make_finding(Status::not_applicable, "the rule is about Linux kernels");
}

namespace {

struct BootFiles {
  std::string shown;       ///< the BCD store, as seen in the tree; empty where there is none
  std::string loader;      ///< "\\Windows\\system32\\winload.exe"; empty where it does not say
  std::optional<Error> damage;
};

/// The loader's path in a BCD store: element 12000002 of an object that has \winload in it.
std::string loader_in(const Hive& store) {
  const auto objects = store.find("Objects");
  if (!objects) return "";
  for (const Hive::Key object : store.children(*objects)) {
    const auto element = store.find(object, "Elements\\12000002");
    const auto path = element ? store.text(*element, "Element") : std::nullopt;
    if (path && path->find("winload") != std::string::npos) return *path;
  }
  return "";
}

/// Looks on every volume, since the store lies mostly on a small one of its own.
BootFiles boot_files(const CheckContext& context) {
  BootFiles out;
  const auto& volumes = context.tree.volumes();
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    if (volumes[i].directory.empty()) continue;
    const auto files = context.surroundings.volume_files(context.tree, i);
    if (!files) continue;
    for (const char* path : {"/Boot/BCD", "/EFI/Microsoft/Boot/BCD", "/boot/bcd", "/ntldr"}) {
      if (!files->stat(path)) continue;
      out.shown = "/" + volumes[i].directory + path;
      if (std::string_view(path) == "/ntldr") return out;
      const auto store = Hive::open(*files, path);
      if (!store) {
        out.damage = store.error();
        return out;
      }
      out.loader = loader_in(store.value());
      return out;
    }
  }
  return out;
}

/// Where the registry says that an update or an installation waits for a restart. Source: the servicing
/// stack's, Windows Update's and the session manager's own marks.
std::vector<Evidence> pending_restart(const WindowsFacts& facts) {
  std::vector<Evidence> out;
  if (facts.software)
    for (const char* key : {"Microsoft\\Windows\\CurrentVersion\\Component Based Servicing\\RebootPending",
                            "Microsoft\\Windows\\CurrentVersion\\WindowsUpdate\\Auto Update\\RebootRequired"})
      if (facts.software.value().find(key)) out.push_back({std::string("HKLM\\SOFTWARE\\") + key, "present"});
  const auto session = current_control(facts, "Control\\Session Manager");
  if (session && facts.system.value().bytes(*session, "PendingFileRenameOperations").value_or("").size() > 2)
    out.push_back({registry_path(facts, "Control\\Session Manager"), "PendingFileRenameOperations is not empty"});
  return out;
}

}  // namespace

Finding check_windows_device_names(const CheckContext& context) {
  const BootFiles boot = boot_files(context);
  if (boot.shown.empty())
    return make_finding(Status::warn, "no volume has the files that start Windows (bootmgr and \\Boot\\BCD)",
                        {{"/", "no \\Boot\\BCD and no \\EFI\\Microsoft\\Boot\\BCD on any volume"}},
                        "export the whole disk with its System Reserved partition, or run: bcdboot C:\\Windows");
  if (boot.damage) return could_not("the boot configuration store", *boot.damage, boot.shown);
  std::vector<Evidence> evidence = {{boot.shown, boot.loader.empty() ? "names no loader" : "loader " + printable(boot.loader)}};
  const auto& kinds = names_for(context.rules.table.kinds);
  if (boot.loader.ends_with(".efi") && !kinds.empty() && !contains(kinds, "gpt"))
    return make_finding(Status::warn, "Windows starts by EFI, and the policy takes BIOS disks only", evidence,
                        "install Windows for BIOS on an MBR disk; an EFI installation cannot be switched in place");
  if (const auto pending = pending_restart(windows_facts(context)); !pending.empty()) {
    evidence.insert(evidence.end(), pending.begin(), pending.end());
    return make_finding(Status::warn, "a restart is pending: the first start on the new machine would finish updates", evidence,
                        "restart the machine where it runs now until nothing is pending, shut it down and export it again");
  }
  return make_finding(Status::pass, "Windows finds its disks by their signatures", evidence);
}

}  // namespace imgfs::checkers
