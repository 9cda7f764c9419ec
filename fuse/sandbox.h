#pragma once

#include <cstddef>
#include <string>

#include "core/result.h"

namespace imgfs {

/// Who is locked up. The server only reads what it has open; the reporter's libraries also make
/// memory files of their own.
enum class SandboxRole { server, reporter };

struct SandboxLimits {
  std::size_t address_space = 0;  ///< bytes; 0: none
  unsigned cpu_seconds = 0;       ///< 0: none
  bool may_write_files = false;   ///< the server's log goes to a file
};

/// Locks this process up for good: no capability, no new privileges, Landlock without any rule where
/// the kernel has it, limits, and a seccomp filter. Call before threads exist and after everything is
/// open. Gives what is in force, for people ("landlock=7 seccomp=on capabilities=none"); fails where
/// seccomp cannot be had, since then nothing would hold.
Result<std::string> close_sandbox(SandboxRole role, const SandboxLimits& limits);

/// What this kernel would give: "landlock=7 seccomp=available". Changes nothing.
std::string sandbox_support();

}  // namespace imgfs
