#include "checkers/boot_entry.h"

#include <algorithm>
#include <array>
#include <optional>

#include "checkers/distribution.h"
#include "checkers/initramfs.h"
#include "core/bytes.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxConfig = 1 << 20;
constexpr std::size_t kMaxNames = 4096;
constexpr std::size_t kMaxLoaderEntry = 64 << 10;  // bytes; all of a directory are held at a time

/// The text of a file that may be missing. Keeps the first problem that is not its absence.
class Reader {
 public:
  explicit Reader(const GuestFiles& files) : files_(files) {}
  std::optional<std::string> text(std::string_view path, std::size_t limit = kMaxConfig) {
    auto text = files_.read_text(path, limit);
    if (text) return std::move(text.value());
    note(text.error(), path);
    return {};
  }
  std::vector<std::string> list(std::string_view path) {
    auto names = files_.list(path, kMaxNames);
    if (names) return std::move(names.value());
    note(names.error(), path);
    return {};
  }
  bool exists(std::string_view path) const { return bool(files_.stat(path)); }
  const GuestFiles& files() const { return files_; }
  const std::optional<Error>& problem() const { return problem_; }

 private:
  void note(const Error& error, std::string_view path) {
    if (error.code == Errc::not_found || error.code == Errc::not_directory) return;
    if (!problem_) problem_ = in_context(error, path);
  }
  const GuestFiles& files_;
  std::optional<Error> problem_;
};

