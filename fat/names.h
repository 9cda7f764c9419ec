#pragma once

#include <span>
#include <string>

#include "fat/fat_format.h"

namespace imgfs::fat {

/// An 8.3 name as Linux shows it: code page 437 as UTF-8, lower case where Windows NT's bits say
/// so.
std::string short_name(const ShortEntry& entry);

/// The checksum that binds a long name to its 8.3 name.
std::uint8_t short_name_checksum(const ShortEntry& entry);

/// Whether two names are the same but for the case of ASCII letters, as Linux compares them.
bool same_ignoring_case(std::string_view a, std::string_view b);

}  // namespace imgfs::fat
