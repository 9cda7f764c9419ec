#pragma once

#include <string>

#include "ext/file_map.h"

namespace imgfs::ext {

/// The target: out of the inode, a block, or inline data; an encrypted one in the form in which
/// kernels show it without the key.
Result<std::string> read_symlink(const Storage& storage, const LeafCache& leaves,
                                 const Inode& inode);

}  // namespace imgfs::ext
