#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ext/inode.h"

namespace imgfs::ext {

/// An extent of a tree that is being changed in memory.
struct TreeExtent {
  std::uint64_t logical;  ///< blocks, all three
  std::uint64_t length;
  std::uint64_t physical;
  bool unwritten;

  std::uint64_t end() const { return logical + length; }
};

/// A whole extent tree in memory: replaying fast commits changes it as the kernel does, so that it
/// has as many nodes as the kernel's would have. For one thread.
class ExtentTree {
 public:
  /// `capacity`: entries of a node in a block.
  explicit ExtentTree(std::size_t capacity) : capacity_(capacity), leaves_(1) {}
  /// An empty one for blocks of this size.
  static ExtentTree empty(const Superblock& super);
  static Result<ExtentTree> load(const Storage& storage, const Inode& inode);

  /// The extent that holds `block`; nothing in a hole.
  std::optional<TreeExtent> find(std::uint64_t block) const;
  /// Where the first extent behind `block` begins.
  std::uint64_t next_start(std::uint64_t block) const;
  void insert(const TreeExtent& extent);
  /// Gives the blocks [start, start + length), all in one extent, a new place and state.
  void update(std::uint64_t start, std::uint64_t length, std::uint64_t physical, bool unwritten);
  void remove(std::uint64_t begin, std::uint64_t end);
  /// Joins neighbours before `end`, and takes a level out where the rest fits into the inode.
  void join(std::uint64_t end);
  void clear() { *this = ExtentTree(capacity_); }

  /// Extents and leaves: the memory that it takes, and the work of a change.
  std::size_t weight() const { return extents_ + leaves_.size(); }
  std::uint64_t data_blocks() const;
  std::uint64_t node_blocks() const;
  bool in_inode() const { return depth_ == 0; }
  const std::vector<std::vector<TreeExtent>>& leaves() const { return leaves_; }
  std::size_t capacity() const { return capacity_; }
  static constexpr std::size_t kInInode = 4;
  static constexpr std::size_t kMaxExtents = 1U << 18;
  bool too_large() const { return extents_ > kMaxExtents; }

 private:
  using Leaf = std::vector<TreeExtent>;
  std::size_t leaf_for(std::uint64_t block) const;
  void insert_into(std::size_t leaf, const TreeExtent& extent);
  void make_room(std::size_t& leaf, std::uint64_t logical);
  void split(std::uint64_t at);
  static void join_at(Leaf& leaf, std::size_t index);
  std::size_t room() const { return depth_ == 0 ? kInInode : capacity_; }

  std::size_t capacity_;
  std::vector<Leaf> leaves_;
  std::size_t depth_ = 0;
  std::size_t inner_ = 0;  ///< nodes between the inode and the leaves
  std::size_t extents_ = 0;
};

}  // namespace imgfs::ext
