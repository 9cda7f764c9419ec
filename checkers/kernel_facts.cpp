#include "checkers/kernel_facts.h"

#include <algorithm>
#include <array>

#include "checkers/boot_entry.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxList = 16 << 20;
constexpr std::size_t kMaxWalk = 20'000;

/// Modules that a policy may ask for, and the option that builds each.
struct DriverOption {
  std::string_view module;
  std::string_view option;
};
constexpr DriverOption kOptions[] = {
    {"virtio", "CONFIG_VIRTIO"},          {"virtio_ring", "CONFIG_VIRTIO"},
    {"virtio_pci", "CONFIG_VIRTIO_PCI"},  {"virtio_blk", "CONFIG_VIRTIO_BLK"},
    {"virtio_net", "CONFIG_VIRTIO_NET"},  {"virtio_scsi", "CONFIG_SCSI_VIRTIO"},
    {"hv_vmbus", "CONFIG_HYPERV"},        {"hv_storvsc", "CONFIG_HYPERV_STORAGE"},
    {"hv_netvsc", "CONFIG_HYPERV_NET"},   {"nvme", "CONFIG_BLK_DEV_NVME"},
    {"ena", "CONFIG_ENA_ETHERNET"},       {"scsi_transport_fc", "CONFIG_SCSI_FC_ATTRS"},
    {"xen_blkfront", "CONFIG_XEN_BLKDEV_FRONTEND"},
};
/// What each needs where no list of dependencies says so.
struct DriverNeeds {
  std::string_view module;
  std::array<std::string_view, 2> needs;
};
constexpr DriverNeeds kNeeds[] = {
    {"virtio_ring", {"virtio", ""}},          {"virtio_pci", {"virtio_ring", "virtio"}},
    {"virtio_blk", {"virtio_ring", "virtio"}}, {"virtio_scsi", {"virtio_ring", "virtio"}},
    {"virtio_net", {"virtio_ring", "virtio"}}, {"hv_storvsc", {"hv_vmbus", ""}},
};

std::string_view option_of(std::string_view module) {
  for (const auto& row : kOptions)
    if (row.module == module) return row.option;
  return {};
}

template <class Visit>
void each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

class Finder {
 public:
  Finder(const GuestFiles& files, std::string_view version) : files_(files) {
    facts_.version = std::string(version);
  }

  KernelFacts find() {
    for (const std::string root : {"/lib/modules/", "/usr/lib/modules/"})
      if (facts_.directory.empty() && !facts_.version.empty() && files_.stat(root + facts_.version))
        facts_.directory = root + facts_.version;
    read_config();
    if (facts_.directory.empty()) return std::move(facts_);
    if (const auto text = read(facts_.directory + "/modules.builtin")) {
      facts_.has_builtin_list = true;
      each_line(*text, [&](std::string_view line) {
        if (auto name = module_name(trimmed(line)); !name.empty()) facts_.built_in.insert(std::move(name));
      });
    }
    if (const auto text = read(facts_.directory + "/modules.dep")) {
      facts_.has_module_list = true;
      read_dependencies(*text);
    }
    if (facts_.modules.empty()) walk();
    return std::move(facts_);
  }

 private:
  std::optional<std::string> read(const std::string& path) {
    auto text = files_.read_text(path, kMaxList);
    if (text) return std::move(text.value());
    if (text.error().code != Errc::not_found) facts_.problems.push_back(in_context(text.error(), path));
    return {};
  }

