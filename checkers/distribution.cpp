#include "checkers/distribution.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxFile = 64 << 10;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The first number with its dots: "7.9.2009" of "CentOS Linux release 7.9.2009 (Core)".
std::string first_number(std::string_view text) {
  const auto begin = std::ranges::find_if(text, is_digit);
  const auto end = std::find_if(begin, text.end(), [](char c) { return !is_digit(c) && c != '.'; });
  std::string number(begin, end);
  while (number.ends_with('.')) number.pop_back();
  return number;
}

/// How policies spell the distributions whose name is not simply os-release's ID.
struct Known {
  std::string_view id;
  std::string_view token;
  Tooling tooling;
};
constexpr Known kKnown[] = {
    {"debian", "debian", Tooling::debian},
    {"ubuntu", "ubuntu", Tooling::debian},
    {"linuxmint", "linuxmint", Tooling::debian},
    {"raspbian", "raspbian", Tooling::debian},
    {"kali", "kali", Tooling::debian},
    {"deepin", "deepin", Tooling::debian},
    {"devuan", "devuan", Tooling::debian},
    {"centos", "centos", Tooling::redhat},
    {"rhel", "rhel", Tooling::redhat},
    {"redhat", "rhel", Tooling::redhat},
    {"fedora", "fedora", Tooling::redhat},
    {"rocky", "rocky", Tooling::redhat},
    {"almalinux", "almalinux", Tooling::redhat},
    {"ol", "oracle", Tooling::redhat},
    {"amzn", "amazon", Tooling::redhat},
    {"anolis", "anolis", Tooling::redhat},
    {"openeuler", "openeuler", Tooling::redhat},
    {"opencloudos", "opencloudos", Tooling::redhat},
    {"tencentos", "tencentos", Tooling::redhat},
    {"tlinux", "tencentos", Tooling::redhat},
    {"kylin", "kylin", Tooling::redhat},
    {"neokylin", "neokylin", Tooling::redhat},
    {"rhcos", "rhcos", Tooling::other},
    {"sles", "suse", Tooling::suse},
    {"sles_sap", "suse", Tooling::suse},
    {"sled", "suse", Tooling::suse},
    {"suse", "suse", Tooling::suse},
    {"coreos", "coreos", Tooling::other},
    {"flatcar", "flatcar", Tooling::other},
    {"freebsd", "freebsd", Tooling::other},
    {"arch", "arch", Tooling::arch},
    {"archlinux", "arch", Tooling::arch},
    {"alpine", "alpine", Tooling::alpine},
};

Tooling tooling_of(std::string_view id) {
  for (const auto& known : kKnown)
    if (known.id == id) return known.tooling;
  return id.starts_with("opensuse") ? Tooling::suse : Tooling::other;
}

void set_token(Distribution& out, const GuestFiles& files) {
  out.token = out.id;
  for (const auto& known : kKnown)
    if (known.id == out.id) out.token = std::string(known.token);
  if (out.id.starts_with("opensuse")) out.token = "opensuse";
  out.tooling = tooling_of(out.id);
  for (const auto& like : out.like)
    if (out.tooling == Tooling::other && out.token != "flatcar" && out.token != "rhcos")
      out.tooling = tooling_of(like);
  if (out.token == "centos" && out.name.find("Stream") != std::string::npos)
    out.token = "centos-stream";
  // UOS and Kylin come in two kinds: of Red Hat's family (servers) and of Debian's (desktops).
  if (out.token == "uos" || out.token == "kylin")
    out.tooling = files.stat("/var/lib/dpkg/status") ? Tooling::debian : Tooling::redhat;
}

bool usable(const Distribution& out) { return !out.id.empty(); }

void from_os_release(std::string_view text, Distribution& out) {
  out.id = lower(shell_value(text, "ID").value_or(""));
  out.name = shell_value(text, "NAME").value_or("");
  if (out.name.empty()) out.name = shell_value(text, "PRETTY_NAME").value_or(out.id);
  out.version = shell_value(text, "VERSION_ID").value_or("");
  std::string words = lower(shell_value(text, "ID_LIKE").value_or(""));
  for (std::size_t begin = 0; begin < words.size();) {
    const std::size_t end = std::min(words.find(' ', begin), words.size());
    if (end > begin) out.like.push_back(words.substr(begin, end - begin));
    begin = end + 1;
  }
  const std::string variant = shell_value(text, "VARIANT_ID").value_or("");
  if (out.id == "fedora" && variant == "coreos") out.id = "fedora-coreos";
}

void from_lsb_release(std::string_view text, Distribution& out) {
  out.id = lower(shell_value(text, "DISTRIB_ID").value_or(""));
  out.name = shell_value(text, "DISTRIB_ID").value_or("");
  out.version = shell_value(text, "DISTRIB_RELEASE").value_or("");
}

