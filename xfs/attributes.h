#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "xfs/inode.h"
#include "xfs/volume.h"

namespace imgfs::xfs {

/// All extended attributes of an inode, named as the kernel's listxattr does for root: an access control
/// list appears twice, as "system.posix_acl_…" and as "trusted.SGI_ACL_…".
Result<std::vector<std::string>> list_attributes(const Volume& volume, const Inode& inode);
/// The value; no_attribute where there is none. "system.posix_acl_…" in the form of that interface.
Result<std::string> attribute(const Volume& volume, const Inode& inode, std::string_view name);

}  // namespace imgfs::xfs
