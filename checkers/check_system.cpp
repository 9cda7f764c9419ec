// operating-system, architecture and kernel.
#include <algorithm>

#include "checkers/checker.h"
#include "checkers/elf.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

Names names_for(const FamilyNames& names, std::string_view family) {
  const auto found = names.find(std::string(family));
  return found == names.end() ? Names() : found->second;
}

Finding freebsd_system(const CheckContext& context) {
  const SystemRule& rule = context.rules.system;
  std::vector<Evidence> evidence = {{context.guest->shown("/"), "a FreeBSD root"}};
  if (rule.any || contains(names_for(rule.listed, "freebsd"), "freebsd"))
    return make_finding(Status::pass, "FreeBSD is accepted", evidence);
  return make_finding(rule.others, "FreeBSD is not in the list", evidence,
                      "install one of the systems in the list");
}

}  // namespace

Finding check_operating_system(const CheckContext& context) {
  const SystemRule& rule = context.rules.system;
  if (context.installed->family == GuestFamily::freebsd) return freebsd_system(context);
  const auto& found = distribution(context);
  if (!found) {
    if (found.error().code == Errc::not_found)
      return make_finding(Status::unknown, "the distribution is not known: there is no release file",
                          {{context.guest->shown("/etc/os-release"), "missing, and its predecessors"}});
    return could_not("the release file", found.error(), context.guest->shown("/etc/os-release"));
  }
  const Distribution& system = found.value();
  const std::string what = system.name + (system.version.empty() ? "" : " " + system.version);
  std::vector<Evidence> evidence = {{context.guest->shown(system.evidence), what}};
  if (rule.any) return make_finding(Status::pass, what + " (no list)", evidence);
  const Names listed = names_for(rule.listed, "linux");
  const std::string fix = "choose a listed system (" + join(listed) +
                          "), or the provider's entry for other systems where it has one";
  if (contains(listed, system.token)) {
    const auto versions = rule.versions.find(system.token);
    if (versions == rule.versions.end() || contains(versions->second, major_version(system.version)) ||
        contains(versions->second, system.version))
      return make_finding(Status::pass, what + " is in the list", evidence);
    return make_finding(Status::warn, what + " is of a listed family, but its version is not in the list (" +
                                          join(versions->second) + ")",
                        evidence, "choose the nearest version of the list when importing");
  }
  if (contains(names_for(rule.close, "linux"), system.token))
    return make_finding(Status::warn, what + " is not in this list, but known to be taken", evidence,
                        "choose the nearest system of the list when importing");
  for (const auto& like : system.like)
    if (contains(listed, like) || (like == "rhel" && contains(listed, "centos")))
      return make_finding(Status::warn, what + " is not in the list, but a relative of " + like, evidence,
                          "choose " + like + " when importing");
  return make_finding(rule.others, what + " is not in the list: " + join(listed), evidence, fix);
}

Finding check_architecture(const CheckContext& context) {
  const auto& found = architecture(context);
  const std::string program = context.guest->shown(architecture_evidence(*context.guest));
  if (!found) return could_not("the architecture of the guest's programs", found.error(), program);
  const std::string& name = found.value();
  std::vector<Evidence> evidence = {{program, "ELF header: " + name}};
  const Names& accepted = context.rules.architecture.accepted;
  if (contains(accepted, name)) return make_finding(Status::pass, name + " is accepted", evidence);
  return make_finding(context.rules.architecture.severity, name + " is not accepted; only " + join(accepted),
                      evidence, "install the " + accepted.front() + " edition of the distribution");
}

namespace {

/// Kernels that are packaged, but by others.
bool foreign(const Package& package) {
  for (const std::string_view word : {"kernel-ml", "kernel-lt", "xanmod", "liquorix", "zabbly", "-pve", "linux-zen"})
    if (package.name.find(word) != std::string::npos || package.version.find(word) != std::string::npos) return true;
  return package.vendor.find("ELRepo") != std::string::npos;
}

/// Whether `package` holds the kernel `version` (as uname tells it).
bool holds_kernel(const Package& package, const std::string& version) {
  const bool debian = package.name.starts_with("linux-image-") &&
                      (package.name == "linux-image-" + version || package.name == "linux-image-unsigned-" + version);
  if (debian) return true;
  const bool kernel = package.name.starts_with("kernel") && package.name.find("-devel") == std::string::npos &&
                      package.name.find("-headers") == std::string::npos &&
                      package.name.find("-tools") == std::string::npos;
  if (kernel || package.name.starts_with("tencent-linux")) {
    if (package.version == version) return true;
    // SUSE: 5.14.21-150400.22.1 is packaged with one more part and without the flavour.
    const std::string base = version.substr(0, version.rfind('-'));
    const std::string without_arch = package.version.substr(0, package.version.rfind('.'));
    return without_arch == version || package.version.starts_with(base + ".") || without_arch == base;
  }
  // Arch and Alpine: one kernel package each.
  return package.name == "linux" || package.name == "linux-lts" || package.name == "linux-virt";
}

}  // namespace

Finding check_kernel(const CheckContext& context) {
  const auto& boot = boot_entry(context);
  if (!boot) {
    if (boot.error().code == Errc::not_found)
      return make_finding(Status::unknown, "there is no kernel whose origin could be looked up",
                          {{context.guest->shown("/boot"), describe(boot.error())}});
    return could_not("the boot loader's configuration", boot.error(), context.guest->shown("/boot"));
  }
  const BootEntry& entry = boot.value();
  const auto& database = packages(context);
  if (!database)
    return could_not("the package database", database.error(), context.guest->shown("/var/lib"));
  std::vector<Evidence> evidence = {{context.guest->shown(entry.kernel), "kernel " + entry.version},
                                    {context.guest->shown(database.value().path), database.value().kind}};
  if (entry.version.empty())
    return make_finding(Status::unknown, "the version of the kernel is not known", evidence);
  const auto& found = distribution(context);
  const Distribution system = found ? found.value() : Distribution();
  const std::string package = system.tooling == Tooling::debian ? "linux-image-amd64 (linux-generic on Ubuntu)"
                              : system.tooling == Tooling::suse ? "kernel-default"
                                                                : "kernel";
  const std::string fix = install_command(system, package) + ", and make it the default: " + boot_command(system);
  for (const Package& candidate : database.value().found) {
    if (!holds_kernel(candidate, entry.version)) continue;
    evidence.back().detail = candidate.name + " " + candidate.version;
    if (!foreign(candidate))
      return make_finding(Status::pass, "kernel " + entry.version + " is the distribution's own (" + candidate.name + ")", evidence);
    return make_finding(context.rules.kernel.severity, "kernel " + entry.version + " is not the distribution's own: package " + candidate.name, evidence, fix);
  }
  if (!database.value().complete)
    return make_finding(Status::unknown, "no package is known to hold kernel " + entry.version + ", but the database has a log that was not read", evidence);
  evidence.back().detail = "no package holds it";
  return make_finding(context.rules.kernel.severity,
                      "kernel " + entry.version + " belongs to no package of the distribution", evidence, fix);
}

}  // namespace imgfs::checkers
