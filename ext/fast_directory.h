#pragma once

#include <string_view>

#include "ext/fast_editor.h"

namespace imgfs::ext {

/// Entries of a directory that is changed while fast commits are replayed; in the places where the
/// kernel would put them, as far as there is room.
class FastDirectory {
 public:
  FastDirectory(FastEditor& editor, const Inode& directory)
      : editor_(editor), directory_(directory) {}

  enum class Added { yes, exists };
  Result<Added> add(std::string_view name, const Inode& target);
  enum class Removed { yes, other_inode, missing };
  Result<Removed> remove(std::string_view name, std::uint32_t target);
  /// The first block of a new directory: itself and `parent`.
  Result<void> start(std::uint32_t parent);

 private:
  enum class Placed { yes, exists, no_room };
  Result<Placed> place(std::uint64_t block, std::string_view name, const Inode& target);
  Result<std::optional<std::uint64_t>> indexed_block(std::string_view name);
  Result<void> append(std::string_view name, const Inode& target);
  Result<void> drop_index();
  Result<std::uint64_t> physical(std::uint64_t block);
  Result<std::uint64_t> append_block();
  void seal(std::span<std::byte> block) const;
  std::size_t entry_space() const;
  std::uint64_t blocks() const;
  void write(std::span<std::byte> block, std::size_t offset, std::size_t length,
             std::string_view name, std::uint32_t inode, std::uint8_t type) const;

  FastEditor& editor_;
  Inode directory_;
};

}  // namespace imgfs::ext
