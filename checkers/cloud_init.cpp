#include "checkers/cloud_init.h"

#include <algorithm>
#include <array>

#include <yaml-cpp/yaml.h>

#include "checkers/bounded_yaml.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxFile = 256 << 10;
constexpr std::size_t kMaxSources = 256;

bool absent(const Error& error) {
  return error.code == Errc::not_found || error.code == Errc::not_directory;
}

void set_sources(const YAML::Node& list, const std::string& path, CloudConfig& config) {
  std::vector<std::string> sources;
  if (list.IsScalar()) {
    // A text with commas is taken as a list.
    std::string_view text = list.Scalar();
    while (!text.empty() && sources.size() < kMaxSources) {
      const std::size_t end = std::min(text.find_first_of(", []"), text.size());
      if (end > 0) sources.emplace_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  } else if (list.IsSequence()) {
    for (const auto& item : list)
      if (item.IsScalar() && sources.size() < kMaxSources) sources.push_back(item.Scalar());
  }
  config.sources = std::move(sources);
  config.sources_path = path;
}

/// Whether anything in `directory` begins with `prefix`.
std::string first_with_prefix(const GuestFiles& files, const std::string& directory,
                              std::string_view prefix, CloudStart& out) {
  const auto names = files.list(directory);
  if (!names) {
    if (!absent(names.error()) && !out.problem) out.problem = in_context(names.error(), directory);
    return {};
  }
  for (const auto& name : names.value())
    if (name.starts_with(prefix)) return directory + "/" + name;
  return {};
}

constexpr const char* kUnitDirectories[] = {"/etc/systemd/system", "/usr/lib/systemd/system",
                                            "/lib/systemd/system", "/usr/local/lib/systemd/system"};

/// Since 24.3 cloud-init-network is what was cloud-init, and cloud-init-main runs all stages.
constexpr const char* kUnits[] = {"cloud-init-main.service", "cloud-init-network.service",
                                  "cloud-init.service",      "cloud-init-local.service",
                                  "cloud-config.service",    "cloud-final.service",
                                  "cloud-init.target"};

void find_systemd(const GuestFiles& files, CloudStart& out) {
  std::string unit;
  for (const char* directory : kUnitDirectories)
    for (const char* name : {"cloud-init-main.service", "cloud-init.service", "cloud-init-network.service"})
      if (unit.empty() && files.stat(std::string(directory) + "/" + name)) unit = std::string(directory) + "/" + name;
  if (unit.empty()) return;
  for (const char* name : kUnits) {
    const std::string path = std::string("/etc/systemd/system/") + name;
    const auto target = files.read_link(path);
    const auto entry = files.stat(path, GuestFiles::LastLink::keep);
    const bool empty_file = entry && entry.value().type == FileType::regular && entry.value().size == 0;
    if ((target && target.value() == "/dev/null") || empty_file) out.off.push_back(path);
  }
  // Enabled: linked into a target, or by the generator that does so at each boot.
  for (const char* directory : kUnitDirectories)
    for (const char* target : {"cloud-init.target.wants", "multi-user.target.wants", "sysinit.target.wants"}) {
      const std::string found = first_with_prefix(files, std::string(directory) + "/" + target, "cloud-", out);
      if (out.evidence.empty() && !found.empty()) out.evidence = found;
    }
  for (const char* directory : {"/usr/lib/systemd/system-generators", "/lib/systemd/system-generators",
                                "/etc/systemd/system-generators"}) {
    const std::string generator = std::string(directory) + "/cloud-init-generator";
    if (out.evidence.empty() && files.stat(generator)) out.evidence = generator;
  }
  if (!out.evidence.empty()) out.system = "systemd";
}

void find_other_starts(const GuestFiles& files, CloudStart& out) {
  for (const std::string level : {"2", "3", "4", "5"})
    for (const std::string root : {"/etc/rc", "/etc/rc.d/rc", "/etc/init.d/rc"}) {
      const std::string directory = root + level + ".d";
      const auto names = files.list(directory);
      if (!names) continue;
      for (const auto& name : names.value())
        if (name.size() > 3 && name[0] == 'S' && std::string_view(name).substr(3).starts_with("cloud-") && out.system.empty()) {
          out.system = "sysv";
          out.evidence = directory + "/" + name;
        }
    }
  if (out.system.empty())
    if (const auto job = first_with_prefix(files, "/etc/init", "cloud-init", out); !job.empty()) {
      const auto manual = files.read_text(job.substr(0, job.rfind('.')) + ".override", kMaxFile);
      if (manual && manual.value().find("manual") != std::string::npos)
        out.off.push_back(job.substr(0, job.rfind('.')) + ".override");
      out.system = "upstart";
      out.evidence = job;
    }
  for (const char* level : {"/etc/runlevels/default", "/etc/runlevels/boot"})
    if (out.system.empty())
      if (const auto link = first_with_prefix(files, level, "cloud-", out); !link.empty()) {
        out.system = "openrc";
        out.evidence = link;
      }
}

}  // namespace

