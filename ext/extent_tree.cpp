#include "ext/extent_tree.h"

#include <algorithm>

#include "ext/extent_node.h"

namespace imgfs::ext {
namespace {

bool joinable(const TreeExtent& a, const TreeExtent& b) {
  const std::uint64_t longest = a.unwritten ? 32767 : 32768;
  return a.unwritten == b.unwritten && a.end() == b.logical &&
         a.physical + a.length == b.physical && a.length + b.length <= longest;
}

std::size_t entries_in_block(const Superblock& super) {
  return (super.block_size - sizeof(ExtentHeader)) / sizeof(ExtentLeaf);
}

/// The whole tree below a node, no deeper than its depth says.
Result<void> collect(const Storage& storage, const Inode& inode, const ExtentNode& node,
                     std::size_t& inner, std::vector<std::vector<TreeExtent>>& leaves,
                     std::size_t& extents) {
  if (node.depth() == 0) {
    std::vector<TreeExtent> leaf;
    for (std::uint16_t i = 0; i < node.entries(); ++i) {
      const auto extent = TRY(node.extent(i));
      leaf.push_back(
          {extent.run.logical, extent.run.length, extent.run.physical, extent.unwritten});
    }
    extents += leaf.size();
    if (extents > ExtentTree::kMaxExtents)
      return Error{Errc::too_large, "extent tree of 2^18 extents", {}};
    leaves.push_back(std::move(leaf));
    return success();
  }
  for (std::uint16_t i = 0; i < node.entries(); ++i) {
    const ExtentChild child = TRY(node.child(i));
    if (leaves.size() + inner > ExtentTree::kMaxExtents)
      return Error{Errc::too_large, "extent tree too large", {}};
    Scratch buffer(storage.super.block_size);
    TRY(storage.read_block(child.block, buffer.span()));
    const auto depth = static_cast<std::uint16_t>(node.depth() - 1);
    const auto below =
        TRY(ExtentNode::parse(storage.super, buffer.span(), depth, child.begin, child.end));
    TRY(ExtentNode::check_tail(storage.super, inode, buffer.span()));
    if (depth > 0) ++inner;
    TRY(collect(storage, inode, below, inner, leaves, extents));
  }
  return success();
}

}  // namespace

ExtentTree ExtentTree::empty(const Superblock& super) {
  return ExtentTree(entries_in_block(super));
}

Result<ExtentTree> ExtentTree::load(const Storage& storage, const Inode& inode) {
  ExtentTree out(entries_in_block(storage.super));
  const auto header = *get<ExtentHeader>(inode.block_area());
  if (header.eh_magic.value() != ExtentHeader::kMagic)
    return out;  // a new inode: nothing in it yet
  const std::uint16_t depth = header.eh_depth.value();
  if (depth > ExtentHeader::kMaxDepth)
    return corrupt("extent tree of depth " + std::to_string(depth));
  const auto root =
      TRY(ExtentNode::parse(storage.super, inode.block_area(), depth, 0, kMaxLogicalBlocks));
  out.leaves_.clear();
  TRY(collect(storage, inode, root, out.inner_, out.leaves_, out.extents_));
  if (out.leaves_.empty()) out.leaves_.emplace_back();
  out.depth_ = depth;
  return out;
}

std::size_t ExtentTree::leaf_for(std::uint64_t block) const {
  std::size_t leaf = 0;
  for (std::size_t i = 1; i < leaves_.size(); ++i)
    if (!leaves_[i].empty() && leaves_[i].front().logical <= block) leaf = i;
  return leaf;
}

std::optional<TreeExtent> ExtentTree::find(std::uint64_t block) const {
  const Leaf& leaf = leaves_[leaf_for(block)];
  const auto after = std::ranges::upper_bound(leaf, block, {}, &TreeExtent::logical);
  if (after == leaf.begin() || block >= (after - 1)->end()) return std::nullopt;
  return *(after - 1);
}

std::uint64_t ExtentTree::next_start(std::uint64_t block) const {
  for (std::size_t i = leaf_for(block); i < leaves_.size(); ++i) {
    const auto after = std::ranges::upper_bound(leaves_[i], block, {}, &TreeExtent::logical);
    if (after != leaves_[i].end()) return after->logical;
  }
  return kMaxLogicalBlocks;
}

/// Joins the extent with the one before it, else with those behind it.
void ExtentTree::join_at(Leaf& leaf, std::size_t index) {
  const auto join_right = [&](std::size_t at) {
    bool joined = false;
    while (at + 1 < leaf.size() && joinable(leaf[at], leaf[at + 1])) {
      leaf[at].length += leaf[at + 1].length;
      leaf.erase(leaf.begin() + static_cast<std::ptrdiff_t>(at) + 1);
      joined = true;
    }
    return joined;
  };
  if (index > 0 && join_right(index - 1)) return;
  join_right(index);
}

void ExtentTree::insert_into(std::size_t number, const TreeExtent& extent) {
  Leaf& leaf = leaves_[number];
  const auto after = std::ranges::upper_bound(leaf, extent.logical, {}, &TreeExtent::logical);
  const std::size_t index = static_cast<std::size_t>(after - leaf.begin());
  leaf.insert(after, extent);
  ++extents_;
  join_at(leaf, index);
}

/// Finds or makes a leaf with room for an extent at `logical`.
void ExtentTree::make_room(std::size_t& leaf, std::uint64_t logical) {
  if (leaves_[leaf].size() < room()) return;
  if (depth_ == 0) {
    depth_ = 1;
    return;
  }
  const bool behind = logical > leaves_[leaf].back().logical;
  if (behind && leaf + 1 < leaves_.size() && leaves_[leaf + 1].size() < room()) {
    ++leaf;
    return;
  }
  const auto after = std::ranges::upper_bound(leaves_[leaf], logical, {}, &TreeExtent::logical);
  // What lies behind the new extent moves to a new leaf; where nothing does, the new one goes
  // there.
  const auto from = after == leaves_[leaf].begin() ? after + 1 : after;
  Leaf moved(from, leaves_[leaf].end());
  leaves_[leaf].erase(from, leaves_[leaf].end());
  const bool empty = moved.empty();
  leaves_.insert(leaves_.begin() + static_cast<std::ptrdiff_t>(leaf) + 1, std::move(moved));
  if (empty) ++leaf;
  const std::size_t limit = inner_ == 0 ? kInInode : inner_ * capacity_;
  if (leaves_.size() > limit) {
    ++inner_;
    depth_ = std::max<std::size_t>(depth_, 2);
  }
}

void ExtentTree::insert(const TreeExtent& extent) {
  std::size_t leaf = leaf_for(extent.logical);
  const auto neighbour = [&](const TreeExtent& other) {
    return joinable(other, extent) || joinable(extent, other);
  };
  if (std::ranges::none_of(leaves_[leaf], neighbour)) make_room(leaf, extent.logical);
  insert_into(leaf, extent);
}

/// Makes `at` the start of an extent, where it lies inside of one.
void ExtentTree::split(std::uint64_t at) {
  const auto extent = find(at);
  if (!extent || extent->logical == at) return;
  std::size_t leaf = leaf_for(at);
  for (TreeExtent& whole : leaves_[leaf])
    if (whole.logical == extent->logical) whole.length = at - whole.logical;
  const TreeExtent rest{at, extent->end() - at, extent->physical + (at - extent->logical),
                        extent->unwritten};
  make_room(leaf, at);
  Leaf& target = leaves_[leaf];
  target.insert(std::ranges::upper_bound(target, at, {}, &TreeExtent::logical), rest);
  ++extents_;
}

void ExtentTree::update(std::uint64_t start, std::uint64_t length, std::uint64_t physical,
                        bool unwritten) {
  split(start);
  split(start + length);
  for (TreeExtent& extent : leaves_[leaf_for(start)]) {
    if (extent.logical != start) continue;
    extent.physical = physical;
    extent.unwritten = unwritten;
  }
}

void ExtentTree::remove(std::uint64_t begin, std::uint64_t end) {
  split(end);
  for (Leaf& leaf : leaves_) {
    for (TreeExtent& extent : leaf)
      if (extent.logical < begin && extent.end() > begin) extent.length = begin - extent.logical;
    std::erase_if(leaf, [&](const TreeExtent& extent) {
      return extent.logical >= begin && extent.logical < end;
    });
  }
  std::erase_if(leaves_, [](const Leaf& leaf) { return leaf.empty(); });
  if (leaves_.empty()) clear();
}

void ExtentTree::join(std::uint64_t end) {
  if (end == 0) return;
  for (std::size_t number = 0; number < leaves_.size(); ++number) {
    Leaf& leaf = leaves_[number];
    if (leaf.empty() || (number > 0 && leaf.front().logical >= end)) break;
    for (std::size_t i = 0; i < leaf.size(); ++i) {
      if (i > 0 && leaf[i].logical >= end) break;
      join_at(leaf, i);
    }
  }
  if (depth_ == 1 && leaves_.size() == 1 && leaves_[0].size() <= kInInode) depth_ = 0;
}

std::uint64_t ExtentTree::data_blocks() const {
  std::uint64_t out = 0;
  for (const Leaf& leaf : leaves_)
    for (const TreeExtent& extent : leaf) out += extent.length;
  return out;
}

std::uint64_t ExtentTree::node_blocks() const { return depth_ == 0 ? 0 : leaves_.size() + inner_; }

}  // namespace imgfs::ext