/// One-line files, in the order in which they decide: a derivative's own file first.
struct ReleaseFile {
  std::string_view path;
  std::string_view id;    ///< empty: by its words
};
constexpr ReleaseFile kReleaseFiles[] = {
    {"/etc/opencloudos-release", "opencloudos"}, {"/etc/tencentos-release", "tencentos"},
    {"/etc/tlinux-release", "tencentos"},        {"/etc/kylin-release", "kylin"},
    {"/etc/neokylin-release", "neokylin"},       {"/etc/uos-release", "uos"},
    {"/etc/oracle-release", "ol"},               {"/etc/enterprise-release", "ol"},
    {"/etc/almalinux-release", "almalinux"},     {"/etc/rocky-release", "rocky"},
    {"/etc/centos-release", ""},                 {"/etc/fedora-release", "fedora"},
    {"/etc/redhat-release", ""},                 {"/etc/SuSE-release", ""},
    {"/etc/debian_version", "debian"},           {"/etc/alpine-release", "alpine"},
    {"/etc/arch-release", "arch"},               {"/etc/system-release", ""},
};

struct Word {
  std::string_view word;
  std::string_view id;
};
constexpr Word kWords[] = {
    {"TencentOS", "tencentos"}, {"OpenCloudOS", "opencloudos"}, {"AlmaLinux", "almalinux"},
    {"Rocky", "rocky"},         {"CentOS", "centos"},           {"Fedora", "fedora"},
    {"Oracle", "ol"},           {"Amazon", "amzn"},             {"Red Hat", "rhel"},
    {"SUSE Linux", "sles"},     {"openSUSE", "opensuse"},       {"Kylin", "kylin"},
};

void from_release_file(std::string_view text, const ReleaseFile& file, Distribution& out) {
  const std::string_view line = trimmed(text.substr(0, text.find('\n')));
  out.id = std::string(file.id);
  for (const auto& word : kWords)
    if (out.id.empty() && line.find(word.word) != std::string_view::npos)
      out.id = std::string(word.id);
  out.name = std::string(line.substr(0, line.find(" release")));
  out.version = first_number(line);
  if (file.path == "/etc/SuSE-release") {
    out.version = shell_value(text, "VERSION").value_or(out.version);
    if (const auto level = shell_value(text, "PATCHLEVEL"); level && *level != "0")
      out.version += "." + *level;
  }
  if (file.id == "debian") {
    out.name = "Debian GNU/Linux";
    if (out.version.empty()) out.version = std::string(line);
  }
}

/// The minor number stands only in the release file of some.
void refine_version(const GuestFiles& files, Distribution& out) {
  if (out.version.find('.') != std::string::npos) return;
  const char* path = out.token == "debian"   ? "/etc/debian_version"
                     : out.token == "centos" ? "/etc/centos-release"
                     : out.token == "rocky"  ? "/etc/rocky-release"
                                             : nullptr;
  if (path == nullptr) return;
  const auto text = files.read_text(path, kMaxFile);
  if (!text) return;
  const std::string number = first_number(text.value());
  if (number.starts_with(out.version + ".")) out.version = number;
}

}  // namespace

std::optional<std::string> shell_value(std::string_view text, std::string_view key) {
  std::optional<std::string> value;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with("export ")) line = trimmed(line.substr(7));
    if (!line.starts_with(key)) continue;
    line = trimmed(line.substr(key.size()));
    if (!line.starts_with('=')) continue;
    line = trimmed(line.substr(1));
    std::string out;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (c == '\\' && quote != '\'' && i + 1 < line.size()) {
        out += line[++i];
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      } else if (quote == 0 && (c == ' ' || c == '\t' || c == '#')) {
        break;
      } else {
        out += c;
      }
    }
    value = out;  // the last one counts, as in a shell
  }
  return value;
}

std::string major_version(std::string_view version) {
  return std::string(version.substr(0, version.find('.')));
}

Result<Distribution> find_distribution(const GuestFiles& files) {
  Distribution out;
  struct Shell {
    const char* path;
    void (*read)(std::string_view, Distribution&);
  };
  constexpr Shell kShell[] = {{"/etc/os-release", from_os_release},
                              {"/usr/lib/os-release", from_os_release},
                              {"/etc/lsb-release", from_lsb_release},
                              {"/usr/share/coreos/lsb-release", from_lsb_release}};
  std::optional<Error> problem;
  const auto try_file = [&](std::string_view path, auto read) {
    const auto text = files.read_text(path, kMaxFile);
    if (!text) {
      if (text.error().code != Errc::not_found && !problem)
        problem = in_context(text.error(), path);
      return false;
    }
    out = {};
    read(text.value());
    out.evidence = std::string(path);
    if (!usable(out)) return false;
    set_token(out, files);
    refine_version(files, out);
    return true;
  };
  for (const Shell& shell : kShell) {
    if (try_file(shell.path, [&](std::string_view text) { shell.read(text, out); })) return out;
    if (problem) return *problem;
  }
  for (const auto& file : kReleaseFiles) {
    if (try_file(file.path, [&](std::string_view text) { from_release_file(text, file, out); }))
      return out;
    if (problem) return *problem;
  }
  return Error{Errc::not_found, "no os-release or other release file"};
}

