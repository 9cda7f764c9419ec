#pragma once

#include "core/file_system.h"
#include "vfs/tree.h"

namespace imgfs {

/// SEEK_DATA and SEEK_HOLE in the bytes of a device: what its layers know to be zeros is a hole.
Result<std::uint64_t> seek_device(const BlockDevice& device, std::uint64_t offset,
                                  Tree::Seek whence);
/// The same in a file of `size` bytes.
Result<std::uint64_t> seek_file(const FileSystem& fs, std::uint64_t inode, std::uint64_t size,
                                std::uint64_t offset, Tree::Seek whence);

}  // namespace imgfs
