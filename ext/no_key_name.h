#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "ext/name_hash.h"

namespace imgfs::ext {

/// An encrypted name as the kernel shows it without the key: the directory hash, the name's first
/// 149 bytes and, where it is longer, the SHA-256 of the rest, all in URL-safe base64. At most 252
/// characters.
std::string no_key_name(std::string_view encrypted, NameHash hash);

/// The directory hash in such a name; nothing where `name` is not one.
std::optional<NameHash> no_key_hash(std::string_view name);

}  // namespace imgfs::ext
