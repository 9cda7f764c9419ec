#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ext/superblock.h"

namespace imgfs::ext {

/// Where a name belongs in a hashed directory.
struct NameHash {
  std::uint32_t major = 0;  ///< even: bit 0 of an index entry means "goes on in the next block"
  std::uint32_t minor = 0;
};

/// Hash versions as the index root stores them.
enum HashVersion : std::uint8_t {
  kHashLegacy = 0,
  kHashHalfMd4 = 1,
  kHashTea = 2,
  kHashLegacyUnsigned = 3,
  kHashHalfMd4Unsigned = 4,
  kHashTeaUnsigned = 5,
  kHashSipHash = 6,  ///< needs the directory's key
};

/// The hash of `name`; nothing for a version that cannot be computed. `version` is as stored: the
/// superblock says whether it means unsigned characters.
std::optional<NameHash> hash_name(const Superblock& super, std::uint8_t version,
                                  std::string_view name);

}  // namespace imgfs::ext
