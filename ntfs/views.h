#pragma once

#include <optional>
#include <string>

#include "ntfs/file.h"

namespace imgfs::ntfs {

/// The security descriptor (self-relative) number `id` out of $Secure; nothing where there is none.
Result<std::optional<std::string>> security_descriptor(const Volume& volume, std::uint32_t id);

/// The three birth identifiers (48 bytes) that $ObjId keeps for an object id (16 bytes); nothing
/// where it keeps none.
Result<std::optional<std::string>> birth_identifiers(const Volume& volume,
                                                     std::string_view object_id);

}  // namespace imgfs::ntfs
