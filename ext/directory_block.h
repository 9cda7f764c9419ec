#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/result.h"
#include "ext/inode.h"

namespace imgfs::ext {

struct DirEntry {
  std::uint32_t inode;
  std::string_view name;    ///< bytes of the block
  std::size_t offset;       ///< where the entry starts in the block
  std::size_t next_offset;  ///< where the following one starts
  std::uint8_t type;        ///< file_type as stored; 0 where the file system stores none
  /// The hash behind the name in an encrypted directory that ignores case; else nothing.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> hash;
};

/// Walks the entries in use of one block of a directory (or of the entries in an inode), in disk
/// order. Each entry is checked whole before it is given out; an error ends the walk.
class DirectoryBlock {
 public:
  /// `block` without a checksum at its end; `stored_hashes` where each name is followed by its
  /// hash.
  DirectoryBlock(const Superblock& super, std::span<const std::byte> block, std::size_t offset = 0,
                 bool stored_hashes = false)
      : super_(super), block_(block), offset_(offset), stored_hashes_(stored_hashes) {}

  /// The next entry; nothing at the end.
  Result<std::optional<DirEntry>> next();

 private:
  Error stop(std::string why);

  const Superblock& super_;
  std::span<const std::byte> block_;
  std::size_t offset_;
  bool stored_hashes_;
};

/// What a block of a directory holds.
enum class BlockKind { entries, index };

/// Tells the kinds apart as the kernel does, for block number `number` of the directory.
BlockKind kind_of_block(const Superblock& super, const Inode& directory, std::uint64_t number,
                        std::span<const std::byte> block);

/// Verifies the block's checksum and gives what of it holds entries (all but the checksum).
Result<std::span<const std::byte>> checked_entries(const Superblock& super, const Inode& directory,
                                                   std::span<const std::byte> block);
/// Verifies the checksum of an index block, whose entries begin at `entries_offset`.
Result<void> check_index(const Superblock& super, const Inode& directory,
                         std::span<const std::byte> block, std::size_t entries_offset);

/// rec_len as a length in bytes. In blocks of 64 KiB, which 16 bits cannot say, two bits have
/// moved.
std::size_t record_length(std::uint16_t stored, std::uint32_t block_size);

}  // namespace imgfs::ext
