// cloud-init: installed, enabled, with a data source that the provider has?
#include <algorithm>

#include "checkers/checker.h"
#include "checkers/cloud_init.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

const Package* find_package(const std::vector<Package>& list) {
  for (const Package& package : list)
    if (package.name == "cloud-init" || package.name == "cloud-init-base") return &package;
  return nullptr;
}

/// A script for the forced import, which takes cloud-init's place.
std::string forced_import_script(const GuestFiles& files) {
  constexpr std::size_t kMaxScript = 64 << 10;
  for (const std::string directory : {"/etc/init.d", "/etc/rc.d/init.d", "/etc/systemd/system", "/usr/local/bin"}) {
    const auto names = files.list(directory, 1000);
    if (!names) continue;
    for (const auto& name : names.value()) {
      const auto text = files.read_text(directory + "/" + name, kMaxScript);
      if (text && (text.value().find("qcloud_action") != std::string::npos || text.value().find("os.conf") != std::string::npos))
        return directory + "/" + name;
    }
  }
  return {};
}

class CloudInitCheck {
 public:
  explicit CloudInitCheck(const CheckContext& context)
      : context_(context), files_(*context.guest), rule_(context.rules.cloud_init) {
    const auto& found = distribution(context);
    if (found) system_ = found.value();
  }

  Finding run() {
    if (auto finding = installed()) return *finding;
    if (auto finding = started()) return *finding;
    return sources();
  }

 private:
  std::string shown(std::string_view path) const { return files_.shown(path); }

  std::optional<Finding> installed() {
    const auto& database = packages(context_);
    if (database) {
      if (const Package* package = find_package(database.value().found)) {
        version_ = package->version;
        evidence_.push_back({shown(database.value().path), "cloud-init " + package->version});
        return {};
      }
    }
    const auto program = find_cloud_program(files_);
    if (program) {
      evidence_.push_back({shown(program.value()), "cloud-init, installed from source"});
      return {};
    }
    if (program.error().code != Errc::not_found)
      return could_not("where cloud-init's program would be", program.error(), shown("/usr/bin/cloud-init"));
    if (!database && database.error().code != Errc::not_found)
      return could_not("the package database", database.error(), shown("/var/lib"));
    if (database && !database.value().complete)
      return make_finding(Status::unknown, "the package database has a log that was not read",
                          {{shown(database.value().path + "-wal"), "not empty"}});
    // /usr on a volume that is not seen would hide everything.
    if (!files_.stat("/usr/bin"))
      return make_finding(Status::unknown, "/usr is not there: whether cloud-init is installed is not known",
                          {{shown("/usr/bin"), "missing"}});
    return missing(database ? &database.value() : nullptr);
  }

  Finding missing(const Packages* database) {
    evidence_.push_back({shown(database != nullptr ? database->path : "/usr/bin/cloud-init"),
                         database != nullptr ? database->kind + ": no package cloud-init" : "missing"});
    std::string what = "cloud-init is not installed";
    if (database != nullptr && find_package(database->removed) != nullptr)
      what = "cloud-init was removed; only its configuration is left";
    const std::string fix = install_command(system_, "cloud-init") + ", and enable it: " + enable_command();
    if (const std::string script = forced_import_script(files_); !script.empty()) {
      evidence_.push_back({shown(script), "a script for the forced import"});
      return make_finding(Status::warn, what + ", but there is a script for the forced import", evidence_,
                          "import with Force, or: " + fix);
    }
    return make_finding(rule_.severity, what, evidence_, fix);
  }

  std::string enable_command() const {
    const std::string major = major_version(system_.version);
    if (system_.tooling == Tooling::redhat && (major == "5" || major == "6") && system_.token != "fedora")
      return "for s in cloud-init-local cloud-init cloud-config cloud-final; do chkconfig $s on; done";
    if (system_.tooling == Tooling::alpine) return "setup-cloud-init";
    return "systemctl enable cloud-init-local cloud-init cloud-config cloud-final";
  }

