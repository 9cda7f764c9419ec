// cloud-init of a Windows guest: cloudbase-init, its service and its configuration.
#include <map>
#include <sstream>

#include "checkers/windows_checks.h"
#include "checkers/windows_facts.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kConfigurationLimit = 1 << 20;
constexpr const char* kFix =
    "start the machine where it runs now, install cloudbase-init (CloudbaseInitSetup_x64.msi) as the "
    "provider's page says, let its service start automatically, and do not run Sysprep at its end";

/// key = value lines. People paste prompts and commands from the guide into it: lines of any other
/// form are passed over.
std::map<std::string, std::string> read_configuration(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    const std::string_view key = trimmed(std::string_view(line).substr(0, equals));
    if (equals == std::string::npos || key.empty() || key.front() == '#' || key.front() == ';') continue;
    out[std::string(key)] = trimmed(std::string_view(line).substr(equals + 1));
  }
  return out;
}

bool is_false(std::string_view text) { return text == "false" || text == "False" || text == "FALSE" || text == "0"; }

std::string program_folder(const GuestFiles& files) {
  for (const char* folder : {"/Program Files/Cloudbase Solutions/Cloudbase-Init",
                             "/Program Files (x86)/Cloudbase Solutions/Cloudbase-Init"})
    if (files.stat(folder)) return folder;
  return "";
}

Finding warned(std::string summary, std::vector<Evidence> evidence) {
  return make_finding(Status::warn, std::move(summary), std::move(evidence), kFix);
}

/// The services that the data may come from; `sources` are named as cloud-init names them.
bool has_source(const std::string& services, const Names& sources) {
  for (const std::string& source : sources)
    if (services.find(source + "Service") != std::string::npos) return true;
  return sources.empty();
}

Finding check_configuration(const CheckContext& context, const std::string& folder, std::vector<Evidence> evidence) {
  const std::string path = folder + "/conf/cloudbase-init.conf";
  const auto text = context.guest->read_text(path, kConfigurationLimit);
  if (!text && text.error().code != Errc::not_found)
    return could_not("the configuration of cloudbase-init", text.error(), context.guest->shown(path));
  if (!text) {
    evidence.push_back({context.guest->shown(path), "missing"});
    return warned("cloudbase-init has no configuration", std::move(evidence));
  }
  auto settings = read_configuration(text.value());
  const std::string services = settings["metadata_services"];
  evidence.push_back({context.guest->shown(path), "metadata_services = " + (services.empty() ? "(default)" : printable(services))});
  // Without the setting all services are tried, ConfigDrive among them.
  if (!services.empty() && !has_source(services, context.rules.cloud_init.sources))
    return warned("cloudbase-init does not look at " + join(context.rules.cloud_init.sources), std::move(evidence));
  if (is_false(settings["inject_user_password"])) {
    evidence.push_back({context.guest->shown(path), "inject_user_password = " + printable(settings["inject_user_password"])});
    return warned("cloudbase-init does not set the password", std::move(evidence));
  }
  return make_finding(Status::pass, "cloudbase-init is installed and starts automatically", std::move(evidence));
}

}  // namespace

Finding check_windows_agent(const CheckContext& context) {
  const WindowsFacts& facts = windows_facts(context);
  const std::string hive = context.guest->shown(facts.system_directory + "/System32/config/SYSTEM");
  if (!facts.system) return could_not("the SYSTEM hive", facts.system.error(), hive);
  if (facts.control_set.empty() || !current_control(facts, "Services"))
    return make_finding(Status::unknown, "the SYSTEM hive does not say which control set is current",
                        {{"HKLM\\SYSTEM\\Select", "no Current, or no services there"}});
  const std::string key = registry_path(facts, "Services\\cloudbase-init");
  const auto service = current_control(facts, "Services\\cloudbase-init");
  const std::string folder = program_folder(*context.guest);
  std::vector<Evidence> evidence;
  if (!service) {
    evidence.push_back({key, "missing"});
    if (!folder.empty()) evidence.push_back({context.guest->shown(folder), "files without a service"});
    if (const std::string doubt = hive_doubt(facts.system); !doubt.empty()) {
      evidence.push_back({hive, doubt});
      return make_finding(Status::unknown, "whether cloudbase-init is installed is not sure", std::move(evidence));
    }
    return warned("cloudbase-init is not installed: password, host name and disk size are not set at the first start",
                  std::move(evidence));
  }
  const auto start = facts.system.value().number(*service, "Start");
  evidence.push_back({key, start ? "Start = " + std::to_string(*start) : "no Start"});
  if (folder.empty()) return warned("the service of cloudbase-init is there, but its files are not", std::move(evidence));
  if (!start || *start != 2) return warned("cloudbase-init does not start automatically", std::move(evidence));
  return check_configuration(context, folder, std::move(evidence));
}

}  // namespace imgfs::checkers
