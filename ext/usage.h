#pragma once

#include "core/file_system.h"
#include "ext/inode.h"

namespace imgfs::ext {

/// statfs as the kernel's driver answers it. `journal_blocks`: of a journal inside the file system.
SpaceUsage space_usage(const Storage& storage, std::uint64_t journal_blocks);

}  // namespace imgfs::ext
