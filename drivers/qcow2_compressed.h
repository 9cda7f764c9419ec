#pragma once

#include <vector>

#include "drivers/qcow2_header.h"

namespace imgfs::qcow2 {

/// Reads and decompresses the cluster that the L2 entry `entry` (with its compressed bit) names.
/// One whole cluster, or an error.
Result<std::vector<std::byte>> read_compressed(const BlockDevice& file, const Header& header,
                                               std::uint64_t entry);

}  // namespace imgfs::qcow2
