#include "xfs/usage.h"

#include <algorithm>

namespace imgfs::xfs {
namespace {

constexpr std::uint64_t kMaxInodes = (std::uint64_t{1} << 56) - 1;
constexpr std::uint64_t kSetAside = 8;  ///< blocks of each allocation group that no file may have

/// How many inodes the superblock's percentage allows; 0: no limit.
std::uint64_t inode_limit(const Superblock& sb) {
  if (sb.inode_percent == 0) return 0;
  const std::uint64_t chunk = std::max<std::uint64_t>(1, 64 >> sb.inodes_per_block_log);  // blocks of 64 inodes
  const std::uint64_t blocks = sb.blocks / 100 * sb.inode_percent + sb.blocks % 100 * sb.inode_percent / 100;
  return blocks / chunk * chunk << sb.inodes_per_block_log;
}

}  // namespace

SpaceUsage space_usage(const Superblock& sb) {
  SpaceUsage out;
  out.block_size = sb.block_size;
  const std::uint64_t log = sb.log_start != 0 ? sb.log_blocks : 0;
  out.blocks = sb.blocks - std::min(sb.blocks, log);
  const std::uint64_t aside = kSetAside * sb.ag_count;
  out.blocks_free = std::min(sb.blocks, sb.blocks_free);
  out.blocks_free -= std::min(out.blocks_free, aside);
  out.blocks_available = out.blocks_free;
  std::uint64_t inodes = std::min(sb.inode_count + (out.blocks_free << sb.inodes_per_block_log), kMaxInodes);
  if (const std::uint64_t limit = inode_limit(sb); limit != 0) inodes = std::min(inodes, limit);
  out.inodes = std::max(inodes, sb.inode_count);
  const std::uint64_t used = sb.inode_count - std::min(sb.inode_count, sb.inodes_free);
  out.inodes_free = out.inodes - std::min(out.inodes, used);
  return out;
}

}  // namespace imgfs::xfs
