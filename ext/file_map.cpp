#include "ext/file_map.h"

#include <algorithm>

#include "ext/extent_node.h"

namespace imgfs::ext {
namespace {

constexpr std::uint64_t kDirect = 12;

/// The run or hole around `block` in a sorted list that knows all of [begin, end).
MappedRun around(std::span<const MappedRun> runs, std::uint64_t begin, std::uint64_t end,
                 std::uint64_t block) {
  const auto after = std::ranges::upper_bound(runs, block, {}, &MappedRun::logical);
  const std::uint64_t hole_end = after == runs.end() ? std::max(end, block + 1) : after->logical;
  if (after == runs.begin()) return {begin, hole_end - begin, 0};
  const MappedRun& before = *(after - 1);
  const std::uint64_t before_end = before.logical + before.length;
  if (block < before_end) return before;
  return {before_end, hole_end - before_end, 0};
}

void add_run(std::vector<MappedRun>& runs, const MappedRun& run) {
  if (!runs.empty()) {
    MappedRun& last = runs.back();
    const bool follows = last.logical + last.length == run.logical;
    const bool joins = run.physical == 0
                           ? last.physical == 0
                           : last.physical != 0 && last.physical + last.length == run.physical;
    if (follows && joins) {
      last.length += run.length;
      return;
    }
  }
  runs.push_back(run);
}

}  // namespace

MapLeafPtr LeafCache::find(std::uint32_t inode, std::uint64_t block) const {
  Shard& shard = (*shards_)[inode % kShards];
  const std::lock_guard lock(shard.mutex);
  for (const Entry& entry : shard.entries)
    if (entry.inode == inode && entry.leaf && block >= entry.leaf->begin && block < entry.leaf->end)
      return entry.leaf;
  return nullptr;
}

void LeafCache::keep(std::uint32_t inode, MapLeafPtr leaf) const {
  Shard& shard = (*shards_)[inode % kShards];
  const std::lock_guard lock(shard.mutex);
  shard.entries[shard.next_victim++ % kWays] = {inode, std::move(leaf)};
}

Result<Extent> FileMap::find(std::uint64_t logical) const {
  const std::uint64_t size = storage_.super.block_size;
  const std::uint64_t block = logical / size;
  if (block >= kMaxLogicalBlocks) {
    const std::uint64_t start = kMaxLogicalBlocks * size;
    return Extent{start, UINT64_MAX - start, 0, Extent::Kind::zero};
  }
  const MappedRun run = TRY(find_run(block));
  return Extent{run.logical * size, run.length * size, run.physical * size,
                run.physical == 0 ? Extent::Kind::zero : Extent::Kind::data};
}

Result<MappedRun> FileMap::find_run(std::uint64_t block) const {
  damaged_until_ = kMaxLogicalBlocks;
  auto run = inode_.has(kFlagExtents) ? find_extent_run(block) : find_pointer_run(block);
  if (run) return run;
  return in_context(run.error(), "inode " + std::to_string(inode_.number));
}

Result<MappedRun> FileMap::keep_and_find(MapLeafPtr leaf, std::uint64_t block) const {
  leaf_ = std::move(leaf);
  return around(leaf_->runs, leaf_->begin, leaf_->end, block);
}

Result<MappedRun> FileMap::find_extent_run(std::uint64_t block) const {
  if (!leaf_ || block < leaf_->begin || block >= leaf_->end) {
    const auto root = inode_.block_area();
    const auto header = get<ExtentHeader>(root);
    const std::uint16_t depth = header->eh_depth.value();
    if (depth > 0) {
      if (depth > ExtentHeader::kMaxDepth)
        return corrupt("extent tree of depth " + std::to_string(depth) + " (at most 5)");
      auto cached = cache_.find(inode_.number, block);
      return keep_and_find(cached ? std::move(cached) : TRY(load_extent_leaf(block, depth)), block);
    }
    const ExtentNode node = TRY(ExtentNode::parse(storage_.super, root, 0, 0, kMaxLogicalBlocks));
    std::array<MappedRun, 4> runs{};
    for (std::uint16_t i = 0; i < node.entries(); ++i) runs[i] = TRY(node.run(i));
    return around(std::span(runs).first(node.entries()), 0, kMaxLogicalBlocks, block);
  }
  return around(leaf_->runs, leaf_->begin, leaf_->end, block);
}

Result<MapLeafPtr> FileMap::load_extent_leaf(std::uint64_t block, std::uint16_t depth) const {
  ExtentNode node =
      TRY(ExtentNode::parse(storage_.super, inode_.block_area(), depth, 0, kMaxLogicalBlocks));
  Scratch buffer(storage_.super.block_size);
  while (depth > 0) {
    const auto child = TRY(node.find_child(block));
    if (!child) {  // before the first child: a hole up to it
      const ExtentChild first = TRY(node.child(0));
      return MapLeafPtr(std::make_shared<const MapLeaf>(MapLeaf{node.begin(), first.begin, {}}));
    }
    damaged_until_ = child->end;
    TRY(storage_.read_block(child->block, buffer.span()));
    --depth;
    node = TRY(ExtentNode::parse(storage_.super, buffer.span(), depth, child->begin, child->end));
    TRY(ExtentNode::check_tail(storage_.super, inode_, buffer.span()));
  }
  MapLeaf leaf{node.begin(), node.end(), {}};
  leaf.runs.reserve(node.entries());
  for (std::uint16_t i = 0; i < node.entries(); ++i) {
    const MappedRun run = TRY(node.run(i));
    if (run.logical + run.length > node.end())
      return corrupt("extent at block " + std::to_string(run.logical) + " past its node's end");
    add_run(leaf.runs, run);
  }
  auto out = std::make_shared<const MapLeaf>(std::move(leaf));
  cache_.keep(inode_.number, out);
  return MapLeafPtr(std::move(out));
}

Result<MappedRun> FileMap::find_pointer_run(std::uint64_t block) const {
  if (leaf_ && block >= leaf_->begin && block < leaf_->end)
    return around(leaf_->runs, leaf_->begin, leaf_->end, block);
  const Superblock& super = storage_.super;
  const auto root = inode_.block_area();
  if (block < kDirect) {
    std::array<MappedRun, kDirect> runs{};
    std::size_t count = 0;
    for (std::uint64_t i = 0; i < kDirect; ++i) {
      const std::uint32_t where = get<le32>(root, static_cast<std::size_t>(i) * 4)->value();
      if (where == 0) continue;
      if (!super.holds(where, 1))
        return corrupt("block pointer " + std::to_string(where) + " outside the file system");
      if (count > 0 && runs[count - 1].logical + runs[count - 1].length == i &&
          runs[count - 1].physical + runs[count - 1].length == where)
        ++runs[count - 1].length;
      else
        runs[count++] = {i, 1, where};
    }
    return around(std::span(runs).first(count), 0, kDirect, block);
  }
  if (auto cached = cache_.find(inode_.number, block))
    return keep_and_find(std::move(cached), block);

  // Which of the three trees, and the first file block that it is responsible for.
  const std::uint64_t per_block = super.block_size / 4;
  std::uint64_t begin = kDirect;
  std::uint64_t span = per_block;
  std::size_t level = 1;
  while (level < 3 && block - begin >= span) {
    begin += span;
    span *= per_block;
    ++level;
  }
  if (block - begin >= span) return MappedRun{begin + span, kMaxLogicalBlocks - begin - span, 0};
  std::uint64_t where = get<le32>(root, (kDirect + level - 1) * 4)->value();
  while (true) {
    damaged_until_ = begin + span;
    if (where == 0) return MappedRun{begin, span, 0};
    if (!super.holds(where, 1))
      return corrupt("block pointer " + std::to_string(where) + " outside the file system");
    if (level == 1) return keep_and_find(TRY(load_pointer_leaf(begin, where)), block);
    span /= per_block;
    const std::uint64_t index = (block - begin) / span;
    begin += index * span;
    le32 pointer;
    TRY(storage_.cache.read(where * super.block_size + index * 4,
                            std::as_writable_bytes(std::span(&pointer, 1))));
    where = pointer.value();
    --level;
  }
}

Result<MapLeafPtr> FileMap::load_pointer_leaf(std::uint64_t begin, std::uint64_t where) const {
  const Superblock& super = storage_.super;
  Scratch buffer(super.block_size);
  TRY(storage_.read_block(where, buffer.span()));
  const std::uint64_t count = super.block_size / 4;
  MapLeaf leaf{begin, begin + count, {}};
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint32_t pointer =
        get<le32>(buffer.span(), static_cast<std::size_t>(i) * 4)->value();
    if (pointer == 0) continue;
    if (!super.holds(pointer, 1))
      return corrupt("block pointer " + std::to_string(pointer) + " outside the file system");
    add_run(leaf.runs, {begin + i, 1, pointer});
  }
  auto out = std::make_shared<const MapLeaf>(std::move(leaf));
  cache_.keep(inode_.number, out);
  return MapLeafPtr(std::move(out));
}

}  // namespace imgfs::ext
