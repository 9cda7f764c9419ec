#pragma once

#include "core/file_system.h"

namespace imgfs::fat {

/// This file system's row in the table of those that can be read.
FileSystemType file_system_type();

}  // namespace imgfs::fat
