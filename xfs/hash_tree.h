#pragma once

#include <optional>
#include <string_view>

#include "xfs/directory_format.h"
#include "xfs/fork_map.h"
#include "xfs/volume.h"

namespace imgfs::xfs {

/// The hash of a name in directories and attributes; with `ascii_ci` letters count as lower case.
std::uint32_t name_hash(std::string_view name, bool ascii_ci = false);

/// The tree of blocks by hash of name, in a directory's fork or in the one of attributes.
class HashTree {
 public:
  enum class Kind { directory, attributes };

  HashTree(const Volume& volume, const Inode& inode, const ForkMap& map, Kind kind)
      : volume_(volume), inode_(inode), map_(map), kind_(kind) {}

  /// One block of the tree, checked.
  struct Block {
    Buffer bytes;
    std::uint32_t number = 0;  ///< in blocks of the fork
    std::uint64_t position = 0;  ///< byte offset on the device
    std::uint16_t magic = 0;
    std::uint32_t next = 0;    ///< the next one of the same level; 0: none
    std::uint32_t previous = 0;
    std::uint16_t count = 0;
  };

  /// The first leaf that can hold `hash`; nothing where no leaf can.
  Result<bool> find_leaf(std::uint32_t hash, Block& out) const;
  /// The leaf with the lowest hashes.
  Result<void> first_leaf(Block& out) const;
  /// Remembers a block of a chain now and then, so that a loop is found (Brent's algorithm).
  struct Chain {
    std::uint64_t steps = 0;
    std::uint32_t mark = 0;
  };
  /// The leaf after `block` into it; false where it was the last one.
  Result<bool> next_leaf(Block& block, Chain& chain) const;

  bool is_leaf(const Block& block) const;
  /// Where a block's entries begin.
  std::size_t header_size() const;

 private:
  Result<void> load(std::uint32_t number, Block& out) const;
  Result<bool> descend(std::optional<std::uint32_t> hash, Block& out) const;
  std::uint32_t block_size() const;
  std::uint32_t root() const;

  const Volume& volume_;
  const Inode& inode_;
  const ForkMap& map_;
  Kind kind_;
};

}  // namespace imgfs::xfs
