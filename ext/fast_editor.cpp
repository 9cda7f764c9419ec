#include "ext/fast_editor.h"

#include <algorithm>

#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

template <OnDisk T>
void put(std::span<std::byte> bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

ExtentLeaf to_disk(const TreeExtent& extent) {
  ExtentLeaf out;
  out.ee_block = static_cast<std::uint32_t>(extent.logical);
  out.ee_len =
      static_cast<std::uint16_t>(extent.length + (extent.unwritten ? ExtentLeaf::kMaxWritten : 0));
  out.ee_start_hi = static_cast<std::uint16_t>(extent.physical >> 32);
  out.ee_start_lo = static_cast<std::uint32_t>(extent.physical);
  return out;
}

ExtentIndex to_disk(std::uint64_t logical, std::uint64_t block) {
  ExtentIndex out;
  out.ei_block = static_cast<std::uint32_t>(logical);
  out.ei_leaf_lo = static_cast<std::uint32_t>(block);
  out.ei_leaf_hi = static_cast<std::uint16_t>(block >> 32);
  out.ei_unused = 0;
  return out;
}

ExtentHeader header(std::size_t entries, std::size_t max, std::uint16_t depth) {
  ExtentHeader out;
  out.eh_magic = ExtentHeader::kMagic;
  out.eh_entries = static_cast<std::uint16_t>(entries);
  out.eh_max = static_cast<std::uint16_t>(max);
  out.eh_depth = depth;
  out.eh_generation = 0;
  return out;
}

}  // namespace

Result<std::span<std::byte>> FastEditor::block(std::uint64_t number) {
  const auto found = blocks_.find(number);
  if (found != blocks_.end()) return std::span(found->second);
  if (blocks_.size() >= kMaxBlocks)
    return Error{Errc::too_large, "fast commits that change 16384 blocks", {}};
  std::vector<std::byte> bytes(super().block_size);
  TRY(storage_.read_block(number, bytes));
  return std::span(blocks_.emplace(number, std::move(bytes)).first->second);
}

Result<void> FastEditor::spend(std::uint64_t steps) {
  steps_ += steps;
  if (steps_ <= kMaxSteps) return success();
  return Error{Errc::too_large, "fast commits that take too long to replay", {}};
}

Result<std::span<std::byte>> FastEditor::inode_bytes(std::uint32_t number) {
  const std::uint64_t offset = TRY(storage_.inode_offset(number));
  const auto bytes = TRY(block(offset / super().block_size));
  return bytes.subspan(static_cast<std::size_t>(offset % super().block_size), super().inode_size);
}

Result<Inode> FastEditor::inode(std::uint32_t number) {
  if (number != kRootInode && number < super().first_inode)
    return corrupt("fast commit of the reserved inode " + std::to_string(number));
  const auto bytes = TRY(inode_bytes(number));
  Inode out = TRY(parse_inode(super(), number, bytes));
  if (out.raw.i_links_count.value() == 0 || out.type == FileType::unknown || out.has(kFlagEaInode))
    return Error{Errc::not_found, "inode " + std::to_string(number) + " is not in use", {}};
  return out;
}

Result<void> FastEditor::store(const Inode& inode) {
  const auto bytes = TRY(inode_bytes(inode.number));
  const std::size_t known =
      RawInode::kSmallSize +
      std::min<std::size_t>(inode.extra_size, sizeof(RawInode) - RawInode::kSmallSize);
  std::memcpy(bytes.data(), &inode.raw, std::min(known, bytes.size()));
  return seal(inode.number);
}

Result<void> FastEditor::seal(std::uint32_t number) {
  const auto bytes = TRY(inode_bytes(number));
  if (!super().metadata_csum()) return success();
  std::uint32_t seed = crc32c_number(super().checksum_seed, number);
  seed = crc32c_number(seed, get<le32>(bytes, offsetof(RawInode, i_generation))->value());
  const std::uint32_t crc = inode_checksum(seed, bytes);
  put(bytes, offsetof(RawInode, i_checksum_lo), le16(static_cast<std::uint16_t>(crc)));
  constexpr std::size_t kHigh = offsetof(RawInode, i_checksum_hi);
  const auto extra = get<le16>(bytes, RawInode::kSmallSize);
  if (extra && RawInode::kSmallSize + extra->value() >= kHigh + 2)
    put(bytes, kHigh, le16(static_cast<std::uint16_t>(crc >> 16)));
  return success();
}

Result<ExtentTree*> FastEditor::tree(std::uint32_t number) {
  const auto found = trees_.find(number);
  if (found != trees_.end()) return &found->second;
  // Not parsed: an inode that was never used has no checksum, nor needs one here.
  const auto bytes = TRY(inode_bytes(number));
  Inode inode;
  inode.number = number;
  std::memcpy(&inode.raw, bytes.data(), RawInode::kSmallSize);
  inode.checksum_seed =
      crc32c_number(crc32c_number(super().checksum_seed, number), inode.raw.i_generation.value());
  ExtentTree loaded = TRY(ExtentTree::load(storage_, inode));
  loaded_ += loaded.weight();
  if (loaded_ > kMaxExtents)
    return Error{Errc::too_large, "fast commits that change files of 2^20 extents", {}};
  return &trees_.emplace(number, std::move(loaded)).first->second;
}