int compare_versions(std::string_view left, std::string_view right) {
  const auto letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
  const auto other = [&](char c) { return !is_digit(c) && !letter(c) && c != '~'; };
  while (true) {
    while (!left.empty() && other(left[0])) left.remove_prefix(1);
    while (!right.empty() && other(right[0])) right.remove_prefix(1);
    const bool left_tilde = left.starts_with('~');
    const bool right_tilde = right.starts_with('~');
    if (left_tilde || right_tilde) {
      if (!left_tilde) return 1;
      if (!right_tilde) return -1;
      left.remove_prefix(1);
      right.remove_prefix(1);
      continue;
    }
    if (left.empty() || right.empty())
      return left.empty() ? (right.empty() ? 0 : -1) : 1;
    const bool number = is_digit(left[0]);
    const auto piece = [&](std::string_view& text) {
      std::size_t count = 0;
      while (count < text.size() && (number ? is_digit(text[count]) : letter(text[count]))) ++count;
      const std::string_view out = text.substr(0, count);
      text.remove_prefix(count);
      return out;
    };
    std::string_view a = piece(left);
    std::string_view b = piece(right);
    if (b.empty()) return number ? 1 : -1;  // a number is newer than a word
    if (number) {
      while (a.starts_with('0')) a.remove_prefix(1);
      while (b.starts_with('0')) b.remove_prefix(1);
      if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    }
    if (const int order = a.compare(b); order != 0) return order;
  }
}

std::string rebuild_command(const Distribution& distribution, std::string_view version,
                            std::string_view modules) {
  const std::string kernel = version.empty() ? "$(uname -r)" : std::string(version);
  const std::string names(modules);
  switch (distribution.tooling) {
    case Tooling::debian:
      return "printf '%s\\n' " + names + " >> /etc/initramfs-tools/modules && update-initramfs -u -k " +
             kernel;
    case Tooling::redhat:
      if (major_version(distribution.version) == "5" && distribution.token != "anolis") {
        std::string with;
        for (std::size_t begin = 0; begin < names.size();) {
          const std::size_t end = std::min(names.find(' ', begin), names.size());
          with += " --with=" + names.substr(begin, end - begin);
          begin = end + 1;
        }
        return "mkinitrd -f" + with + " /boot/initrd-" + kernel + ".img " + kernel;
      }
      return "dracut -f --add-drivers \"" + names + "\" /boot/initramfs-" + kernel + ".img " + kernel;
    case Tooling::suse:
      if (compare_versions(distribution.version, "12") < 0 && distribution.token == "suse")
        return "add \"" + names +
               "\" to INITRD_MODULES in /etc/sysconfig/kernel and run mkinitrd";
      return "dracut -f --add-drivers \"" + names + "\" /boot/initrd-" + kernel + " " + kernel;
    case Tooling::arch:
      return "add \"" + names + "\" to MODULES in /etc/mkinitcpio.conf and run mkinitcpio -P";
    case Tooling::alpine: return "add \"virtio\" to features in /etc/mkinitfs/mkinitfs.conf and run mkinitfs " + kernel;
    case Tooling::other: break;
  }
  return "make the initramfs of " + kernel + " anew with " + names + " (dracut -f --add-drivers \"" +
         names + "\", or update-initramfs -u -k " + kernel + ")";
}

std::string install_command(const Distribution& distribution, std::string_view package) {
  const std::string name(package);
  switch (distribution.tooling) {
    case Tooling::debian: return "apt-get install " + name;
    case Tooling::redhat: {
      const std::string major = major_version(distribution.version);
      const bool yum = major == "5" || major == "6" || major == "7" || major == "2";
      return (yum && distribution.token != "fedora" ? "yum install " : "dnf install ") + name;
    }
    case Tooling::suse: return "zypper install " + name;
    case Tooling::arch: return "pacman -S " + name;
    case Tooling::alpine: return "apk add " + name;
    case Tooling::other: break;
  }
  return "install " + name + " with the distribution's package manager (apt-get, dnf, zypper)";
}

std::string boot_command(const Distribution& distribution) {
  switch (distribution.tooling) {
    case Tooling::debian: return "update-grub";
    case Tooling::redhat:
      if (compare_versions(distribution.version, "7") < 0 && !distribution.version.empty() &&
          distribution.token != "fedora")
        return "edit /boot/grub/grub.conf";
      return "grub2-mkconfig -o /boot/grub2/grub.cfg";
    case Tooling::suse: return "grub2-mkconfig -o /boot/grub2/grub.cfg";
    case Tooling::arch:
    case Tooling::alpine: return "grub-mkconfig -o /boot/grub/grub.cfg";
    case Tooling::other: break;
  }
  return "write the boot loader's configuration anew (update-grub or grub2-mkconfig)";
}

}  // namespace imgfs::checkers
