// OSTree keeps complete roots side by side; source: ostree's "deployments" and "boot loader" pages.
#include <algorithm>
#include <tuple>

#include "vfs/boot_entries.h"
#include "vfs/evidence.h"

namespace imgfs {

namespace {

constexpr std::size_t kMostDeployments = 100;

/// Where "ostree=/ostree/boot.1/OS/HASH/0" of the entry that boots by default leads.
std::optional<NodeId> named_by_boot_entry(const Views& views, const Look& look,
                                          const std::vector<Look>& boots) {
  for (const Look& boot : boots) {
    const auto entry = default_boot_entry(boot);
    if (!entry) continue;
    const std::string path = kernel_argument(entry->options, "ostree");
    if (path.empty()) continue;
    if (const auto found = resolve(views, look.root(), path)) return found.value().node;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Deployment> find_deployments(const Look& look) {
  std::vector<Deployment> deployments;
  for (const std::string& os : look.names("ostree/deploy")) {
    const std::string os_path = "ostree/deploy/" + os;
    for (const std::string& name : look.names(os_path + "/deploy")) {
      const std::string path = os_path + "/deploy/" + name;
      if (name.ends_with(".origin") || !look.is_directory(path + "/usr")) continue;
      deployments.push_back({path, os_path});
      if (deployments.size() == kMostDeployments) return deployments;
    }
  }
  return deployments;
}

const Deployment& choose_deployment(const Views& views, const Look& look,
                                    const std::vector<Deployment>& deployments,
                                    const std::vector<Look>& boots) {
  if (const auto named = named_by_boot_entry(views, look, boots))
    for (const Deployment& deployment : deployments)
      if (look.directory(deployment.path) == named) return deployment;
  const auto age = [&](const Deployment& deployment) {
    const auto found = resolve(views, look.root(), deployment.path);
    const Timestamp at = found ? found.value().attributes.modified : Timestamp{};
    return std::tuple(at.seconds, at.nanoseconds);
  };
  return *std::ranges::max_element(deployments, {}, age);
}

}  // namespace imgfs
