#include <cstddef>
#include <cstdint>
#include <string_view>

#include "checkers/policy_reader.h"

/// Any text as a user's policy: a mistake is an error, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(imgfs::checkers::parse_policy({reinterpret_cast<const char*>(data), size}, "p.yaml"));
  return 0;
}
