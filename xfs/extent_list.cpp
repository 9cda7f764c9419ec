#include "xfs/extent_list.h"

#include <algorithm>
#include <limits>

#include "xfs/checksum.h"

namespace imgfs::xfs {
namespace {

constexpr std::uint64_t kMaxCount = (1U << 21) - 1;          ///< blocks of one extent
constexpr std::size_t kMaxExtents = std::size_t{1} << 24;    ///< of a file whose map is changed in memory

/// Each must begin where the one before ends, or later: so a leaf that comes again is found at once.
Result<void> append_records(std::span<const std::byte> records, std::size_t count, std::vector<BlockExtent>& out) {
  std::uint64_t end = out.empty() ? 0 : out.back().offset + out.back().count;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(decode(*get<ExtentRecord>(records, i * sizeof(ExtentRecord))));
    if (out.back().count == 0 || out.back().offset < end) return corrupt("extents of an inode overlap");
    end = out.back().offset + out.back().count;
  }
  return success();
}

bool joins(const BlockExtent& first, const BlockExtent& second) {
  return first.offset + first.count == second.offset && first.block + first.count == second.block &&
         first.unwritten == second.unwritten && first.count + second.count <= kMaxCount;
}

Result<std::vector<BlockExtent>> list_btree(const Volume& volume, const Inode& inode, const Fork& fork) {
  const auto root = get<ExtentRoot>(fork.bytes);
  const std::size_t room = fork.bytes.size() < sizeof(ExtentRoot) ? 0 : (fork.bytes.size() - sizeof(ExtentRoot)) / 16;
  if (!root || root->bb_numrecs.value() > room || root->bb_level.value() == 0) return corrupt("extent btree: the root makes no sense");
  struct Item {
    std::uint64_t block;
    std::uint32_t level;
  };
  std::vector<Item> stack;
  const auto push = [&](std::span<const std::byte> pointers, std::size_t count, std::uint32_t level) {
    for (std::size_t i = count; i-- > 0;) stack.push_back({get<be64>(pointers, i * 8)->value(), level - 1});
  };
  push(fork.bytes.subspan(sizeof(ExtentRoot) + room * 8), root->bb_numrecs.value(), root->bb_level.value());
  std::vector<BlockExtent> out;
  std::uint64_t budget = inode.blocks();
  while (!stack.empty()) {
    const Item item = stack.back();
    stack.pop_back();
    if (budget-- == 0 || out.size() > kMaxExtents) return corrupt("extent btree has more blocks than its inode");
    const auto bytes = TRY(volume.extent_block(item.block));
    const auto owner = get<be64>(*bytes, kExtentBlockCheck.owner);
    const ExtentBlockView view = view_extent_block(volume.sb(), *bytes);
    if ((volume.sb().v5 && owner->value() != inode.number()) || view.level != item.level)
      return corrupt("extent btree block " + std::to_string(item.block) + " has another owner or level");
    if (view.level == 0)
      TRY(append_records(view.keys, view.count, out));
    else
      push(view.pointers, view.count, view.level);
  }
  return out;
}

}  // namespace

Result<std::vector<BlockExtent>> list_extents(const Volume& volume, const Inode& inode, const Fork& fork) {
  std::vector<BlockExtent> out;
  if (fork.format == ForkFormat::btree)
    out = TRY(list_btree(volume, inode, fork));
  else if (fork.format == ForkFormat::extents)
    TRY(append_records(fork.bytes, static_cast<std::size_t>(fork.extents), out));
  return out;
}

Result<void> add_extent(std::vector<BlockExtent>& extents, BlockExtent extent) {
  auto next = std::ranges::lower_bound(extents, extent.offset, {}, &BlockExtent::offset);
  const bool hits_next = next != extents.end() && next->offset < extent.offset + extent.count;
  const bool hits_previous = next != extents.begin() && std::prev(next)->offset + std::prev(next)->count > extent.offset;
  if (hits_next || hits_previous) return corrupt("log: an extent is to be mapped where one is already");
  if (next != extents.end() && joins(extent, *next)) {
    extent.count += next->count;
    next = extents.erase(next);
  }
  if (next != extents.begin() && joins(*std::prev(next), extent))
    std::prev(next)->count += extent.count;
  else
    extents.insert(next, extent);
  return success();
}

std::uint64_t remove_extents(std::vector<BlockExtent>& extents, std::uint64_t offset, std::uint64_t count) {
  const std::uint64_t end = offset + count;
  std::uint64_t removed = 0;
  std::vector<BlockExtent> kept;
  for (const BlockExtent& extent : extents) {
    const std::uint64_t extent_end = extent.offset + extent.count;
    if (extent_end <= offset || extent.offset >= end) {
      kept.push_back(extent);
      continue;
    }
    if (extent.offset < offset) kept.push_back({extent.offset, extent.block, offset - extent.offset, extent.unwritten});
    if (extent_end > end) kept.push_back({end, extent.block + (end - extent.offset), extent_end - end, extent.unwritten});
    removed += std::min(extent_end, end) - std::max(extent.offset, offset);
  }
  extents = std::move(kept);
  return removed;
}

std::vector<BlockExtent> cut_extents(const std::vector<BlockExtent>& extents, std::uint64_t offset, std::uint64_t count) {
  std::vector<BlockExtent> out;
  for (const BlockExtent& extent : extents) {
    const std::uint64_t begin = std::max(extent.offset, offset);
    const std::uint64_t end = std::min(extent.offset + extent.count, offset + count);
    if (begin < end) out.push_back({begin, extent.block + (begin - extent.offset), end - begin, extent.unwritten});
  }
  return out;
}

std::vector<std::byte> pack_extents(const std::vector<BlockExtent>& extents) {
  std::vector<std::byte> out;
  out.reserve(extents.size() * sizeof(ExtentRecord));
  for (const BlockExtent& extent : extents) {
    ExtentRecord record;
    record.l0 = std::uint64_t{extent.unwritten} << 63 | extent.offset << 9 | extent.block >> 43;
    record.l1 = extent.block << 21 | extent.count;
    const auto bytes = std::as_bytes(std::span(&record, 1));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

}  // namespace imgfs::xfs
