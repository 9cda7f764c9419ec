#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "core/overlay_device.h"
#include "ext/extent_tree.h"
#include "ext/inode.h"

namespace imgfs::ext {

/// Blocks of a file system that are changed in memory while fast commits are replayed: inodes,
/// extent trees, directories. Bounded; for one thread, at open.
class FastEditor {
 public:
  explicit FastEditor(const Storage& storage) : storage_(storage) {}

  const Superblock& super() const { return storage_.super; }
  /// The bytes of a block, to be changed in place; they stay where they are.
  Result<std::span<std::byte>> block(std::uint64_t number);
  Result<std::span<std::byte>> inode_bytes(std::uint32_t number);
  /// An inode as the kernel would get it: in use, of a known type.
  Result<Inode> inode(std::uint32_t number);
  /// Makes the checksum of changed bytes right.
  Result<void> seal(std::uint32_t number);
  /// Puts the changed header of an inode back and makes its checksum right.
  Result<void> store(const Inode& inode);
  /// Counts `steps` of work (entries looked at): too_large above some seconds' worth, which only commits
  /// made for that come to.
  Result<void> spend(std::uint64_t steps);
  /// The inode's extents, from then on kept in memory.
  Result<ExtentTree*> tree(std::uint32_t number);

  /// Keeps blocks from being given out: fast commits name them as a file's.
  void reserve(std::uint64_t first, std::uint64_t count) { reserved_.push_back({first, count}); }
  /// A block that nothing uses, filled with zeros.
  Result<std::uint64_t> allocate();

  /// All changed blocks, the trees written out.
  Result<OverlayDevice::Blocks> finish();

 private:
  static constexpr std::size_t kMaxBlocks = 16384;
  static constexpr std::uint64_t kMaxSteps = 4'000'000'000;
  static constexpr std::size_t kMaxExtents = 1U << 20;  ///< of all trees as they were loaded
  struct Range {
    std::uint64_t first;
    std::uint64_t count;
  };
  bool is_reserved(std::uint64_t block) const;
  Result<bool> find_free(std::uint32_t group);
  Result<void> write_tree(std::uint32_t number, const ExtentTree& tree);
  Result<std::uint64_t> write_node(const Inode& inode, std::span<const std::byte> entries,
                                   std::uint16_t count, std::uint16_t depth);

  const Storage& storage_;
  std::map<std::uint64_t, std::vector<std::byte>> blocks_;
  std::map<std::uint32_t, ExtentTree> trees_;
  std::vector<Range> reserved_;
  std::uint64_t steps_ = 0;
  std::size_t loaded_ = 0;  ///< extents and leaves
  std::uint32_t group_ = 0;          ///< from which blocks are given out
  std::vector<std::uint64_t> free_;  ///< of that group, not yet given out, in falling order
};

}  // namespace imgfs::ext
