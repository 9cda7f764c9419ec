#pragma once

#include <string>
#include <vector>

#include "core/file_system.h"
#include "drivers/qcow2_header.h"

namespace imgfs::qcow2 {

/// The names of the internal snapshots (its id where a snapshot has none). A table that cannot be
/// read gives what could be, and a remark.
std::vector<std::string> snapshot_names(const BlockDevice& file, const Header& header,
                                        std::vector<Remark>& remarks);

/// The end of the last cluster of the file that the refcounts say is in use, in bytes; nothing where
/// they cannot be read. Two reads, whatever the size of the image.
Result<std::uint64_t> used_end(const BlockDevice& file, const Header& header);

}  // namespace imgfs::qcow2
