#pragma once

#include <string>
#include <string_view>

#include "ext/file_map.h"

namespace imgfs::ext {

/// The value of an attribute of `owner` that has an inode of its own; the hashes of the value and
/// of the entry verified.
Result<std::string> read_ea_inode(const Storage& storage, const LeafCache& leaves,
                                  const Inode& owner, const XattrEntry& entry,
                                  std::string_view name);

}  // namespace imgfs::ext