  void read_config() {
    if (facts_.version.empty()) return;
    std::vector<std::string> places = {"/boot/config-" + facts_.version};
    if (!facts_.directory.empty()) {
      places.push_back(facts_.directory + "/config");
      places.push_back(facts_.directory + "/build/.config");
    }
    for (const auto& place : places) {
      const auto text = read(place);
      if (!text) continue;
      facts_.config = place;
      each_line(*text, [&](std::string_view line) {
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || equals + 1 >= line.size()) return;
        const std::string_view name = line.substr(0, equals);
        const char value = line[equals + 1];
        const bool wanted = std::ranges::any_of(kOptions, [&](const auto& row) { return row.option == name; }) ||
                            name == "CONFIG_MODULES" || name == "CONFIG_X86_XEN" || name == "CONFIG_X86_64_XEN";
        if (wanted && (value == 'y' || value == 'm')) facts_.options.emplace(std::string(name), value);
      });
      return;
    }
  }

  void read_dependencies(std::string_view text) {
    each_line(text, [&](std::string_view line) {
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) return;
      const std::string name = module_name(line.substr(0, colon));
      if (name.empty() || option_of(name).empty()) {
        // Only what the drivers themselves may need is kept.
        if (!name.starts_with("virtio") && !name.starts_with("hv_") && !name.starts_with("scsi")) return;
      }
      if (name.empty()) return;
      std::string_view path = line.substr(0, colon);
      const std::string prefix = facts_.directory + "/";
      if (path.starts_with(prefix)) path.remove_prefix(prefix.size());
      // The list may be older than the files: what it names must be there. No kernel has a thousand such.
      if (++looked_for_ > kMaxWalk) {
        if (looked_for_ == kMaxWalk + 1)
          facts_.problems.push_back({Errc::too_large, facts_.directory + "/modules.dep: more than 20,000 drivers", {}});
        return;
      }
      const std::string whole = path.starts_with('/') ? std::string(path) : prefix + std::string(path);
      const auto there = files_.stat(whole);
      if (!there) {
        if (there.error().code != Errc::not_found)
          facts_.problems.push_back(in_context(there.error(), whole));
        return;
      }
      facts_.modules[name] = path.starts_with('/') ? std::string(path) : std::string(path);
      auto& needs = facts_.needs[name];
      std::string_view rest = line.substr(colon + 1);
      while (!rest.empty() && needs.size() < 64) {
        rest = trimmed(rest);
        const std::size_t end = std::min(rest.find(' '), rest.size());
        if (auto need = module_name(rest.substr(0, end)); !need.empty()) needs.push_back(std::move(need));
        rest.remove_prefix(end);
      }
    });
  }

  /// Without a usable list: the files themselves.
  void walk() {
    std::vector<std::string> stack = {""};
    std::size_t seen = 0;
    while (!stack.empty() && seen < kMaxWalk) {
      const std::string below = std::move(stack.back());
      stack.pop_back();
      if (std::ranges::count(below, '/') > 8) continue;
      const auto names = files_.list(facts_.directory + below, kMaxWalk);
      if (!names) {
        if (names.error().code != Errc::not_directory && names.error().code != Errc::not_found)
          facts_.problems.push_back(in_context(names.error(), facts_.directory + below));
        continue;
      }
      for (const auto& name : names.value()) {
        if (++seen > kMaxWalk) {
          facts_.problems.push_back({Errc::too_large, facts_.directory + ": more than 20,000 files"});
          break;
        }
        const std::string path = below + "/" + name;
        const std::string module = module_name(name);
        if (!module.empty()) {
          if (!option_of(module).empty()) facts_.modules.emplace(module, path.substr(1));
        } else if (name != "build" && name != "source" && name.find('.') == std::string::npos) {
          stack.push_back(path);
        }
      }
    }
  }

  const GuestFiles& files_;
  KernelFacts facts_;
  std::size_t looked_for_ = 0;
};

}  // namespace

DriverState KernelFacts::state(std::string_view module) const {
  if (built_in.contains(module)) return DriverState::built_in;
  const auto option = options.find(option_of(module));
  const bool in_config = config && !option_of(module).empty();
  if (in_config && option != options.end() && option->second == 'y') return DriverState::built_in;
  if (modules.contains(module)) return DriverState::module;
  if (!problems.empty()) return DriverState::unknown;
  if (in_config && option == options.end()) return DriverState::absent;
  // Configured as a module, or not told: the lists together are complete.
  if (has_builtin_list && (has_module_list || in_config)) return DriverState::absent;
  if (in_config && !directory.empty()) return DriverState::absent;
  return DriverState::unknown;
}

std::string KernelFacts::evidence(std::string_view module) const {
  if (built_in.contains(module)) return directory + "/modules.builtin";
  const auto option = options.find(option_of(module));
  if (config && option != options.end() && option->second == 'y') return *config;
  if (const auto found = modules.find(module); found != modules.end())
    return found->second.starts_with('/') ? found->second : directory + "/" + found->second;
  if (config) return *config;
  return directory.empty() ? "/lib/modules" : directory;
}

std::vector<std::string> KernelFacts::closure(const std::vector<std::string>& wanted) const {
  std::vector<std::string> out;
  std::vector<std::string> stack(wanted.rbegin(), wanted.rend());
  std::set<std::string, std::less<>> seen;
  while (!stack.empty() && seen.size() < 256) {
    const std::string name = std::move(stack.back());
    stack.pop_back();
    if (!seen.insert(name).second || state(name) == DriverState::built_in) continue;
    out.push_back(name);
    if (const auto found = needs.find(name); found != needs.end()) {
      stack.insert(stack.end(), found->second.begin(), found->second.end());
      continue;
    }
    for (const auto& row : kNeeds)
      if (row.module == name)
        for (const auto need : row.needs)
          if (!need.empty()) stack.emplace_back(need);
  }
  return out;
}

KernelFacts find_kernel_facts(const GuestFiles& files, std::string_view version) {
  return Finder(files, version).find();
}

std::string module_name(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  for (const std::string_view suffix : {".xz", ".zst", ".gz", ".lzma", ".bz2"})
    if (name.ends_with(suffix)) {
      name.remove_suffix(suffix.size());
      break;
    }
  if (name.ends_with(".ko")) name.remove_suffix(3);
  else if (name.ends_with(".o")) name.remove_suffix(2);
  else return {};
  std::string out(name);
  std::ranges::replace(out, '-', '_');
  return out;
}

}  // namespace imgfs::checkers
