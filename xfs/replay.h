#pragma once

#include <map>
#include <set>
#include <utility>

#include "xfs/log_transactions.h"
#include "xfs/replay_image.h"

namespace imgfs::xfs {

/// Buffers by block number and length, both in units of 512 bytes: how often each is freed in the log.
using CancelTable = std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t>;

/// An intent of the log: something that was begun and, unless its "done" item follows, not finished.
struct Intent {
  ItemType type;
  LogItem item;
};

/// Applies the items of transactions to an image in memory.
class Replay {
 public:
  Replay(ReplayImage& image, const Superblock& sb) : image_(image), sb_(sb) {}

  /// First pass: remembers which buffers are freed. unsupported names an item of unknown type.
  Result<void> first_pass(const Transaction& transaction);
  /// Second pass: applies the transaction.
  Result<void> second_pass(const Transaction& transaction);
  /// Recomputes the checksums of all blocks that were changed.
  Result<void> fix_checksums();

  /// Takes the intents that were not done, in the order of the log.
  std::vector<Intent> take_unfinished();

 private:
  Result<void> buffer(const LogItem& item, std::uint64_t lsn);
  Result<void> copy_regions(const LogItem& item, const BufferItem& head, std::span<std::byte> bytes) const;
  Result<void> copy_unlinked(const LogItem& item, const BufferItem& head, std::span<std::byte> bytes) const;
  Result<void> inode(const LogItem& item, std::uint64_t lsn);
  Result<void> inode_create(const LogItem& item);
  Result<void> change_owner(std::span<const std::byte> inode, std::uint64_t number, bool attributes);
  Result<void> intent(const LogItem& item);
  Result<void> done(const LogItem& item);
  bool is_cancelled(std::uint64_t block, std::uint32_t length) const { return cancelled_.contains({block, length}); }

  ReplayImage& image_;
  const Superblock& sb_;
  CancelTable cancelled_;
  struct Changed {
    std::uint32_t length;  ///< bytes
    std::uint16_t flags;
  };
  std::map<std::uint64_t, Changed> changed_;  ///< buffers by byte offset
  std::map<std::uint64_t, Intent> intents_;  ///< open ones by their order in the log
  std::map<std::pair<ItemType, std::uint64_t>, std::vector<std::uint64_t>> orders_;  ///< by type and id
  std::uint64_t next_order_ = 0;
  std::size_t intent_bytes_ = 0;  ///< of all in `intents_`
};

/// The bitmap of a buffer item: visits each run of logged pieces as (byte offset, bytes of the log).
Result<void> each_logged_run(const LogItem& item, const BufferItem& head, std::size_t length,
                             FunctionRef<Result<void>(std::size_t, std::span<const std::byte>)> visit);

/// The LSN that a version 5 block says it was last written with; nothing where it does not know.
std::optional<std::uint64_t> block_lsn(const Superblock& sb, std::span<const std::byte> block);
/// Where such a block keeps its checksum, by what it is; nothing for others.
std::optional<std::size_t> checksum_field(std::span<const std::byte> block);

}  // namespace imgfs::xfs
