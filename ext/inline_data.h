#pragma once

#include <vector>

#include "ext/inode.h"

namespace imgfs::ext {

/// What an inode with inline data holds: its block area, and the rest in an extended attribute. May
/// be longer than the file.
Result<std::vector<std::byte>> read_inline_data(const Storage& storage, const Inode& inode);

}  // namespace imgfs::ext
