#include "ext/fast_replay.h"

#include <algorithm>

#include "ext/fast_directory.h"

namespace imgfs::ext {
namespace {

std::string_view name_in(std::span<const std::byte> value) {
  return as_chars(value.subspan(sizeof(FastEntry)));
}

struct Range {
  std::uint64_t logical;
  std::uint64_t length;
  std::uint64_t physical;
  bool unwritten;
};

Range range_of(const ExtentLeaf& leaf) {
  const std::uint16_t stored = leaf.ee_len.value();
  const bool unwritten = stored > ExtentLeaf::kMaxWritten;
  return {leaf.ee_block.value(), std::uint64_t{stored} - (unwritten ? ExtentLeaf::kMaxWritten : 0),
          std::uint64_t{leaf.ee_start_hi.value()} << 32 | leaf.ee_start_lo.value(), unwritten};
}

}  // namespace

void FastReplay::reserve(const FastRecord& record) {
  if (record.tag != FastTag::add_range) return;
  const Range range = range_of(get<FastAddRange>(record.value)->fc_ex);
  editor_.reserve(range.physical, range.length);
}

Result<void> FastReplay::apply(const FastRecord& record) {
  ++operations_;
  switch (record.tag) {
    case FastTag::inode: return inode(record.value);
    case FastTag::create: return create(record.value);
    case FastTag::link: return link(record.value);
    case FastTag::unlink: return unlink(record.value);
    case FastTag::add_range: return add_range(record.value);
    case FastTag::delete_range: return delete_range(record.value);
    case FastTag::padding:
    case FastTag::tail:
    case FastTag::head: break;
  }
  --operations_;
  return success();
}

/// i_blocks as the kernel counts it here: extents and tree blocks, but no block of attributes.
Result<void> FastReplay::set_blocks(Inode& inode) {
  if (!inode.has(kFlagExtents) || inode.has(kFlagInlineData)) return success();
  const ExtentTree* const tree = TRY(editor_.tree(inode.number));
  TRY(editor_.spend(tree->weight()));
  const std::uint64_t data = tree->data_blocks();
  const std::uint64_t sectors =
      data == 0 ? 0 : (data + tree->node_blocks()) * (editor_.super().block_size / 512);
  inode.sectors = sectors;
  inode.raw.i_blocks_lo = static_cast<std::uint32_t>(sectors);
  inode.raw.i_blocks_high = static_cast<std::uint16_t>(sectors >> 32);
  inode.raw.i_flags = inode.raw.i_flags.value() & ~std::uint32_t{kFlagHugeFile};
  return success();
}

Result<void> FastReplay::inode(std::span<const std::byte> value) {
  const std::uint32_t number = get<FastInode>(value)->fc_ino.value();
  const auto fresh = value.subspan(sizeof(FastInode));
  constexpr std::size_t kArea = offsetof(RawInode, i_block);
  constexpr std::size_t kBehind = offsetof(RawInode, i_generation);
  const auto bytes = TRY(editor_.inode_bytes(number));
  TRY(editor_.tree(
      number));  // what is mapped there stays, and is read while its checksums still fit
  std::ranges::copy(fresh.first(kArea), bytes.begin());
  std::ranges::copy(fresh.subspan(kBehind), bytes.begin() + kBehind);
  const std::uint32_t flags = get<le32>(bytes, offsetof(RawInode, i_flags))->value();
  if ((flags & kFlagExtents) == 0 && (flags & kFlagInlineData) != 0)
    std::ranges::copy(fresh.subspan(kArea, sizeof(RawInode::i_block)), bytes.begin() + kArea);
  TRY(editor_.seal(number));
  Inode inode = TRY(editor_.inode(number));
  TRY(set_blocks(inode));
  return editor_.store(inode);
}

Result<void> FastReplay::add_entry(const FastEntry& entry, std::string_view name) {
  const auto parent = editor_.inode(entry.fc_parent_ino.value());
  if (!parent) return success();  // the kernel passes over it
  Inode target = TRY(editor_.inode(entry.fc_ino.value()));
  const auto added = TRY(FastDirectory(editor_, parent.value()).add(name, target));
  if (added == FastDirectory::Added::exists) return success();
  target.raw.i_links_count = static_cast<std::uint16_t>(target.raw.i_links_count.value() + 1);
  return editor_.store(target);
}

Result<void> FastReplay::create(std::span<const std::byte> value) {
  const FastEntry entry = *get<FastEntry>(value);
  Inode target = TRY(editor_.inode(entry.fc_ino.value()));
  if (target.type == FileType::directory) {
    if (!editor_.inode(entry.fc_parent_ino.value())) return success();
    const ExtentTree* const tree = TRY(editor_.tree(target.number));
    if (tree->find(0)) return success();  // the kernel makes no entry for such a one
    TRY(FastDirectory(editor_, target).start(entry.fc_parent_ino.value()));
  }
  TRY(add_entry(entry, name_in(value)));
  target = TRY(editor_.inode(target.number));
  target.raw.i_links_count = 1;
  return editor_.store(target);
}

Result<void> FastReplay::link(std::span<const std::byte> value) {
  const FastEntry entry = *get<FastEntry>(value);
  if (!editor_.inode(entry.fc_ino.value())) return success();
  return add_entry(entry, name_in(value));
}

Result<void> FastReplay::unlink(std::span<const std::byte> value) {
  const FastEntry entry = *get<FastEntry>(value);
  auto target = editor_.inode(entry.fc_ino.value());
  const auto parent = editor_.inode(entry.fc_parent_ino.value());
  if (!target || !parent) return success();
  const auto removed =
      TRY(FastDirectory(editor_, parent.value()).remove(name_in(value), entry.fc_ino.value()));
  if (removed == FastDirectory::Removed::missing) return success();
  // Also where the name leads elsewhere by now: it was taken away from this inode.
  Inode& inode = target.value();
  const auto links = static_cast<std::uint16_t>(inode.raw.i_links_count.value() - 1);
  inode.raw.i_links_count = links;
  if (links == 0) {
    if (inode.sectors != 0 && inode.has(kFlagExtents)) TRY(editor_.tree(inode.number))->clear();
    inode.raw.i_size_lo = 0;
    inode.raw.i_size_high = 0;
  }
  return editor_.store(inode);
}

Result<void> FastReplay::add_range(std::span<const std::byte> value) {
  const FastAddRange raw = *get<FastAddRange>(value);
  const auto inode = editor_.inode(raw.fc_ino.value());
  if (!inode || !inode.value().has(kFlagExtents)) return success();
  const Range range = range_of(raw.fc_ex);
  if (range.length == 0 || range.length > kMaxLogicalBlocks - range.logical ||
      !editor_.super().holds(range.physical, range.length))
    return corrupt("fast commit with an extent outside the file system");
  ExtentTree& tree = *TRY(editor_.tree(inode.value().number));
  for (std::uint64_t at = range.logical; at < range.logical + range.length;) {
    const std::uint64_t left = range.logical + range.length - at;
    const std::uint64_t physical = range.physical + (at - range.logical);
    TRY(editor_.spend(2 * tree.weight()));
    const auto there = tree.find(at);
    std::uint64_t count = 0;
    if (there) {
      count = std::min(left, there->end() - at);
      tree.update(at, count, physical, range.unwritten);
      if (there->physical + (at - there->logical) == physical)
        tree.join(range.logical + range.length);
    } else {
      count = std::min(left, tree.next_start(at) - at);
      tree.insert({at, count, physical, range.unwritten});
    }
    if (tree.too_large())
      return Error{Errc::too_large, "fast commits with 2^18 extents in a file", {}};
    at += count;
  }
  tree.join(inode.value().size / editor_.super().block_size);
  return success();
}

Result<void> FastReplay::delete_range(std::span<const std::byte> value) {
  const FastDeleteRange raw = *get<FastDeleteRange>(value);
  const auto inode = editor_.inode(raw.fc_ino.value());
  if (!inode || !inode.value().has(kFlagExtents)) return success();
  ExtentTree& tree = *TRY(editor_.tree(inode.value().number));
  TRY(editor_.spend(2 * tree.weight()));
  const std::uint64_t begin = raw.fc_lblk.value();
  tree.remove(begin, begin + raw.fc_len.value());
  tree.join(inode.value().size / editor_.super().block_size);
  return success();
}

}  // namespace imgfs::ext
