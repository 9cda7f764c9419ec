#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ext/file_map.h"

namespace imgfs::ext {

/// Name indexes as they are stored. Source: kernel documentation, ext4 attributes.
enum XattrIndex : std::uint8_t {
  kXattrUser = 1,
  kXattrAclAccess = 2,
  kXattrAclDefault = 3,
  kXattrTrusted = 4,
  kXattrSecurity = 6,
  kXattrSystem = 7,
};

/// Names with their prefixes, those in the inode first. What the kernel keeps for itself (inline
/// data, the encryption's own) is left out.
Result<std::vector<std::string>> list_xattrs(const Storage& storage, const Inode& inode);

/// The value; ACLs in the form in which the kernel gives them. no_attribute where there is none.
Result<std::string> read_xattr(const Storage& storage, const LeafCache& leaves, const Inode& inode,
                               std::string_view name);

/// The bytes that an inode keeps for its inline data; nothing where it has none.
Result<std::optional<std::vector<std::byte>>> inline_xattr(const Storage& storage,
                                                           const Inode& inode);

/// A stored ACL as the kernel's `system.posix_acl_*` attributes show it.
Result<std::string> acl_to_kernel_form(std::span<const std::byte> stored);

}  // namespace imgfs::ext
