#pragma once

#include <cstdint>
#include <span>

#include "ext/file_map.h"
#include "ext/journal_format.h"

namespace imgfs::ext {

/// A journal in an inode: its superblock, checked, and its blocks by their numbers in the log.
class JournalLog {
 public:
  /// Refused where a feature is unknown or the geometry makes no sense.
  static Result<JournalLog> open(const Storage& storage, const LeafCache& leaves,
                                 const Inode& inode);

  bool empty() const { return start_ == 0; }
  std::uint32_t start() const { return start_; }
  std::uint32_t sequence() const { return sequence_; }
  /// Blocks of the part that wraps around: [first, last).
  std::uint32_t last() const { return last_; }
  std::uint32_t next(std::uint32_t block, std::uint32_t count = 1) const;
  /// Fast commits, not wrapping: [first, end); empty where there are none.
  std::uint32_t fast_first() const { return fast_first_; }
  std::uint32_t fast_end() const { return max_length_; }
  std::uint32_t length() const { return max_length_; }
  std::uint32_t block_size() const { return block_size_; }

  bool has(JournalSuperblock::Incompat bit) const { return (incompat_ & bit) != 0; }
  bool old_checksums() const { return old_checksums_; }
  bool checksums() const {
    return (incompat_ & (JournalSuperblock::kChecksum2 | JournalSuperblock::kChecksum3)) != 0;
  }
  std::uint32_t checksum_seed() const { return checksum_seed_; }
  std::uint32_t tag_size() const;
  /// Bytes of a descriptor or revoke block that hold records.
  std::uint32_t record_space() const { return block_size_ - (checksums() ? 4U : 0U); }

  /// Where a log block lies in the file system.
  Result<std::uint64_t> place(std::uint32_t block) const;
  Result<void> read(std::uint32_t block, std::span<std::byte> out) const;
  /// Verifies the checksum in the last four bytes of a descriptor or revoke block.
  bool tail_matches(std::span<const std::byte> block) const;
  bool commit_matches(std::span<const std::byte> block) const;

 private:
  JournalLog(const Storage& storage, const LeafCache& leaves, const Inode& inode)
      : storage_(storage), map_(storage, leaves, inode), block_size_(storage.super.block_size) {}
  Result<void> parse(const JournalSuperblock& raw, std::uint64_t blocks);

  const Storage& storage_;
  FileMap map_;
  std::uint32_t block_size_;
  std::uint32_t max_length_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
  std::uint32_t fast_first_ = 0;
  std::uint32_t start_ = 0;
  std::uint32_t sequence_ = 0;
  std::uint32_t incompat_ = 0;
  bool old_checksums_ = false;
  std::uint32_t checksum_seed_ = 0;
};

}  // namespace imgfs::ext
