#pragma once

#include <string>
#include <vector>

#include "core/log.h"
#include "drivers/image_format.h"
#include "vfs/tree.h"

namespace imgfs {

enum class Sandbox { on, off };

/// What the user of `imgfs` asked for.
struct Options {
  std::string image;        ///< absolute
  std::string image_shown;  ///< as given, for the report
  std::string mount_point;  ///< absolute
  bool foreground = false;
  bool debug = false;
  bool help = false;
  bool version = false;
  bool verbose = false;
  bool allow_non_empty = false;
  OpenOptions open;
  std::string policy = "tencent-cvm";
  Links links = Links::contained;
  Recovery recovery = Recovery::log;
  bool report = true;
  Sandbox sandbox = Sandbox::on;
  std::size_t cache_bytes = std::size_t{64} << 20;
  LogOptions log;
  /// What goes to the mount as it is: "ro,nosuid,nodev,noexec,…".
  std::string mount_options;
};

/// Parses the command line of `imgfs`. A mistake is `invalid` with one sentence.
Result<Options> parse_options(const std::vector<std::string>& arguments);

/// The text of --help.
std::string usage_text();

/// "deny", "same-dir" or "any"; shared with imgfs-check.
Result<Backing> parse_backing(const std::string& text);
/// A format's name that image_formats() has.
Result<std::string> parse_format(const std::string& text);
Result<LogLevel> parse_log_level(const std::string& text);

}  // namespace imgfs
