#pragma once

#include <string>

#include "xfs/inode.h"
#include "xfs/volume.h"

namespace imgfs::xfs {

/// The target of a symbolic link, bytes as stored. `inode` must be one.
Result<std::string> read_symlink(const Volume& volume, const Inode& inode);

}  // namespace imgfs::xfs
