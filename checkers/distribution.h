#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vfs/guest_files.h"

namespace imgfs::checkers {

/// Which tools a distribution has: decides the commands in a finding's `fix`.
enum class Tooling { debian, redhat, suse, arch, alpine, other };

/// A distribution, from os-release or what came before it.
struct Distribution {
  std::string token;    ///< as policies spell it: "centos", "centos-stream", "opensuse", "uos"
  std::string id;       ///< os-release's ID in lower case; empty where another file decided
  std::string name;     ///< "Debian GNU/Linux"
  std::string version;  ///< "12", "7.9.2009"; empty where none is given
  std::vector<std::string> like;  ///< ID_LIKE
  Tooling tooling = Tooling::other;
  std::string evidence;  ///< the guest's path that decided
};

/// not_found where no release file is there; other errors where one could not be read.
Result<Distribution> find_distribution(const GuestFiles& files);

/// The value of `key` in shell-like text (KEY=value, quotes and escapes resolved).
std::optional<std::string> shell_value(std::string_view text, std::string_view key);

/// The part of a version before the first dot.
std::string major_version(std::string_view version);

/// Compares versions as rpm does: below 0, 0, above 0.
int compare_versions(std::string_view left, std::string_view right);

/// The command that makes the initramfs of kernel `version` anew with `modules` in it.
std::string rebuild_command(const Distribution& distribution, std::string_view version,
                            std::string_view modules);
/// The command that installs `package`.
std::string install_command(const Distribution& distribution, std::string_view package);
/// The command that writes the boot loader's configuration anew.
std::string boot_command(const Distribution& distribution);

}  // namespace imgfs::checkers
