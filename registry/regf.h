#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/function_ref.h"
#include "core/result.h"

namespace imgfs::registry {

/// A value of a key.
struct Value {
  std::string name;  ///< WTF-8; empty for the default value
  std::uint32_t type;
  std::string bytes;
};

constexpr std::size_t kLongestValue = 16344;  ///< bytes; longer ones are cut into pieces on disk
constexpr std::size_t kMostValues = 4096;     ///< of a key
constexpr std::size_t kMostSubkeys = 65536;   ///< of a key

/// Reads bytes of a hive at an offset; short only at its end.
using ReadHive = FunctionRef<Result<std::size_t>(std::uint64_t offset, std::span<std::byte> out)>;

/// The values of the key at `path` ("Setup\\Status", ASCII, whose case does not matter) of a hive, read
/// cell by cell where it lies: for what must not take a whole hive into memory. Values of more than
/// kLongestValue bytes are left out. Transaction logs are not looked at.
/// Errors: not_found; corrupt; too_large above the bounds; those of `read`.
Result<std::vector<Value>> key_values(ReadHive read, std::string_view path);

}  // namespace imgfs::registry
