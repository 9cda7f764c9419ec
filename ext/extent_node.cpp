#include "ext/extent_node.h"

#include <algorithm>

#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

MappedRun to_run(const ExtentLeaf& leaf) {
  const std::uint16_t length = leaf.ee_len.value();
  const bool unwritten = length > ExtentLeaf::kMaxWritten;
  const std::uint64_t start =
      std::uint64_t{leaf.ee_start_hi.value()} << 32 | leaf.ee_start_lo.value();
  return {leaf.ee_block.value(), std::uint64_t{length} - (unwritten ? ExtentLeaf::kMaxWritten : 0),
          start};
}

bool is_unwritten(const ExtentLeaf& leaf) { return leaf.ee_len.value() > ExtentLeaf::kMaxWritten; }

}  // namespace

Result<ExtentNode> ExtentNode::parse(const Superblock& super, std::span<const std::byte> bytes,
                                     std::uint16_t depth, std::uint64_t begin, std::uint64_t end) {
  const auto header = get<ExtentHeader>(bytes);
  if (!header || header->eh_magic.value() != ExtentHeader::kMagic)
    return corrupt("extent node without its magic");
  if (header->eh_depth.value() != depth)
    return corrupt("extent node of depth " + std::to_string(header->eh_depth.value()) +
                   " (expected " + std::to_string(depth) + ")");
  const std::size_t room = bytes.size() / sizeof(ExtentLeaf) - 1;
  const std::uint16_t max = header->eh_max.value();
  const std::uint16_t entries = header->eh_entries.value();
  if (max == 0 || max > room || entries > max)
    return corrupt("extent node with " + std::to_string(entries) + " of " + std::to_string(max) +
                   " entries (room for " + std::to_string(room) + ")");
  if (depth > 0 && entries == 0) return corrupt("inner extent node without entries");
  return ExtentNode(super, bytes, depth, entries, begin, end);
}

Result<void> ExtentNode::check_tail(const Superblock& super, const Inode& inode,
                                    std::span<const std::byte> block) {
  if (!super.metadata_csum() || !kChecksumsCount) return success();
  const auto header = get<ExtentHeader>(block);
  const std::size_t at =
      sizeof(ExtentHeader) + std::size_t{header->eh_max.value()} * sizeof(ExtentLeaf);
  const auto stored = get<le32>(block, at);
  if (!stored) return corrupt("extent node without room for its checksum");
  if (crc32c(inode.checksum_seed, block.first(at)) != stored->value())
    return corrupt("extent node: checksum does not match");
  return success();
}

Result<MappedRun> ExtentNode::run(std::uint16_t index) const {
  Full out = TRY(extent(index));
  if (out.unwritten) out.run.physical = 0;
  return out.run;
}

Result<ExtentNode::Full> ExtentNode::extent(std::uint16_t index) const {
  const ExtentLeaf leaf = *get<ExtentLeaf>(bytes_, (std::size_t{index} + 1) * sizeof(ExtentLeaf));
  MappedRun out = to_run(leaf);
  std::uint64_t previous_end = 0;
  if (index > 0) {
    const MappedRun previous =
        to_run(*get<ExtentLeaf>(bytes_, std::size_t{index} * sizeof(ExtentLeaf)));
    previous_end = previous.logical + previous.length;
  }
  if (out.length == 0 || out.logical < previous_end || out.length > kMaxLogicalBlocks - out.logical)
    return corrupt("extents empty or out of order: " + std::to_string(out.length) + " blocks at " +
                   std::to_string(out.logical));
  if (out.logical < begin_)
    return corrupt("extent at block " + std::to_string(out.logical) + " before its node's first, " +
                   std::to_string(begin_));
  if (!super_->holds(out.physical, out.length))
    return corrupt("extent at block " + std::to_string(out.physical) + " outside the file system");
  return Full{out, is_unwritten(leaf)};
}

Result<ExtentChild> ExtentNode::child(std::uint16_t index) const {
  const ExtentIndex entry =
      *get<ExtentIndex>(bytes_, (std::size_t{index} + 1) * sizeof(ExtentIndex));
  ExtentChild out{};
  out.block = std::uint64_t{entry.ei_leaf_hi.value()} << 32 | entry.ei_leaf_lo.value();
  out.begin = entry.ei_block.value();
  out.end = end_;
  if (index + 1 < entries_)
    out.end =
        get<ExtentIndex>(bytes_, (std::size_t{index} + 2) * sizeof(ExtentIndex))->ei_block.value();
  if (out.begin >= out.end || out.end > end_)
    return corrupt("extent nodes out of order at block " + std::to_string(out.begin));
  if (!super_->holds(out.block, 1))
    return corrupt("extent node at block " + std::to_string(out.block) +
                   " outside the file system");
  return out;
}

Result<std::optional<ExtentChild>> ExtentNode::find_child(std::uint64_t block) const {
  std::uint16_t low = 0;
  std::uint16_t high = entries_;
  while (low < high) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    const auto first =
        get<ExtentIndex>(bytes_, (std::size_t{middle} + 1) * sizeof(ExtentIndex))->ei_block.value();
    if (first <= block)
      low = static_cast<std::uint16_t>(middle + 1);
    else
      high = middle;
  }
  if (low == 0) return std::optional<ExtentChild>();
  return std::optional(TRY(child(static_cast<std::uint16_t>(low - 1))));
}

}  // namespace imgfs::ext
