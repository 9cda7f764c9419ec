#pragma once

#include <string_view>

#include "core/file_system.h"
#include "xfs/inode.h"
#include "xfs/volume.h"

namespace imgfs::xfs {

/// Lists, searches: as FileSystem's functions of these names. `inode` must be a directory.
Result<void> read_directory(const Volume& volume, const Inode& inode, std::uint64_t cookie, EntryVisitor visit);
enum class NameCase { exact, ignored };
Result<std::uint64_t> find_entry(const Volume& volume, const Inode& inode, std::string_view name, NameCase how);
Result<std::uint64_t> parent_of(const Volume& volume, const Inode& inode);

}  // namespace imgfs::xfs
