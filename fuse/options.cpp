#include "fuse/options.h"

#include <charconv>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>

#include "core/text.h"

namespace imgfs {
namespace {

Error usage(std::string what) {
  return {Errc::invalid, std::move(what) + " (see imgfs --help)", {}};
}

/// What mount(8) and fstab pass along, and what is always as we have it.
bool is_ignored(const std::string& option) {
  static const char* const kIgnored[] = {"ro",      "defaults", "nosuid",    "nodev",  "auto",
                                         "noauto",  "user",     "nouser",    "users",  "owner",
                                         "_netdev", "nofail",   "noatime",   "relatime", "nodiratime",
                                         "noexec",  "loop",     "nouser_xattr", "async", "big_writes"};
  for (const char* ignored : kIgnored)
    if (option == ignored) return true;
  return option.starts_with("x-") || option.starts_with("comment=");
}

/// What goes to the FUSE mount unchanged.
bool is_passed_on(const std::string& option) {
  static const char* const kPassed[] = {"allow_other", "default_permissions", "fsname=", "max_read=",
                                        "context=", "fscontext="};
  for (const char* passed : kPassed)
    if (option.starts_with(passed)) return true;
  return false;
}

Result<std::size_t> parse_cache(const std::string& text) {
  unsigned value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value > 65536)
    return usage("cache_mb=" + text + ": expected a number of MiB up to 65536");
  return std::size_t{value} << 20;
}

Result<bool> parse_switch(const std::string& key, const std::string& value) {
  if (value == "on") return true;
  if (value == "off") return false;
  return usage(key + "=" + value + ": expected on or off");
}

Result<void> set_value(Options& options, const std::string& key, const std::string& value) {
  if (key == "format") {
    options.open.format = TRY(parse_format(value));
  } else if (key == "policy") {
    options.policy = value;
  } else if (key == "symlinks") {
    if (value != "contained" && value != "raw") return usage("symlinks=" + value + ": expected contained or raw");
    options.links = value == "raw" ? Links::raw : Links::contained;
  } else if (key == "backing") {
    options.open.backing = TRY(parse_backing(value));
  } else if (key == "recovery") {
    if (value != "log" && value != "none") return usage("recovery=" + value + ": expected log or none");
    options.recovery = value == "none" ? Recovery::none : Recovery::log;
  } else if (key == "report") {
    options.report = TRY(parse_switch(key, value));
  } else if (key == "sandbox") {
    options.sandbox = TRY(parse_switch(key, value)) ? Sandbox::on : Sandbox::off;
  } else if (key == "cache_mb") {
    options.cache_bytes = TRY(parse_cache(value));
  } else if (key == "log_level") {
    options.log.level = TRY(parse_log_level(value));
  } else if (key == "log_file") {
    options.log.file = std::filesystem::absolute(value).string();
  } else {
    return usage("unknown option " + printable(key));
  }
  return success();
}

struct MountFlags {
  bool exec = false;
  bool allow_other = false;
  bool default_permissions = false;
  bool no_default_permissions = false;
  std::string passed;
};

Result<void> set_option(Options& options, MountFlags& flags, const std::string& option) {
  if (option.empty() || is_ignored(option)) return success();
  if (option == "rw") return usage("imgfs mounts read-only: rw is refused");
  if (option == "suid" || option == "dev") return success();  // never: nosuid and nodev stay
  if (option == "exec") {
    flags.exec = true;
  } else if (option == "nonempty") {
    options.allow_non_empty = true;
  } else if (option == "no_default_permissions") {
    flags.no_default_permissions = true;
  } else if (is_passed_on(option)) {
    flags.allow_other |= option == "allow_other";
    flags.default_permissions |= option == "default_permissions";
    flags.passed += "," + option;
  } else {
    const std::size_t equals = option.find('=');
    const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
    TRY(set_value(options, option.substr(0, equals), value));
  }
  return success();
}

/// -o's argument: commas separate, a backslash keeps one.
std::vector<std::string> split_options(const std::string& text) {
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size())
      out.back() += text[++i];
    else if (text[i] == ',')
      out.emplace_back();
    else
      out.back() += text[i];
  }
  return out;
}

