#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vfs/guest_files.h"

namespace imgfs::checkers {

/// cloud-init's configuration, as far as it decides which data sources are tried.
struct CloudConfig {
  std::optional<std::vector<std::string>> sources;  ///< datasource_list; none: all are tried
  std::string sources_path;    ///< the file that set it last
  bool network_off = false;    ///< network: {config: disabled}
  std::string network_path;
  std::vector<Error> problems;  ///< files that could not be read or are no YAML
  bool any_file = false;
};

/// Reads /etc/cloud/cloud.cfg and cloud.cfg.d/*.cfg in their order; later files win.
CloudConfig read_cloud_config(const GuestFiles& files);

/// One file's text; false where it is no YAML. For tests and fuzzing, too.
bool merge_cloud_config(std::string_view text, const std::string& path, CloudConfig& config,
                        std::string& problem);

/// How cloud-init starts at boot.
struct CloudStart {
  std::string system;    ///< "systemd", "sysv", "upstart", "openrc", "rc.d"; empty: nothing starts it
  std::string evidence;  ///< the guest's path
  std::vector<std::string> off;  ///< guest's paths of what keeps it from starting: marker, masks
  std::optional<Error> problem;
};
CloudStart find_cloud_start(const GuestFiles& files);

/// The program's own files, when no package database knows it: the first that is there.
Result<std::string> find_cloud_program(const GuestFiles& files);

}  // namespace imgfs::checkers
