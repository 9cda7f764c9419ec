#include <algorithm>

#include "checkers/checker.h"
#include "checkers/elf.h"
#include "checkers/windows_checks.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

template <auto Member>
const Rule& rule_of(const PolicyRules& rules) {
  return rules.*Member;
}
using R = PolicyRules;

Error no_guest() { return {Errc::not_found, "no installed system"}; }

bool failed(const std::vector<Finding>& findings, std::string_view check, Status status) {
  return std::ranges::any_of(findings, [&](const Finding& finding) {
    return finding.check == check && finding.status == status;
  });
}

/// Why a check has no meaning here; empty where it has one.
std::string why_not(const Check& check, const CheckContext& context) {
  const bool nothing = context.tree.volumes().empty();
  if (check.id == "root-partition" && nothing)
    return "the disk has no partition and no file system to look into";
  if (check.id == "file-system" && nothing) return "the disk has no file system";
  if (check.needs_guest && context.guest == nullptr)
    return failed(context.earlier, "root-partition", Status::unknown)
               ? "whether there is an installed system could not be found out"
               : "no installed system was found";
  return {};
}

Finding run_one(const Check& check, const CheckContext& context) {
  const Rule& rule = check.rule(context.rules);
  if (!rule.given) return make_finding(Status::not_applicable, "the policy has no rule for this");
  if (const std::string reason = why_not(check, context); !reason.empty())
    return make_finding(Status::not_evaluated, reason);
  if (check.needs_guest) {
    if (context.installed->family == GuestFamily::windows && check.run_windows != nullptr)
      return check.run_windows(context);
    if (context.installed->family == GuestFamily::freebsd && check.id != "operating-system")
      return make_finding(Status::unknown, "this program does not look into a FreeBSD guest");
  }
  return check.run(context);
}

}  // namespace

const std::array<Check, 11>& all_checks() {
  static const std::array<Check, 11> checks = {{
      {"image-format", rule_of<&R::format>, check_image_format, nullptr, false},
      {"image-size", rule_of<&R::size>, check_image_size, nullptr, false},
      {"partition-table", rule_of<&R::table>, check_partition_table, nullptr, false},
      {"root-partition", rule_of<&R::root>, check_root_partition, nullptr, false},
      {"operating-system", rule_of<&R::system>, check_operating_system, check_windows_system, true},
      {"architecture", rule_of<&R::architecture>, check_architecture, check_windows_architecture, true},
      {"virtio", rule_of<&R::virtio>, check_virtio, check_windows_virtio, true},
      {"cloud-init", rule_of<&R::cloud_init>, check_cloud_init, check_windows_agent, true},
      {"kernel", rule_of<&R::kernel>, check_kernel, check_windows_kernel, true},
      {"device-names", rule_of<&R::device_names>, check_device_names, check_windows_device_names, true},
      {"file-system", rule_of<&R::file_system>, check_file_system, nullptr, false},
  }};
  return checks;
}

std::vector<Finding> run_checks(const ReportInput& input, const Surroundings& surroundings,
                                Facts& facts) {
  const auto index = input.tree.guest();
  const bool there = index && *index < input.tree.guests().size();
  if (there && !facts.files) facts.files = surroundings.guest_files(input.tree, *index);
  std::vector<Finding> findings;
  for (const Check& check : all_checks()) {
    const CheckContext context{input.tree,
                               there ? facts.files.get() : nullptr,
                               there ? &input.tree.guests()[*index] : nullptr,
                               *input.policy.rules,
                               input.image_path,
                               surroundings,
                               input.progress,
                               facts,
                               findings};
    Finding finding;
    try {  // what libraries throw: memory, yaml-cpp
      finding = run_one(check, context);
    } catch (const std::exception& exception) {
      finding = make_finding(Status::unknown, std::string("the check broke off: ") + exception.what());
    }
    finding.check = std::string(check.id);
    const Rule& rule = check.rule(*input.policy.rules);
    if (finding.status == Status::fail && !finding.code) finding.code = rule.code;
    if (finding.status == Status::fail && finding.code == std::optional<std::string>("")) finding.code.reset();
    findings.push_back(std::move(finding));
  }
  return findings;
}

const Result<Distribution>& distribution(const CheckContext& context) {
  auto& fact = context.facts.distribution;
  if (!fact) {
    if (context.guest == nullptr) fact = no_guest();
    else fact = find_distribution(*context.guest);
  }
  return *fact;
}

const Result<std::string>& architecture(const CheckContext& context) {
  auto& fact = context.facts.architecture;
  if (!fact) {
    if (context.guest == nullptr) fact = no_guest();
    else fact = find_architecture(*context.guest);
  }
  return *fact;
}

const Result<BootEntry>& boot_entry(const CheckContext& context) {
  auto& fact = context.facts.boot;
  if (!fact) {
    if (context.guest == nullptr) fact = no_guest();
    else fact = find_boot_entry(*context.guest);
  }
  return *fact;
}

const KernelFacts& kernel_facts(const CheckContext& context) {
  auto& fact = context.facts.kernel;
  if (!fact) fact = find_kernel_facts(*context.guest, boot_entry(context).value().version);
  return *fact;
}

const Result<Packages>& packages(const CheckContext& context) {
  auto& fact = context.facts.packages;
  if (!fact) {
    if (context.guest == nullptr) fact = no_guest();
    else fact = find_packages(*context.guest);
  }
  return *fact;
}

Finding make_finding(Status status, std::string summary, std::vector<Evidence> evidence,
                     std::optional<std::string> fix) {
  return {"", status, {}, std::move(summary), std::move(evidence), std::move(fix)};
}

Finding could_not(std::string what, const Error& error, std::string path) {
  return make_finding(Status::unknown, std::move(what) + " could not be read",
                      {{std::move(path), describe(error)}});
}

std::string_view status_name(Status status) {
  switch (status) {
    case Status::pass: return "pass";
    case Status::warn: return "warn";
    case Status::fail: return "fail";
    case Status::unknown: return "unknown";
    case Status::not_evaluated: return "not-evaluated";
    case Status::not_applicable: return "not-applicable";
  }
  return "unknown";
}

std::string_view family_name(GuestFamily family) {
  switch (family) {
    case GuestFamily::linux: return "linux";
    case GuestFamily::windows: return "windows";
    case GuestFamily::freebsd: return "freebsd";
  }
  return "linux";
}

std::string_view table_name(VolumeTable::Kind kind) {
  switch (kind) {
    case VolumeTable::Kind::none: return "none";
    case VolumeTable::Kind::mbr: return "mbr";
    case VolumeTable::Kind::gpt: return "gpt";
    case VolumeTable::Kind::whole_disk: return "whole disk";
    case VolumeTable::Kind::bsd: return "bsd";
    case VolumeTable::Kind::apm: return "apm";
    case VolumeTable::Kind::dynamic_disk: return "dynamic disk";
  }
  return "none";
}

bool contains(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string size_text(std::uint64_t bytes) {
  static constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  std::string digits = std::to_string(bytes);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  if (bytes < 1024) return digits + " bytes";
  std::size_t unit = 0;
  std::uint64_t scale = 1024;
  while (unit + 1 < std::size(kUnits) && bytes / scale >= 1024) {
    scale *= 1024;
    ++unit;
  }
  const std::uint64_t tenths = bytes / (scale / 1024) * 10 / 1024;
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return text + " " + std::string(kUnits[unit]) + " (" + digits + " bytes)";
}

std::string join(const Names& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return out;
}

}  // namespace imgfs::checkers
