#pragma once

#include <string>

#include "ext/file_map.h"

namespace imgfs::ext {

/// The value of an extended attribute that has an inode of its own, its hash verified.
Result<std::string> read_ea_inode(const Storage& storage, const LeafCache& leaves,
                                  const XattrEntry& entry);

}  // namespace imgfs::ext
