#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "vfs/tree.h"

namespace imgfs {

/// All file systems that can be read, in the order in which they are tried.
std::span<const FileSystemType> file_system_types();

/// Opens what lies on each volume: types, labels, directories, problems. At most `most` volumes get
/// a directory.
std::vector<TreeVolume> open_volumes(const std::vector<Volume>& volumes, Recovery recovery,
                                     std::span<const FileSystemType> types, std::size_t most);

}  // namespace imgfs
