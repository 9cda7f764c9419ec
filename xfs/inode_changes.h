#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace imgfs::xfs {

/// What finishing the log's intents changes of an inode. On disk it would take new blocks; here the new state is
/// kept beside the device.
struct InodeChange {
  std::optional<std::vector<std::byte>> extents;  ///< all of the data fork's, packed as on disk, in order
  std::uint64_t blocks = 0;                       ///< with `extents`: the inode's block count
  std::optional<std::uint64_t> size;              ///< bytes
  /// Extended attributes by their space (flag) and name: the new value; nothing where it is removed.
  std::map<std::pair<std::uint8_t, std::string>, std::optional<std::string>> attributes;
};
using InodeChanges = std::map<std::uint64_t, InodeChange>;

}  // namespace imgfs::xfs
