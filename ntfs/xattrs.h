#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ntfs/file.h"
#include "ntfs/nature.h"

namespace imgfs::ntfs {

/// The names of alternate data streams, as "user.NAME". Other attributes are there by name only, as
/// with ntfs-3g.
Result<std::vector<std::string>> list_streams(File& file, const Nature& nature);

/// The value of a stream ("user.NAME") or of one of ntfs-3g's "system.ntfs_…" attributes;
/// no_attribute where there is none.
Result<std::string> extended_attribute(const Volume& volume, File& file, const Nature& nature,
                                       std::string_view name);

}  // namespace imgfs::ntfs
