#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "ext/file_map.h"

namespace imgfs::ext {

/// What a mount does to inodes that were being deleted or cut off when the system stopped, as far
/// as it can be seen.
struct OrphanEffects {
  /// i_blocks (in 512 bytes) of files whose end is cut off, ascending by inode.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> sectors;
  std::uint64_t freed_sectors = 0;
  std::uint32_t freed_inodes = 0;
  std::uint32_t count = 0;  ///< inodes on the lists
};

/// Goes over the orphan list and the orphan file. Fails where one of them is damaged.
Result<OrphanEffects> process_orphans(const Storage& storage, const LeafCache& leaves);

}  // namespace imgfs::ext
