#pragma once

#include <span>
#include <string_view>

#include "core/file_system.h"
#include "core/function_ref.h"
#include "xfs/directory_format.h"
#include "xfs/fork_map.h"
#include "xfs/volume.h"

namespace imgfs::xfs {

/// One entry as it lies in a directory.
struct StoredEntry {
  std::string_view name;
  std::uint64_t inode;
  FileType type;
  std::size_t offset;  ///< bytes, in the block
  std::size_t end;     ///< where the next one begins
};

FileType type_of_entry(std::uint8_t type);

/// One block of a directory's data part: names and inode numbers.
class DirectoryBlock {
 public:
  /// Reads and checks the block at byte `start` of the directory.
  Result<void> load(const Volume& volume, const Inode& inode, const ForkMap& map, std::uint64_t start);

  /// True where it is the directory's only block and holds the hashes, too.
  bool is_only() const { return only_; }
  /// Visits the entries, "." and ".." too, until the visitor says false.
  Result<void> visit(FunctionRef<bool(const StoredEntry&)> visit) const;
  /// The entry at byte `offset` in the block.
  Result<StoredEntry> entry_at(std::size_t offset) const;
  /// The hash entries, in order of hash; only where `is_only`.
  std::span<const std::byte> hashes() const;
  std::size_t first_offset() const { return first_; }
  std::uint64_t position() const { return position_; }

 private:
  Buffer bytes_;
  std::uint64_t position_ = 0;
  std::size_t first_ = 0;  ///< of the first entry
  std::size_t end_ = 0;    ///< of all entries
  bool only_ = false;
  bool ftype_ = false;
};

}  // namespace imgfs::xfs
