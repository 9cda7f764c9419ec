#include "xfs/usage.h"

#include <algorithm>
#include <vector>

#include "xfs/checksum.h"
#include "xfs/superblock_format.h"

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

struct Counters {
  std::uint64_t blocks_free = 0;
  std::uint64_t inodes = 0;
  std::uint64_t inodes_free = 0;
};

/// Adds one allocation group's.
Result<void> count_group(const BlockDevice& device, const Superblock& sb, std::uint32_t group, Counters& counters) {
  std::vector<std::byte> sector(sb.sector_size);
  const std::uint64_t start = std::uint64_t{group} * sb.ag_blocks << sb.block_log;
  TRY(device.read(start + sb.sector_size, sector));
  const auto agf = get<AgfOnDisk>(sector);
  if (!agf || agf->agf_magicnum.value() != AgfOnDisk::kMagic || agf->agf_seqno.value() != group)
    return corrupt("free space header: wrong magic or number", start + sb.sector_size);
  if (sb.v5) TRY(check_crc(sector, AgfOnDisk::kCrc, "free space header", start + sb.sector_size));
  counters.blocks_free += std::uint64_t{agf->agf_freeblks.value()} + agf->agf_flcount.value();
  // Blocks of the free space btrees count as free, but no file may have them.
  const std::uint64_t btree = agf->agf_btreeblks.value();
  const std::uint64_t reverse_map = sb.rmapbt ? agf->agf_rmap_blocks.value() - std::min(1U, agf->agf_rmap_blocks.value()) : 0;
  if (sb.lazy_count) counters.blocks_free += std::min(btree, reverse_map);
  TRY(device.read(start + 2 * std::uint64_t{sb.sector_size}, sector));
  const auto agi = get<AgiOnDisk>(sector);
  if (!agi || agi->agi_magicnum.value() != AgiOnDisk::kMagic || agi->agi_seqno.value() != group)
    return corrupt("inode header: wrong magic or number", start + 2 * std::uint64_t{sb.sector_size});
  if (sb.v5) TRY(check_crc(sector, AgiOnDisk::kCrc, "inode header", start + 2 * std::uint64_t{sb.sector_size}));
  counters.inodes += agi->agi_count.value();
  counters.inodes_free += agi->agi_freecount.value();
  return success();
}

}  // namespace

void recount(const BlockDevice& device, Superblock& sb) {
  Counters counters;
  for (std::uint32_t group = 0; group < sb.ag_count; ++group)
    if (!count_group(device, sb, group, counters)) return;
  sb.blocks_free = counters.blocks_free;
  sb.inode_count = counters.inodes;
  sb.inodes_free = counters.inodes_free;
}

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
