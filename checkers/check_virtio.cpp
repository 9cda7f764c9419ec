// virtio: would the kernel that boots by default find its disk, and have a network?
#include <algorithm>

#include "checkers/checker.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

/// The initramfs images of an entry, all together.
struct InitramfsView {
  InitramfsContent content;
  std::string path;                ///< of the last one that was read
  std::optional<Error> problem;
  bool missing = false;            ///< none is named, or the file is not there
  bool empty = false;              ///< it is there, but holds no file
};

InitramfsView view_initramfs(const CheckContext& context, const BootEntry& entry, const Names& wanted) {
  InitramfsView view;
  struct Piece {
    std::string path;
    std::uint64_t offset;
    std::uint64_t size;
  };
  std::vector<Piece> pieces;
  if (entry.unified) {
    const auto sections = pe_sections(*context.guest, entry.kernel);
    if (!sections) view.problem = in_context(sections.error(), entry.kernel);
    else
      for (const auto& section : sections.value())
        if (section.name == ".initrd") pieces.push_back({entry.kernel, section.offset, section.size});
  }
  for (const auto& initrd : entry.initrds) {
    const auto attributes = context.guest->stat(initrd);
    if (attributes) pieces.push_back({initrd, 0, attributes.value().size});
    else if (attributes.error().code != Errc::not_found) view.problem = in_context(attributes.error(), initrd);
    if (!attributes) view.path = initrd;
  }
  view.missing = pieces.empty() && !view.problem;
  for (const auto& piece : pieces) {
    view.path = piece.path;
    std::string key = piece.path;
    for (const auto& name : wanted) key += " " + name;
    auto found = context.facts.initramfs.find(key);
    if (found == context.facts.initramfs.end()) {
      FileSource source(*context.guest, piece.path, piece.offset, piece.size);
      found = context.facts.initramfs.emplace(key, scan_initramfs(source, entry.version, wanted)).first;
    }
    if (!found->second) {
      view.problem = in_context(found->second.error(), piece.path);
      continue;
    }
    const InitramfsContent& content = found->second.value();
    view.content.modules.insert(content.modules.begin(), content.modules.end());
    view.content.versions.insert(content.versions.begin(), content.versions.end());
    view.content.parts.insert(view.content.parts.end(), content.parts.begin(), content.parts.end());
    view.content.entries += content.entries;
    view.content.all_modules += content.all_modules;
  }
  view.empty = !pieces.empty() && !view.problem && view.content.entries == 0;
  return view;
}

class VirtioCheck {
 public:
  VirtioCheck(const CheckContext& context, const BootEntry& entry)
      : context_(context), rule_(context.rules.virtio), entry_(entry), facts_(kernel_facts(context)) {
    const auto& found = distribution(context);
    if (found) system_ = found.value();
    evidence_.push_back({shown(entry.source), "default entry (" + entry.loader + "): kernel " +
                                                  (entry.version.empty() ? entry.kernel : entry.version)});
  }

  Finding run() {
    if (entry_.version.empty() || (!facts_.config && facts_.directory.empty())) return no_facts();
    if (facts_.options.contains("CONFIG_X86_XEN") || facts_.options.contains("CONFIG_X86_64_XEN")) {
      evidence_.push_back({shown(*facts_.config), "CONFIG_X86_XEN"});
      return fail("kernel " + entry_.version + " is for Xen only: it does not start on KVM",
                  install_command(system_, "a kernel that is not for Xen") + "; " + boot_command(system_));
    }
    for (const auto& name : rule_.disk)
      if (auto finding = disk_driver(name)) return *finding;
    const Names needed = facts_.closure(rule_.disk);
    for (const auto& name : needed)
      if (facts_.state(name) == DriverState::unknown) return undecided(name);
    if (!needed.empty())
      if (auto finding = in_initramfs(needed)) return *finding;
    if (auto finding = network()) return *finding;
    if (auto finding = blacklisted(needed)) return *finding;
    return make_finding(Status::pass, needed.empty()
                                          ? "the " + rule_.title + " drivers are built into kernel " + entry_.version
                                          : "the " + rule_.title + " drivers of kernel " + entry_.version + " are in its initramfs",
                        evidence_);
  }

