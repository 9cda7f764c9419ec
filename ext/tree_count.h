#pragma once

#include <cstdint>

#include "ext/file_map.h"

namespace imgfs::ext {

/// Counts, in blocks of the file system, what cutting a file off at `first` (a block of the file)
/// frees: data, and tree blocks that have nothing left to point to. `visited` counts the tree blocks that
/// are read, over as many files as share it: too_large above a million.
Result<std::uint64_t> count_freed(const Storage& storage, const Inode& inode, std::uint64_t first,
                                  std::uint64_t& visited);

}  // namespace imgfs::ext
