#include "ext/htree.h"

namespace imgfs::ext {
namespace {

constexpr std::uint32_t kBlockMask = 0x0fffffff;

}  // namespace

Result<void> read_directory_block(const Storage& storage, const FileMap& map, std::uint64_t number,
                                  std::span<std::byte> out) {
  const MappedRun run = TRY(map.find_run(number));
  if (run.physical == 0) return corrupt("directory with a hole at block " + std::to_string(number));
  return storage.read_block(run.physical + (number - run.logical), out);
}

Result<Htree> Htree::open(const Storage& storage, const FileMap& map, const Inode& directory) {
  Htree tree(storage, map, directory);
  Scratch buffer(storage.super.block_size);
  TRY(read_directory_block(storage, map, 0, buffer.span()));
  const auto info = get<HtreeRootInfo>(buffer.span(), HtreeRootInfo::kOffset);
  if (info->reserved_zero.value() != 0 || info->info_length != sizeof(HtreeRootInfo) ||
      (info->unused_flags & 1U) != 0)
    return corrupt("directory index root with an unknown form");
  const std::size_t max_depth = storage.super.has(kLargeDir) ? 2 : 1;
  if (info->indirect_levels > max_depth)
    return corrupt("directory index with " + std::to_string(info->indirect_levels) +
                   " levels (at most " + std::to_string(max_depth) + ")");
  tree.hash_version_ = info->hash_version;
  tree.depth_ = info->indirect_levels;
  tree.root_entries_ = HtreeRootInfo::kOffset + info->info_length;
  return tree;
}

HtreeEntry Htree::entry(std::size_t level, std::uint32_t index,
                        std::span<const std::byte> block) const {
  return *get<HtreeEntry>(block, entries_offset(level) + index * sizeof(HtreeEntry));
}

Result<void> Htree::load(std::size_t level, std::span<std::byte> buffer) {
  TRY(read_directory_block(storage_, map_, levels_[level].block, buffer));
  const auto counts = get<HtreeCountLimit>(buffer, entries_offset(level));
  const std::size_t tail = storage_.super.metadata_csum() ? sizeof(HtreeTail) : 0;
  const std::size_t room = (buffer.size() - entries_offset(level) - tail) / sizeof(HtreeEntry);
  const std::uint32_t count = counts->count.value();
  if (counts->limit.value() != room || count == 0 || count > room)
    return corrupt("directory index block " + std::to_string(levels_[level].block) + " with " +
                   std::to_string(count) + " of " + std::to_string(counts->limit.value()) +
                   " entries (room for " + std::to_string(room) + ")");
  TRY(check_index(storage_.super, directory_, buffer, entries_offset(level)));
  levels_[level].count = count;
  return success();
}

Result<std::uint32_t> Htree::descend(std::size_t level, std::uint32_t major, bool leftmost) {
  Scratch buffer(storage_.super.block_size);
  while (true) {
    TRY(load(level, buffer.span()));
    Level& here = levels_[level];
    here.index = 0;
    if (!leftmost) {
      // The last entry whose hash is not greater; the first one stands for all below.
      std::uint32_t low = 1;
      std::uint32_t high = here.count;
      while (low < high) {
        const std::uint32_t middle = (low + high) / 2;
        if (entry(level, middle, buffer.span()).hash.value() > major)
          high = middle;
        else
          low = middle + 1;
      }
      here.index = low - 1;
    }
    const std::uint32_t block = entry(level, here.index, buffer.span()).block.value() & kBlockMask;
    if (level == depth_) return block;
    levels_[++level].block = block;
  }
}

Result<std::uint32_t> Htree::find(std::uint32_t major) {
  levels_[0] = {};
  return descend(0, major, false);
}

Result<std::optional<std::uint32_t>> Htree::next(std::uint32_t major) {
  std::size_t level = depth_;
  while (levels_[level].index + 1 >= levels_[level].count) {
    if (level == 0) return std::optional<std::uint32_t>();
    --level;
  }
  Scratch buffer(storage_.super.block_size);
  TRY(load(level, buffer.span()));
  ++levels_[level].index;
  if (levels_[level].index >= levels_[level].count) return corrupt("directory index changed");
  const HtreeEntry entry_here = entry(level, levels_[level].index, buffer.span());
  if ((entry_here.hash.value() & ~1U) != major) return std::optional<std::uint32_t>();
  const std::uint32_t block = entry_here.block.value() & kBlockMask;
  if (level == depth_) return std::optional(block);
  levels_[level + 1].block = block;
  return std::optional(TRY(descend(level + 1, major, true)));
}

}  // namespace imgfs::ext