 private:
  std::string shown(std::string_view path) const { return context_.guest->shown(path); }

  Finding fail(std::string summary, std::string fix) {
    return make_finding(rule_.severity, std::move(summary), evidence_, std::move(fix));
  }
  Finding unknown(std::string summary) {
    return make_finding(Status::unknown, std::move(summary), evidence_);
  }

  Finding no_facts() {
    evidence_.push_back({shown(entry_.kernel), context_.guest->stat(entry_.kernel) ? "the kernel" : "missing"});
    evidence_.push_back({shown("/lib/modules/" + entry_.version), "no directory of modules, and no /boot/config"});
    return unknown("neither the configuration nor the modules of the kernel that boots are there");
  }

  Finding undecided(const std::string& name) {
    evidence_.push_back({shown(facts_.evidence(name)), name + ": not decided"});
    for (const Error& problem : facts_.problems) evidence_.push_back({shown(facts_.directory), describe(problem)});
    return unknown("whether kernel " + entry_.version + " has " + name + " could not be found out");
  }

  std::optional<Finding> disk_driver(const std::string& name) {
    switch (facts_.state(name)) {
      case DriverState::unknown: return undecided(name);
      case DriverState::absent: {
        evidence_.push_back({shown(facts_.evidence(name)), name + " is neither built in nor a module"});
        Finding finding = fail("kernel " + entry_.version + " has no driver " + name + ": it would not find its disk",
                               install_command(system_, system_.tooling == Tooling::debian ? "linux-image-amd64" : "kernel") +
                                   " (a kernel with " + name + "), then " + boot_command(system_));
        other_kernel(finding);
        return finding;
      }
      case DriverState::built_in: evidence_.push_back({shown(facts_.evidence(name)), name + " is built in"}); break;
      case DriverState::module: break;
    }
    return {};
  }

  /// Another installed kernel may have what the default one lacks: worth saying.
  void other_kernel(Finding& finding) {
    const auto names = context_.guest->list("/lib/modules", 64);
    if (!names) return;
    for (const auto& version : names.value()) {
      if (version == entry_.version) continue;
      const KernelFacts other = find_kernel_facts(*context_.guest, version);
      const bool all = std::ranges::all_of(rule_.disk, [&](const std::string& name) {
        const DriverState state = other.state(name);
        return state == DriverState::built_in || state == DriverState::module;
      });
      if (!all) continue;
      finding.evidence.push_back({shown("/lib/modules/" + version), "this other kernel has it"});
      finding.fix = "make kernel " + version + " the default (grub-set-default, grubby --set-default), or " + finding.fix.value_or("");
      return;
    }
  }

  std::optional<Finding> in_initramfs(const Names& needed) {
    const InitramfsView view = view_initramfs(context_, entry_, needed);
    Names missing;
    for (const auto& name : needed)
      if (!view.content.modules.contains(name)) missing.push_back(name);
    const std::string path = shown(view.path.empty() ? "/boot" : view.path);
    std::string format;
    for (const auto& part : view.content.parts) format += (format.empty() ? "" : " + ") + part;
    if (missing.empty()) {
      evidence_.push_back({path, "holds " + join(needed) + " (" + format + ")"});
      return {};
    }
    if (view.problem) {
      evidence_.push_back({path, describe(*view.problem)});
      return unknown("the initramfs of the default entry could not be read");
    }
    std::string words;
    for (const auto& name : rule_.disk) words += (words.empty() ? "" : " ") + name;
    for (const auto& name : rule_.network) words += " " + name;
    const std::string fix = rebuild_command(system_, entry_.version, words);
    if (view.missing) {
      evidence_.push_back({path, view.path.empty() ? "the entry names no initramfs" : "missing"});
      return make_finding(boot_is_readable() ? rule_.severity : Status::unknown,
                          rule_.disk.front() + " is a module, but the default entry has no initramfs to load it from",
                          evidence_, fix);
    }
    std::string detail = view.empty ? "no file in it" : "no " + join(missing) + " among its " +
                                     std::to_string(view.content.all_modules) + " modules (" + format + ")";
    if (!view.content.versions.empty()) detail += "; modules of kernel " + *view.content.versions.begin() + " are there";
    evidence_.push_back({path, detail});
    return fail("the initramfs of the default entry lacks " + join(missing) + ": the machine would not find its disk", fix);
  }

