#pragma once

#include <string>
#include <string_view>

namespace imgfs {

enum class LogLevel { debug, info, warning, error, off };

struct LogOptions {
  LogLevel level = LogLevel::warning;
  std::string file;  ///< empty: standard error
};

/// Sets the log up; call once, before threads. Where the file cannot be opened, says why and nothing
/// changes.
bool start_log(const LogOptions& options, std::string& problem);

/// Writes one line, made printable, where the level is enabled. Safe for any number of threads.
void log(LogLevel level, std::string_view line);

/// Whether a line of this level would be written.
bool logs(LogLevel level);

}  // namespace imgfs
