#pragma once

#include <span>
#include <string>

#include "core/bytes.h"
#include "core/result.h"

namespace imgfs::xfs {

/// Turns an access control list as XFS stores it into the value of "system.posix_acl_access": a le32
/// version 2, then tag, permissions (le16) and id (le32) of each entry.
Result<std::string> posix_acl(std::span<const std::byte> stored);

}  // namespace imgfs::xfs
