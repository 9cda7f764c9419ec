#include "ext/extent_node.h"
#include "ext/inode.h"

namespace imgfs::ext {
namespace {

Result<void> check_extents(const Superblock& super, const Inode& inode) {
  const auto header = *get<ExtentHeader>(inode.block_area());
  const std::uint16_t depth = header.eh_depth.value();
  if (depth > ExtentHeader::kMaxDepth)
    return corrupt("extent tree of depth " + std::to_string(depth) + " (at most 5)");
  const auto root = TRY(ExtentNode::parse(super, inode.block_area(), depth, 0, kMaxLogicalBlocks));
  for (std::uint16_t i = 0; i < root.entries(); ++i) {
    if (depth == 0)
      TRY(root.run(i));
    else
      TRY(root.child(i));
  }
  return success();
}

Result<void> check_pointers(const Superblock& super, const Inode& inode) {
  constexpr std::size_t kDirect = 12;  // what lies below the others is checked on the way
  for (std::size_t at = 0; at < kDirect * 4; at += 4) {
    const std::uint32_t pointer = get<le32>(inode.block_area(), at)->value();
    if (pointer != 0 && !super.holds(pointer, 1))
      return corrupt("block pointer " + std::to_string(pointer) + " outside the file system");
  }
  return success();
}

Result<void> check_symlink(const Inode& inode) {
  if (inode.size == 0 || inode.size >= sizeof(RawInode::i_block) ||
      as_chars(inode.block_area()).substr(0, inode.size).find('\0') != std::string_view::npos ||
      inode.raw.i_block[inode.size] != std::byte{0})
    return corrupt("symbolic link of " + std::to_string(inode.size) +
                   " bytes that is stored otherwise");
  return success();
}

Result<void> check(const Superblock& super, const Inode& inode) {
  if (inode.raw.i_links_count.value() == 0) return corrupt("deleted");
  if (inode.type == FileType::unknown)
    return corrupt("mode " + std::to_string(inode.raw.i_mode.value()));
  if (inode.has(kFlagEaInode)) return corrupt("holds an extended attribute");
  if (inode.xattr_block != 0 && !super.holds(inode.xattr_block, 1))
    return corrupt("extended attributes at block " + std::to_string(inode.xattr_block) +
                   " outside the file system");
  if (inode.has(kFlagInlineData)) return success();
  const bool link = inode.type == FileType::symlink;
  if (link && !inode.has(kFlagEncrypt) && is_fast_symlink(super, inode))
    return check_symlink(inode);
  if (link && is_fast_symlink(super, inode)) return success();
  if (!link && inode.type != FileType::regular && inode.type != FileType::directory)
    return success();
  return inode.has(kFlagExtents) ? check_extents(super, inode) : check_pointers(super, inode);
}

}  // namespace

bool is_fast_symlink(const Superblock& super, const Inode& inode) {
  if (inode.has(kFlagInlineData)) return false;
  const std::uint64_t xattr_sectors = inode.xattr_block != 0 ? super.cluster_size / 512 : 0;
  return inode.sectors == xattr_sectors;
}

Result<void> check_used(const Superblock& super, const Inode& inode) {
  const auto good = check(super, inode);
  if (!good) return in_context(good.error(), "inode " + std::to_string(inode.number));
  return success();
}

}  // namespace imgfs::ext
