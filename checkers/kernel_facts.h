#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vfs/guest_files.h"

namespace imgfs::checkers {

/// What a kernel has of a driver.
enum class DriverState {
  built_in,
  module,   ///< a file under /lib/modules
  absent,   ///< proved by its configuration, or by its lists of modules
  unknown,  ///< nothing readable tells
};

/// What is known of one kernel from its configuration and its modules' directory.
struct KernelFacts {
  std::string version;
  std::optional<std::string> config;  ///< the guest's path of its configuration
  std::map<std::string, char, std::less<>> options;  ///< CONFIG_X → 'y' or 'm', only those asked for
  std::string directory;                ///< /lib/modules/VERSION; empty where there is none
  bool has_builtin_list = false;
  bool has_module_list = false;
  std::set<std::string, std::less<>> built_in;  ///< module names, with '_'
  std::map<std::string, std::string, std::less<>> modules;  ///< name → path below `directory`
  std::map<std::string, std::vector<std::string>, std::less<>> needs;  ///< name → names
  std::vector<Error> problems;          ///< files that are there but cannot be read

  DriverState state(std::string_view module) const;
  /// The path that shows the state.
  std::string evidence(std::string_view module) const;
  /// `modules` and all that they need, without those that are built in.
  std::vector<std::string> closure(const std::vector<std::string>& wanted) const;
};

/// Reads the facts about `version` as far as they concern the drivers of policies.
KernelFacts find_kernel_facts(const GuestFiles& files, std::string_view version);

/// The name of a module from its file's path: "virtio_blk" from "…/virtio-blk.ko.xz"; empty where it
/// is no module.
std::string module_name(std::string_view path);

/// Modules that must not be loaded, with the place that says so.
struct Blacklisted {
  std::string module;
  std::string place;  ///< "/etc/modprobe.d/x.conf:3"
  bool refused;       ///< it cannot be loaded at all (install false, module_blacklist=)
};
/// What modprobe.d and the kernel's command line forbid.
Result<std::vector<Blacklisted>> find_blacklisted(const GuestFiles& files, std::string_view options);

}  // namespace imgfs::checkers