std::string base_name(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

/// Where the guest sees what a boot loader calls `path`: its own partition is its root. `beside` is
/// the directory of the configuration, for names without a slash in front.
std::string guest_path(const Reader& reader, std::string path, std::string_view beside) {
  if (path.starts_with('(')) path.erase(0, std::min(path.find(')'), path.size() - 1) + 1);
  std::ranges::replace(path, '\\', '/');
  if (path.starts_with("/@/")) path.erase(0, 2);  // a btrfs subvolume
  if (path.empty()) return path;
  if (path[0] != '/') path = std::string(beside) + "/" + path;
  const std::array<std::string, 4> candidates = {
      path.starts_with("/boot/") ? path : "/boot" + path, path, "/boot/efi" + path, "/efi" + path};
  for (const auto& candidate : candidates)
    if (reader.exists(candidate)) return candidate;
  return candidates[0];
}

/// The version that a Linux kernel's own header gives; empty where it has none.
/// Source: Linux, Documentation/arch/x86/boot.rst, kernel_version.
std::string header_version(const GuestFiles& files, std::string_view path) {
  std::array<std::byte, 0x210> head;
  const auto count = files.read(path, 0, head);
  if (!count || count.value() != head.size()) return {};
  if (as_chars(std::span(head).subspan(0x202, 4)) != "HdrS") return {};
  const std::uint16_t offset = get<le16>(head, 0x20e)->value();
  if (offset == 0) return {};
  std::array<std::byte, 128> text;
  const auto got = files.read(path, 0x200ULL + offset, text);
  if (!got) return {};
  std::string_view version = as_chars(std::span(text).first(got.value()));
  version = version.substr(0, version.find_first_of(std::string_view(" \0", 2)));
  return version.find('/') == std::string_view::npos ? std::string(version) : std::string();
}

std::string version_in_name(std::string name) {
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  for (const std::string_view prefix :
       {"vmlinuz-", "vmlinux-", "bzImage-", "kernel-", "linux-", "Image-", "kernel-genkernel-x86_64-"})
    if (name.starts_with(prefix)) {
      const std::string version = name.substr(prefix.size());
      if (!version.empty() && version[0] >= '0' && version[0] <= '9') return version;
    }
  return {};
}

std::string modules_directory(const GuestFiles& files, const std::string& version) {
  for (const std::string root : {"/lib/modules/", "/usr/lib/modules/"})
    if (!version.empty() && files.stat(root + version)) return root + version;
  return {};
}

void find_version(const GuestFiles& files, BootEntry& entry) {
  entry.version = version_in_name(base_name(entry.kernel));
  if (entry.version.empty())
    if (const auto target = files.read_link(entry.kernel))
      entry.version = version_in_name(base_name(target.value()));
  if (!modules_directory(files, entry.version).empty()) return;
  const std::string own = header_version(files, entry.kernel);
  if (!own.empty() && (entry.version.empty() || !modules_directory(files, own).empty()))
    entry.version = own;
}

BootEntry resolved(const Reader& reader, const MenuEntry& menu, std::string_view beside) {
  BootEntry entry;
  entry.title = menu.title.empty() ? menu.id : menu.title;
  entry.kernel = guest_path(reader, menu.kernel, beside);
  for (const auto& initrd : menu.initrds)
    if (!initrd.empty()) entry.initrds.push_back(guest_path(reader, initrd, beside));
  entry.options = menu.options;
  entry.command_line_known = true;
  find_version(reader.files(), entry);
  return entry;
}

/// Entries of loader/entries, the newest first, as GRUB and systemd-boot order them by version.
Menu loader_entries(Reader& reader, const std::string& directory) {
  Menu menu;
  for (const auto& name : reader.list(directory)) {
    if (!name.ends_with(".conf") || menu.entries.size() >= 512) continue;
    if (const auto text = reader.text(directory + "/" + name, kMaxLoaderEntry))
      menu.entries.push_back(parse_loader_entry(*text, name));
  }
  std::ranges::stable_sort(menu.entries, [](const MenuEntry& a, const MenuEntry& b) {
    return compare_versions(a.id, b.id) > 0;
  });
  for (std::size_t i = 0; i < menu.entries.size(); ++i) menu.entries[i].path = std::to_string(i);
  return menu;
}

std::string directory_of(std::string_view path) {
  return std::string(path.substr(0, path.rfind('/')));
}

std::optional<BootEntry> grub_entry(Reader& reader, const std::string& config) {
  const auto text = reader.text(config);
  if (!text) return {};
  const std::string beside = directory_of(config);
  std::string environment;
  for (const std::string& place : {beside + "/grubenv", std::string("/boot/grub2/grubenv"),
                                   std::string("/boot/grub/grubenv")})
    if (environment.empty()) environment = reader.text(place).value_or("");
  Menu menu = parse_grub(*text, environment);
  if (menu.boot_loader_specification) {
    Menu more = loader_entries(reader, "/boot/loader/entries");
    for (auto& entry : more.entries) {
      entry.options = expand_grub(entry.options, environment);
      entry.path = std::to_string(menu.entries.size());
      menu.entries.push_back(std::move(entry));
    }
  }
  if (menu.entries.empty()) return {};
  const MenuEntry* chosen = selected_entry(menu);
  if (chosen == nullptr) chosen = &menu.entries.front();  // as GRUB does it
  BootEntry entry = resolved(reader, *chosen, "");
  entry.loader = "GRUB 2";
  entry.source = config;
  if (menu.boot_loader_specification && !chosen->id.empty()) {
    const std::string file = "/boot/loader/entries/" + chosen->id + ".conf";
    if (reader.exists(file)) entry.source = file;
  }
  return entry;
}

std::optional<BootEntry> find_grub(Reader& reader) {
  std::vector<std::string> configs = {"/boot/grub2/grub.cfg", "/boot/grub/grub.cfg"};
  for (const std::string root : {"/boot/efi/EFI/", "/efi/EFI/"})
    for (const auto& vendor : reader.list(root)) configs.push_back(root + vendor + "/grub.cfg");
  for (const auto& config : configs)
    if (auto entry = grub_entry(reader, config)) return entry;
  return {};
}

std::optional<BootEntry> find_grub_legacy(Reader& reader) {
  for (const std::string config : {"/boot/grub/grub.conf", "/boot/grub/menu.lst", "/etc/grub.conf"}) {
    const auto text = reader.text(config);
    if (!text) continue;
    const Menu menu = parse_grub_legacy(*text, reader.text("/boot/grub/default").value_or(""));
    if (menu.entries.empty()) continue;
    const MenuEntry* chosen = selected_entry(menu);
    if (chosen == nullptr) chosen = &menu.entries.front();
    BootEntry entry = resolved(reader, *chosen, "");
    entry.loader = "GRUB legacy";
    entry.source = config;
    return entry;
  }
  return {};
}

/// systemd-boot's pattern: '*' and '?'. Linear: goes back to the last star only.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

BootEntry unified_entry(const Reader& reader, const std::string& path) {
  BootEntry entry;
  entry.kernel = path;
  entry.unified = true;
  entry.title = base_name(path);
  const auto sections = pe_sections(reader.files(), path);
  if (!sections) return entry;
  for (const auto& section : sections.value()) {
    if (section.name != ".cmdline" && section.name != ".uname") continue;
    std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(section.size, 16384)), '\0');
    const auto count = reader.files().read(path, section.offset,
                                           std::as_writable_bytes(std::span(text.data(), text.size())));
    if (!count) continue;
    text.resize(count.value());
    text = text.substr(0, text.find('\0'));
    if (section.name == ".uname") {
      entry.version = std::string(trimmed(text));
    } else {
      entry.options = std::string(trimmed(text));
      entry.command_line_known = true;
    }
  }
  return entry;
}

