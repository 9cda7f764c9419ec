#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkers/boot_entry.h"
#include "checkers/distribution.h"
#include "checkers/initramfs.h"
#include "checkers/kernel_facts.h"
#include "checkers/packages.h"
#include "checkers/policy_rules.h"
#include "checkers/report.h"
#include "vfs/guest_files.h"
#include "vfs/tree.h"

namespace imgfs::checkers {

/// What the checkers take from the layers below besides the tree. Tests put their own here.
struct Surroundings {
  std::function<std::unique_ptr<GuestFiles>(const Tree&, std::size_t guest)> guest_files;
  std::function<std::unique_ptr<GuestFiles>(const Tree&, std::size_t volume)> volume_files;
  std::function<Result<Qcow2Size>(const BlockDevice&)> size_bound;
  std::function<Result<Qcow2Size>(const BlockDevice&, FunctionRef<void(std::uint64_t)>)> size_exact;
};

struct WindowsFacts;

/// What was found out about the image once, for all checks and all policies. Filled at first use by
/// the functions below; one thread.
struct Facts {
  std::unique_ptr<GuestFiles> files;  ///< the guest's; null where there is none
  std::optional<Result<Distribution>> distribution;
  std::optional<Result<std::string>> architecture;
  std::optional<Result<BootEntry>> boot;
  std::optional<KernelFacts> kernel;
  std::map<std::string, Result<InitramfsContent>> initramfs;  ///< by the names that were looked for
  std::optional<Result<Packages>> packages;
  std::optional<Result<Qcow2Size>> size;
  std::shared_ptr<const WindowsFacts> windows;  ///< of a Windows guest
};

struct CheckContext {
  const Tree& tree;
  const GuestFiles* guest;          ///< null where no installed system was found
  const InstalledGuest* installed;  ///< the same
  const PolicyRules& rules;
  const std::string& image_path;
  const Surroundings& surroundings;
  const std::function<void(std::uint64_t)>& progress;
  Facts& facts;
  const std::vector<Finding>& earlier;  ///< of the checks above in the table
};

const Result<Distribution>& distribution(const CheckContext& context);
/// "x86_64", "i386", "aarch64", … by the ELF header of the guest's own programs.
const Result<std::string>& architecture(const CheckContext& context);
/// The entry that boots by default.
const Result<BootEntry>& boot_entry(const CheckContext& context);
/// Of the kernel that boots by default; only after `boot_entry` succeeded.
const KernelFacts& kernel_facts(const CheckContext& context);
const Result<Packages>& packages(const CheckContext& context);
const Result<Qcow2Size>& qcow2_size(const CheckContext& context);

/// One check: a row of the table, in the order of dependency. A Windows guest has functions of its
/// own, in windows_checks.h.
struct Check {
  std::string_view id;
  const Rule& (*rule)(const PolicyRules& rules);
  Finding (*run)(const CheckContext& context);
  Finding (*run_windows)(const CheckContext& context);  ///< null: the same for every family
  bool needs_guest;  ///< not evaluated where no installed system was found
};
const std::array<Check, 11>& all_checks();

Finding check_image_format(const CheckContext& context);
Finding check_image_size(const CheckContext& context);
Finding check_partition_table(const CheckContext& context);
Finding check_root_partition(const CheckContext& context);
Finding check_operating_system(const CheckContext& context);
Finding check_architecture(const CheckContext& context);
Finding check_virtio(const CheckContext& context);
Finding check_cloud_init(const CheckContext& context);
Finding check_kernel(const CheckContext& context);
Finding check_device_names(const CheckContext& context);
Finding check_file_system(const CheckContext& context);

/// Makes a finding. The code is put in where the rule has one and the status is `fail`, and the id,
/// by the runner.
Finding make_finding(Status status, std::string summary, std::vector<Evidence> evidence = {},
                     std::optional<std::string> fix = {});
/// What could not be read, as `unknown`.
Finding could_not(std::string what, const Error& error, std::string path);

/// Runs all checks of one policy. `facts` may come from an earlier run over the same tree.
std::vector<Finding> run_checks(const ReportInput& input, const Surroundings& surroundings,
                                Facts& facts);
/// Findings as a whole report.
Report finish_report(const ReportInput& input, std::vector<Finding> findings, const Facts& facts);

std::string_view status_name(Status status);
std::string_view family_name(GuestFamily family);
std::string_view table_name(VolumeTable::Kind kind);
bool contains(const Names& names, std::string_view name);
/// "12.3 GiB (13,207,024,435 bytes)".
std::string size_text(std::uint64_t bytes);
/// "a, b and c".
std::string join(const Names& names);

}  // namespace imgfs::checkers