bool FastEditor::is_reserved(std::uint64_t block) const {
  return std::ranges::any_of(reserved_, [&](const Range& range) {
    return block >= range.first && block - range.first < range.count;
  });
}

/// Collects free blocks of a group; false where it has none.
Result<bool> FastEditor::find_free(std::uint32_t group) {
  constexpr std::size_t kEnough = 256;
  const GroupDescriptor descriptor = TRY(storage_.groups.descriptor(group));
  if (descriptor.block_bitmap_unused || descriptor.free_clusters == 0) return false;
  Scratch bitmap(super().block_size);
  TRY(storage_.read_block(descriptor.block_bitmap, bitmap.span()));
  const std::uint64_t ratio = super().cluster_size / super().block_size;
  const std::uint64_t first = super().group_first_block(group);
  const std::uint64_t count =
      std::min<std::uint64_t>(super().blocks_per_group, super().blocks - first) / ratio;
  for (std::uint64_t bit = 0; bit < count && free_.size() < kEnough; ++bit) {
    const auto byte = std::to_integer<unsigned>(bitmap.span()[static_cast<std::size_t>(bit / 8)]);
    const std::uint64_t block = first + bit * ratio;
    TRY(spend(1 + reserved_.size()));
    if ((byte >> bit % 8 & 1U) == 0 && !is_reserved(block) && super().holds(block, 1))
      free_.push_back(block);
  }
  std::ranges::reverse(free_);
  return !free_.empty();
}

Result<std::uint64_t> FastEditor::allocate() {
  while (free_.empty()) {
    if (group_ >= super().groups)
      return Error{Errc::too_large, "no free block for what fast commits add", {}};
    TRY(find_free(group_++));
  }
  const std::uint64_t out = free_.back();
  free_.pop_back();
  const auto bytes = TRY(block(out));
  fill_zero(bytes);
  return out;
}

Result<std::uint64_t> FastEditor::write_node(const Inode& inode, std::span<const std::byte> entries,
                                             std::uint16_t count, std::uint16_t depth) {
  const std::uint64_t number = TRY(allocate());
  const auto bytes = TRY(block(number));
  const std::size_t max = (bytes.size() - sizeof(ExtentHeader)) / sizeof(ExtentLeaf);
  put(bytes, 0, header(count, max, depth));
  std::ranges::copy(entries, bytes.begin() + sizeof(ExtentHeader));
  const std::size_t tail = sizeof(ExtentHeader) + max * sizeof(ExtentLeaf);
  if (super().metadata_csum())
    put(bytes, tail, le32(crc32c(inode.checksum_seed, bytes.first(tail))));
  return number;
}

Result<void> FastEditor::write_tree(std::uint32_t number, const ExtentTree& tree) {
  const auto bytes = TRY(inode_bytes(number));
  Inode inode = TRY(parse_inode(super(), number, bytes));
  if (!inode.has(kFlagExtents)) return success();
  std::vector<ExtentLeaf> leaf;
  std::vector<ExtentIndex> nodes;
  for (const auto& extents : tree.leaves()) {
    leaf.clear();
    for (const TreeExtent& extent : extents) leaf.push_back(to_disk(extent));
    if (tree.in_inode()) break;
    const auto count = static_cast<std::uint16_t>(leaf.size());
    const std::uint64_t block = TRY(write_node(inode, std::as_bytes(std::span(leaf)), count, 0));
    nodes.push_back(to_disk(extents.empty() ? 0 : extents.front().logical, block));
  }
  std::uint16_t depth = tree.in_inode() ? 0 : 1;
  while (nodes.size() > ExtentTree::kInInode) {
    std::vector<ExtentIndex> above;
    for (std::size_t at = 0; at < nodes.size(); at += tree.capacity()) {
      const auto some = std::span(nodes).subspan(at, std::min(tree.capacity(), nodes.size() - at));
      const std::uint64_t block = TRY(
          write_node(inode, std::as_bytes(some), static_cast<std::uint16_t>(some.size()), depth));
      above.push_back(to_disk(some.front().ei_block.value(), block));
    }
    nodes = std::move(above);
    ++depth;
  }
  const std::size_t entries = depth == 0 ? leaf.size() : nodes.size();
  const auto content =
      depth == 0 ? std::as_bytes(std::span(leaf)) : std::as_bytes(std::span(nodes));
  const std::span area(inode.raw.i_block);
  fill_zero(area);
  put(area, 0, header(entries, ExtentTree::kInInode, depth));
  std::ranges::copy(content, area.begin() + sizeof(ExtentHeader));
  return store(inode);
}

Result<OverlayDevice::Blocks> FastEditor::finish() {
  for (const auto& [number, tree] : trees_) TRY(write_tree(number, tree));
  OverlayDevice::Blocks out;
  for (auto& [number, bytes] : blocks_) out[number * super().block_size] = std::move(bytes);
  return out;
}

}  // namespace imgfs::ext