bool merge_cloud_config(std::string_view text, const std::string& path, CloudConfig& config,
                        std::string& problem) {
  YamlProblem wrong;
  const auto root = load_yaml(text, wrong);
  if (!root) {
    problem = "line " + std::to_string(wrong.line) + ": " + wrong.what;
    return false;
  }
  if (!root->IsMap()) return true;  // comments only
  const YAML::Node& top = *root;
  if (const YAML::Node list = top["datasource_list"]; list) set_sources(list, path, config);
  if (const YAML::Node network = top["network"]; network && network.IsMap()) {
    const YAML::Node state = network["config"];
    config.network_off = state && state.IsScalar() && state.Scalar() == "disabled";
    config.network_path = path;
  }
  return true;
}

CloudConfig read_cloud_config(const GuestFiles& files) {
  CloudConfig config;
  std::vector<std::string> paths = {"/etc/cloud/cloud.cfg"};
  const auto names = files.list("/etc/cloud/cloud.cfg.d", 4096);
  if (names) {
    for (const auto& name : names.value())
      if (name.ends_with(".cfg")) paths.push_back("/etc/cloud/cloud.cfg.d/" + name);
  } else if (!absent(names.error())) {
    config.problems.push_back(in_context(names.error(), "/etc/cloud/cloud.cfg.d"));
  }
  for (const auto& path : paths) {
    const auto text = files.read_text(path, kMaxFile);
    if (!text) {
      if (!absent(text.error())) config.problems.push_back(in_context(text.error(), path));
      continue;
    }
    config.any_file = true;
    std::string problem;
    if (!merge_cloud_config(text.value(), path, config, problem))
      config.problems.push_back(in_context(corrupt("no YAML: " + problem), path));
  }
  return config;
}

CloudStart find_cloud_start(const GuestFiles& files) {
  CloudStart out;
  const auto marker = files.stat("/etc/cloud/cloud-init.disabled");
  if (marker) out.off.emplace_back("/etc/cloud/cloud-init.disabled");
  else if (!absent(marker.error())) out.problem = in_context(marker.error(), "/etc/cloud/cloud-init.disabled");
  find_systemd(files, out);
  if (out.system.empty()) find_other_starts(files, out);
  return out;
}

Result<std::string> find_cloud_program(const GuestFiles& files) {
  std::optional<Error> problem;
  for (const char* path : {"/usr/bin/cloud-init", "/usr/local/bin/cloud-init", "/bin/cloud-init"}) {
    const auto found = files.stat(path);
    if (found && (found.value().type != FileType::regular || found.value().size > 0)) return std::string(path);
    if (!found && !absent(found.error()) && !problem) problem = in_context(found.error(), path);
  }
  // The Python package, in the system's own paths only: a virtual environment does not start at boot.
  for (const std::string root : {"/usr/lib", "/usr/lib64", "/usr/local/lib"}) {
    const auto names = files.list(root, 20'000);
    if (!names) {
      if (!absent(names.error()) && !problem) problem = in_context(names.error(), root);
      continue;
    }
    for (const auto& name : names.value()) {
      if (!name.starts_with("python")) continue;
      for (const char* packages : {"/site-packages", "/dist-packages"}) {
        const std::string path = root + "/" + name + packages + "/cloudinit/version.py";
        if (files.stat(path)) return path;
      }
    }
  }
  if (problem) return *problem;
  return Error{Errc::not_found, "no program and no Python package of cloud-init"};
}

}  // namespace imgfs::checkers