  /// False where /boot may lie on a volume that is not seen.
  bool boot_is_readable() const {
    return context_.installed->problems.empty() && context_.guest->stat(entry_.kernel).has_value();
  }

  std::optional<Finding> network() {
    bool unknown_state = false;
    for (const auto& name : rule_.network) {
      const DriverState state = facts_.state(name);
      if (state == DriverState::built_in || state == DriverState::module) {
        evidence_.push_back({shown(facts_.evidence(name)), name + (state == DriverState::module ? " is a module" : " is built in")});
        return {};
      }
      unknown_state |= state == DriverState::unknown;
    }
    const std::string name = rule_.network.front();
    if (unknown_state) return undecided(name);
    evidence_.push_back({shown(facts_.evidence(name)), "no " + join(rule_.network)});
    return fail("kernel " + entry_.version + " has no network driver " + join(rule_.network),
                install_command(system_, system_.tooling == Tooling::debian ? "linux-image-amd64" : "kernel") + " (a kernel with " + name + ")");
  }

  std::optional<Finding> blacklisted(const Names& needed) {
    const auto found = find_blacklisted(*context_.guest, entry_.options);
    if (!found) {
      evidence_.push_back({shown("/etc/modprobe.d"), describe(found.error())});
      return unknown("whether the drivers are blacklisted could not be found out");
    }
    Names all = needed;
    for (const auto& name : rule_.network)
      if (facts_.state(name) == DriverState::module) all.push_back(name);
    const Blacklisted* worst = nullptr;
    for (const auto& item : found.value())
      if (contains(all, item.module) && (worst == nullptr || (item.refused && !worst->refused))) worst = &item;
    if (worst == nullptr) return {};
    const bool in_file = worst->place.starts_with('/');
    evidence_.push_back({in_file ? shown(worst->place) : shown(entry_.source), worst->place + " " + worst->module});
    const std::string fix = (in_file ? "remove the line for " + worst->module + " from " + worst->place
                                     : "remove " + worst->place + worst->module + " from the kernel's command line: " + boot_command(system_)) +
                            ", then " + rebuild_command(system_, entry_.version, worst->module);
    return make_finding(worst->refused ? rule_.severity : Status::warn,
                        worst->module + (worst->refused ? " must not be loaded" : " is blacklisted") + ": the machine may not find its disk or network",
                        evidence_, fix);
  }

  const CheckContext& context_;
  const DriverRule& rule_;
  const BootEntry& entry_;
  const KernelFacts& facts_;
  Distribution system_;
  std::vector<Evidence> evidence_;
};

}  // namespace

Finding check_virtio(const CheckContext& context) {
  const auto& boot = boot_entry(context);
  if (boot) return VirtioCheck(context, boot.value()).run();
  if (boot.error().code != Errc::not_found)
    return could_not("the boot loader's configuration", boot.error(), context.guest->shown("/boot"));
  std::vector<Evidence> evidence = {{context.guest->shown("/boot"), describe(boot.error())}};
  for (const auto& problem : context.installed->problems)
    evidence.push_back({context.guest->shown("/etc/fstab"), problem});
  return make_finding(Status::unknown, "no kernel was found: what would boot is not known", evidence);
}

}  // namespace imgfs::checkers