void finish(Options& options, const MountFlags& flags) {
  // rootcontext and such aside, these four hold whatever was asked for.
  options.mount_options = std::string("ro,nosuid,nodev") + (flags.exec ? "" : ",noexec") + flags.passed;
  // Others see the tree as the guest's owners would: only then do its permission bits count.
  if (flags.allow_other && !flags.default_permissions && !flags.no_default_permissions)
    options.mount_options += ",default_permissions";
  if (flags.passed.find("fsname=") == std::string::npos) {
    std::string name = options.image;
    for (char& c : name)
      if (c == ',' || c == '\\') c = '_';  // both would end the option
    options.mount_options += ",fsname=" + name;
  }
  options.mount_options += ",subtype=imgfs";
}

}  // namespace

Result<Backing> parse_backing(const std::string& text) {
  if (text == "deny") return Backing::deny;
  if (text == "same-dir") return Backing::same_dir;
  if (text == "any") return Backing::any;
  return usage("backing=" + text + ": expected deny, same-dir or any");
}

Result<std::string> parse_format(const std::string& text) {
  std::string names;
  for (const ImageFormat& format : image_formats()) {
    if (format.name == text) return text;
    names += (names.empty() ? "" : ", ") + std::string(format.name);
  }
  return usage("format=" + text + ": expected one of " + names);
}

Result<LogLevel> parse_log_level(const std::string& text) {
  static const std::map<std::string, LogLevel> kLevels = {{"debug", LogLevel::debug},
                                                          {"info", LogLevel::info},
                                                          {"warning", LogLevel::warning},
                                                          {"error", LogLevel::error},
                                                          {"off", LogLevel::off}};
  const auto found = kLevels.find(text);
  if (found == kLevels.end())
    return usage("log_level=" + text + ": expected debug, info, warning, error or off");
  return found->second;
}

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options options;
  MountFlags flags;
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-h" || argument == "--help") {
      options.help = true;
    } else if (argument == "-V" || argument == "--version") {
      options.version = true;
    } else if (argument == "-v" || argument == "--verbose") {
      options.verbose = true;
    } else if (argument == "-f") {
      options.foreground = true;
    } else if (argument == "-d") {
      options.foreground = options.debug = true;
    } else if (argument == "-s" || argument == "-n") {
      // mount(8) helpers pass them: neither means anything here
    } else if (argument.starts_with("-o")) {
      if (argument.size() == 2 && i + 1 == arguments.size()) return usage("-o needs options");
      const std::string text = argument.size() > 2 ? argument.substr(2) : arguments[++i];
      for (const std::string& option : split_options(text)) TRY(set_option(options, flags, option));
    } else if (argument.size() > 1 && argument.front() == '-') {
      return usage("unknown argument " + printable(argument));
    } else {
      paths.push_back(argument);
    }
  }
  if (options.help || options.version) return options;
  if (paths.size() != 2) return usage("expected IMAGE and MOUNTPOINT");
  options.image_shown = paths[0];
  options.image = std::filesystem::absolute(paths[0]).string();
  options.mount_point = std::filesystem::absolute(paths[1]).lexically_normal().string();
  while (options.mount_point.size() > 1 && options.mount_point.back() == '/') options.mount_point.pop_back();
  if (options.debug) options.log.level = LogLevel::debug;
  finish(options, flags);
  return options;
}

std::string usage_text() {
  return R"(usage: imgfs IMAGE MOUNTPOINT [-f] [-d] [-o OPTION,...]

Mounts the disk image IMAGE (raw, VHD, QCOW2, VMDK, VHDX, VDI) read-only at
MOUNTPOINT: /p1, /p2 ... are its file systems, /root the installed system,
/.raw the bytes, /.import-report says whether a cloud would take it.
Unmount with: umount MOUNTPOINT, or fusermount3 -u MOUNTPOINT

  -f               stay in the foreground
  -d               the same, with a debugging log
  -h, --help       this text
  -V, --version    the version; with -v also what the sandbox is made of

Options:
  format=F         raw, vhd, qcow2, vmdk, vhdx or vdi; else by the file's bytes
  policy=P         name or file of the rule set for the report (tencent-cvm)
  symlinks=MODE    contained (links never lead outside) or raw (as stored)
  backing=WHERE    deny, same-dir or any: where files may lie that IMAGE names
  recovery=MODE    log (dirty journals are replayed in memory) or none
  report=on|off    whether /.import-report is there (on)
  sandbox=on|off   whether the server is locked up after the mount (on)
  cache_mb=N       memory for decompressed clusters, in MiB (64)
  log_level=L      debug, info, warning, error or off (warning)
  log_file=FILE    where the log goes; standard error without
  exec             allow programs of the guest to be run
  allow_other      let other users in, under the guest's permission bits
  nonempty         mount over a directory that is not empty
)";
}

}  // namespace imgfs