  std::optional<Finding> started() {
    const CloudStart start = find_cloud_start(files_);
    if (start.problem)
      return could_not("whether cloud-init is enabled", *start.problem, shown("/etc/systemd/system"));
    if (!start.off.empty()) {
      const std::string& off = start.off.front();
      const bool marker = off.ends_with("cloud-init.disabled");
      evidence_.push_back({shown(off), marker ? "the marker that disables cloud-init" : "masked"});
      const std::string unit = off.substr(off.rfind('/') + 1);
      return make_finding(rule_.disabled == Status::fail ? rule_.severity : Status::warn,
                          "cloud-init is installed, but disabled: the machine would not be set up", evidence_,
                          marker || start.system == "upstart" ? "rm " + off : "systemctl unmask " + unit);
    }
    const auto& boot = boot_entry(context_);
    if (boot)
      for (const auto& value : option_values(boot.value().options, "cloud-init"))
        if (value == "disabled") {
          evidence_.push_back({shown(boot.value().source), "cloud-init=disabled on the kernel's command line"});
          return make_finding(rule_.disabled == Status::fail ? rule_.severity : Status::warn,
                              "cloud-init is installed, but disabled on the kernel's command line", evidence_,
                              "remove cloud-init=disabled from GRUB_CMDLINE_LINUX in /etc/default/grub, then " + boot_command(system_));
        }
    if (start.system.empty()) {
      evidence_.push_back({shown("/etc/systemd/system"), "no unit, generator, init script or runlevel link starts it"});
      return make_finding(rule_.disabled == Status::fail ? rule_.severity : Status::warn,
                          "cloud-init is installed, but nothing starts it", evidence_, enable_command());
    }
    evidence_.push_back({shown(start.evidence), "started by " + start.system});
    return {};
  }

  Finding sources() {
    const CloudConfig config = read_cloud_config(files_);
    if (!config.problems.empty()) {
      evidence_.push_back({shown("/etc/cloud"), describe(config.problems.front())});
      return make_finding(Status::unknown, "cloud-init's configuration could not be read", evidence_);
    }
    if (!config.any_file) {
      evidence_.push_back({shown("/etc/cloud/cloud.cfg"), "missing"});
      return make_finding(Status::warn, "cloud-init is installed, but has no configuration", evidence_,
                          install_command(system_, "--reinstall cloud-init"));
    }
    if (!rule_.sources.empty() && config.sources) {
      const bool allowed = std::ranges::any_of(rule_.sources, [&](const std::string& source) { return contains(*config.sources, source); });
      evidence_.push_back({shown(config.sources_path), "datasource_list: [" + list_text(*config.sources) + "]"});
      if (!allowed)
        return make_finding(Status::warn, "cloud-init does not look for a data source that the provider has: " + join(rule_.sources), evidence_,
                            "set datasource_list: [ " + list_text(rule_.sources) + ", None ] in /etc/cloud/cloud.cfg.d/99-import.cfg");
    } else if (!config.sources) {
      evidence_.push_back({shown("/etc/cloud/cloud.cfg"), "no datasource_list: all data sources are tried"});
    }
    if (config.network_off) {
      evidence_.push_back({shown(config.network_path), "network: {config: disabled}"});
      return make_finding(Status::warn, "cloud-init must not set up the network", evidence_, "rm " + config.network_path);
    }
    if (!version_.empty() && compare_versions(without_epoch(version_), "17.1") < 0)
      return make_finding(Status::warn, "cloud-init " + version_ + " is older than the versions that are known to work (17.1)", evidence_,
                          install_command(system_, "cloud-init") + " from a newer source");
    return make_finding(Status::pass, "cloud-init is installed and enabled", evidence_);
  }

  static std::string list_text(const Names& names) {
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
    return out;
  }
  static std::string without_epoch(const std::string& version) {
    const std::size_t colon = version.find(':');
    return colon == std::string::npos ? version : version.substr(colon + 1);
  }

  const CheckContext& context_;
  const GuestFiles& files_;
  const AgentRule& rule_;
  Distribution system_;
  std::string version_;
  std::vector<Evidence> evidence_;
};

}  // namespace

Finding check_cloud_init(const CheckContext& context) { return CloudInitCheck(context).run(); }

}  // namespace imgfs::checkers
