#pragma once

#include <span>

#include "core/result.h"
#include "ext/file_map.h"

namespace imgfs::ext {

/// A child of an inner node of an extent tree.
struct ExtentChild {
  std::uint64_t block;  ///< where it lies
  std::uint64_t begin;  ///< file blocks that it is responsible for
  std::uint64_t end;
};

/// A node of an extent tree whose header makes sense: in an inode or in a block of its own.
class ExtentNode {
 public:
  /// `depth` is what the parent says, `covered` what it is responsible for.
  static Result<ExtentNode> parse(const Superblock& super, std::span<const std::byte> bytes,
                                  std::uint16_t depth, std::uint64_t begin, std::uint64_t end);
  /// Verifies the checksum behind the entries of a node in a block.
  static Result<void> check_tail(const Superblock& super, const Inode& inode,
                                 std::span<const std::byte> block);

  std::uint16_t depth() const { return depth_; }
  std::uint16_t entries() const { return entries_; }
  /// Leaf: run number `index`, checked against its neighbour and the file system.
  Result<MappedRun> run(std::uint16_t index) const;
  /// The same with the place of unwritten ones, too.
  struct Full {
    MappedRun run;
    bool unwritten;
  };
  Result<Full> extent(std::uint16_t index) const;
  /// Inner node: child number `index`.
  Result<ExtentChild> child(std::uint16_t index) const;
  /// Inner node: the child that is responsible for `block`; nothing where it lies before the first.
  Result<std::optional<ExtentChild>> find_child(std::uint64_t block) const;
  std::uint64_t begin() const { return begin_; }
  std::uint64_t end() const { return end_; }

 private:
  ExtentNode(const Superblock& super, std::span<const std::byte> bytes, std::uint16_t depth,
             std::uint16_t entries, std::uint64_t begin, std::uint64_t end)
      : super_(&super), bytes_(bytes), depth_(depth), entries_(entries), begin_(begin), end_(end) {}

  const Superblock* super_;
  std::span<const std::byte> bytes_;
  std::uint16_t depth_;
  std::uint16_t entries_;
  std::uint64_t begin_;
  std::uint64_t end_;
};

}  // namespace imgfs::ext
