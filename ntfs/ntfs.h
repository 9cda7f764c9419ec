#pragma once

#include "core/file_system.h"

namespace imgfs::ntfs {

/// This file system's row in the table of those that can be read.
FileSystemType file_system_type();

}  // namespace imgfs::ntfs