std::optional<BootEntry> find_systemd_boot(Reader& reader) {
  struct Candidate {
    std::string id;
    MenuEntry menu;
    std::string unified;
  };
  std::vector<Candidate> candidates;
  std::string pattern;
  std::string source;
  for (const std::string root : {"/boot", "/efi", "/boot/efi"}) {
    if (const auto text = reader.text(root + "/loader/loader.conf")) {
      source = root + "/loader/loader.conf";
      const MenuEntry unused;
      std::string_view rest = *text;
      while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (line.starts_with("default")) pattern = std::string(trimmed(line.substr(7)));
      }
    }
    for (auto& entry : loader_entries(reader, root + "/loader/entries").entries)
      candidates.push_back({entry.id + ".conf", std::move(entry), ""});
    for (const auto& name : reader.list(root + "/EFI/Linux"))
      if (name.ends_with(".efi")) candidates.push_back({name, {}, root + "/EFI/Linux/" + name});
  }
  if (candidates.empty()) return {};
  std::ranges::stable_sort(candidates, [](const Candidate& a, const Candidate& b) {
    return compare_versions(a.id, b.id) > 0;
  });
  const Candidate* chosen = &candidates.front();
  for (const auto& candidate : candidates)
    if (!pattern.empty() && (matches(pattern, candidate.id) || pattern + ".conf" == candidate.id)) {
      chosen = &candidate;
      break;
    }
  BootEntry entry = chosen->unified.empty() ? resolved(reader, chosen->menu, "")
                                            : unified_entry(reader, chosen->unified);
  if (entry.version.empty()) find_version(reader.files(), entry);
  entry.loader = "systemd-boot";
  entry.source = source.empty() ? entry.kernel : source;
  return entry;
}

std::optional<BootEntry> find_extlinux(Reader& reader) {
  for (const std::string config :
       {"/boot/extlinux/extlinux.conf", "/boot/extlinux.conf", "/boot/syslinux/syslinux.cfg",
        "/boot/syslinux/extlinux.conf", "/boot/efi/syslinux/syslinux.cfg", "/extlinux.conf"}) {
    const auto text = reader.text(config);
    if (!text) continue;
    const Menu menu = parse_extlinux(*text);
    const MenuEntry* chosen = selected_entry(menu);
    if (chosen == nullptr) continue;
    BootEntry entry = resolved(reader, *chosen, directory_of(config));
    entry.loader = "extlinux";
    entry.source = config;
    return entry;
  }
  return {};
}

/// The initramfs that goes with a kernel by its name: the shortest of the names that fit.
std::string initrd_of(const std::vector<std::string>& names, const std::string& version) {
  std::string best;
  for (const auto& name : names) {
    const bool fits = (name.starts_with("initrd") || name.starts_with("initramfs")) &&
                      name.find("-" + version) != std::string::npos &&
                      name.find("kdump") == std::string::npos;
    if (fits && (best.empty() || name.size() < best.size())) best = name;
  }
  return best;
}

std::optional<BootEntry> find_newest(Reader& reader) {
  std::string best;
  std::string kernel;
  const auto names = reader.list("/boot");
  for (const auto& name : names) {
    const std::string version = version_in_name(name);
    if (version.empty() || name.find("rescue") != std::string::npos) continue;
    if (best.empty() || compare_versions(version, best) > 0) {
      best = version;
      kernel = "/boot/" + name;
    }
  }
  for (const std::string root : {"/lib/modules", "/usr/lib/modules"})
    for (const auto& version : kernel.empty() ? reader.list(root) : std::vector<std::string>())
      if (reader.exists(root + "/" + version + "/vmlinuz") &&
          (best.empty() || compare_versions(version, best) > 0)) {
        best = version;
        kernel = root + "/" + version + "/vmlinuz";
      }
  if (kernel.empty() && reader.exists("/boot/vmlinuz")) kernel = "/boot/vmlinuz";
  if (kernel.empty()) return {};
  BootEntry entry;
  entry.kernel = kernel;
  find_version(reader.files(), entry);
  if (!best.empty() && entry.version.empty()) entry.version = best;
  if (const std::string initrd = initrd_of(names, entry.version); !initrd.empty())
    entry.initrds.push_back("/boot/" + initrd);
  entry.loader = "newest kernel";
  entry.source = kernel;
  return entry;
}

}  // namespace

Result<BootEntry> find_boot_entry(const GuestFiles& files) {
  Reader reader(files);
  for (const auto find : {find_grub, find_grub_legacy, find_extlinux, find_systemd_boot}) {
    if (auto entry = find(reader); entry && !entry->kernel.empty()) return std::move(*entry);
    // A configuration that is there but cannot be read: what it says is not known, not absent.
    if (reader.problem()) return *reader.problem();
  }
  if (auto entry = find_newest(reader)) return std::move(*entry);
  if (reader.problem()) return *reader.problem();
  return Error{Errc::not_found, "no kernel in /boot and no boot loader's configuration"};
}

}  // namespace imgfs::checkers
