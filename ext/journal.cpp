#include "ext/journal.h"

#include <algorithm>
#include <unordered_map>

#include "ext/checksum.h"

namespace imgfs::ext {
namespace {

constexpr std::size_t kMaxBlocks = 1U << 20;  ///< that may be replayed
constexpr std::size_t kMaxRevokes = 1U << 20;

/// Transaction ids wrap around.
bool later(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) > 0; }

struct Tag {
  std::uint64_t block;
  std::uint32_t flags;
  std::uint32_t checksum;  ///< 16 bits of it in the second version
};

/// The tags of a descriptor block, until `visit` says false.
Result<void> each_tag(const JournalLog& log, std::span<const std::byte> block,
                      FunctionRef<Result<bool>(const Tag&)> visit) {
  const std::size_t size = log.tag_size();
  for (std::size_t at = sizeof(JournalHeader); at + size <= log.record_space();) {
    Tag tag{get<be32>(block, at)->value(), get<be16>(block, at + 6)->value(), 0};
    const bool wide = log.has(JournalSuperblock::k64BitTags);
    if (wide) tag.block |= std::uint64_t{get<be32>(block, at + 8)->value()} << 32;
    if (log.has(JournalSuperblock::kChecksum3))
      tag.checksum = get<be32>(block, at + 12)->value();
    else
      tag.checksum = get<be16>(block, at + 4)->value();
    if (!TRY(visit(tag)) || (tag.flags & kTagLast) != 0) return success();
    at += size + ((tag.flags & kTagSameUuid) != 0 ? 0 : 16);
  }
  return success();
}

class Recovery {
 public:
  Recovery(const Storage& storage, const JournalLog& log)
      : storage_(storage), log_(log), buffer_(log.block_size()) {}

  Result<JournalReplay> run() {
    TRY(scan());
    TRY(collect_revokes());
    return replay();
  }

 private:
  enum class Step { go_on, stop };
  using OnBlock =
      FunctionRef<Result<Step>(std::uint32_t type, std::uint32_t& block, std::uint32_t& sequence)>;

  /// Walks the log's own blocks (not those with data) as long as they belong to the wanted
  /// transaction.
  Result<std::uint32_t> walk(OnBlock visit) {
    std::uint32_t block = log_.start();
    std::uint32_t sequence = log_.sequence();
    for (std::uint32_t steps = 0; steps <= log_.length(); ++steps) {
      if (end_known_ && !later(end_, sequence)) return sequence;
      TRY(log_.read(block, buffer_.span()));
      block = log_.next(block);
      const JournalHeader header = *get<JournalHeader>(buffer_.span());
      if (header.h_magic.value() != JournalHeader::kMagic || header.h_sequence.value() != sequence)
        return sequence;
      if (TRY(visit(header.h_blocktype.value(), block, sequence)) == Step::stop) return sequence;
    }
    return corrupt("journal that never ends");
  }

  Result<std::uint32_t> count_tags() const {
    std::uint32_t count = 0;
    const auto one_more = [&](const Tag&) -> Result<bool> {
      ++count;
      return true;
    };
    TRY(each_tag(log_, buffer_.span(), one_more));
    return count;
  }

  Result<void> scan();
  Result<Step> scan_descriptor(std::uint32_t& block);
  Result<Step> scan_commit(std::uint32_t& sequence);
  Result<void> collect_revokes();
  Result<void> collect_block(std::uint32_t sequence);
  Result<JournalReplay> replay();
  Result<void> replay_descriptor(std::uint32_t& block, std::uint32_t sequence);
  bool data_matches(const Tag& tag, std::uint32_t sequence, std::span<const std::byte> data) const;

  const Storage& storage_;
  const JournalLog& log_;
  Scratch buffer_;
  bool end_known_ = false;
  std::uint32_t end_ = 0;  ///< the first transaction that is not replayed
  // Of the scan:
  bool doubtful_ = false;  ///< a block's checksum did not match: old leftovers, or damage
  bool end_found_ = false;
  std::uint64_t last_time_ = 0;  ///< of the commit before
  std::uint32_t old_checksum_ = ~0U;
  std::unordered_map<std::uint64_t, std::uint32_t> revokes_;  ///< block: last transaction
  std::vector<JournaledBlock> blocks_;
};

Result<void> Recovery::scan() {
  const auto visit = [&](std::uint32_t type, std::uint32_t& block,
                         std::uint32_t& sequence) -> Result<Step> {
    switch (type) {
      case JournalHeader::kDescriptor: return scan_descriptor(block);
      case JournalHeader::kCommit: return scan_commit(sequence);
      case JournalHeader::kRevoke:
        if (!log_.tail_matches(buffer_.span())) doubtful_ = true;
        return Step::go_on;
      default: return Step::stop;
    }
  };
  const std::uint32_t reached = TRY(walk(visit));
  if (!end_found_) end_ = reached;
  end_known_ = true;
  return success();
}

Result<Recovery::Step> Recovery::scan_descriptor(std::uint32_t& block) {
  if (!log_.tail_matches(buffer_.span())) doubtful_ = true;
  const std::uint32_t count = TRY(count_tags());
  if (log_.old_checksums() && !doubtful_ && !end_found_) {
    old_checksum_ = crc32_be(old_checksum_, buffer_.span());
    Scratch data(log_.block_size());
    for (std::uint32_t i = 0; i < count; ++i) {
      TRY(log_.read(block, data.span()));
      old_checksum_ = crc32_be(old_checksum_, data.span());
      block = log_.next(block);
    }
    return Step::go_on;
  }
  block = log_.next(block, count);
  return Step::go_on;
}

Result<Recovery::Step> Recovery::scan_commit(std::uint32_t& sequence) {
  const CommitBlock commit = *get<CommitBlock>(buffer_.span());
  const std::uint64_t time = commit.h_commit_sec.value();
  if (doubtful_) {
    // Older than the commit before: left over from an earlier round of the log, which ends here.
    if (time < last_time_) return Step::stop;
    return corrupt("journal transaction " + std::to_string(sequence) + ": checksum does not match");
  }
  bool good = log_.commit_matches(buffer_.span());
  if (log_.old_checksums()) {
    if (end_found_) return Step::stop;  // a commit after a bad one: the journal is damaged
    const std::uint32_t stored = commit.h_chksum[0].value();
    const bool same = stored == old_checksum_ && commit.h_chksum_type == CommitBlock::kCrc32 &&
                      commit.h_chksum_size == 4;
    const bool unused = stored == 0 && commit.h_chksum_type == 0 && commit.h_chksum_size == 0;
    if (!same && !unused && kChecksumsCount) good = false;
    if (good) old_checksum_ = ~0U;
  }
  if (!good) {
    if (time < last_time_) return Step::stop;
    if (!end_found_) end_ = sequence;
    end_found_ = true;
    if (!log_.has(JournalSuperblock::kAsyncCommit)) return Step::stop;
  }
  last_time_ = time;
  ++sequence;
  return Step::go_on;
}

Result<void> Recovery::collect_revokes() {
  const auto visit = [&](std::uint32_t type, std::uint32_t& block,
                         std::uint32_t& sequence) -> Result<Step> {
    switch (type) {
      case JournalHeader::kDescriptor:
        if (!log_.tail_matches(buffer_.span()))
          return corrupt("journal descriptor: checksum does not match");
        block = log_.next(block, TRY(count_tags()));
        return Step::go_on;
      case JournalHeader::kCommit: ++sequence; return Step::go_on;
      case JournalHeader::kRevoke: TRY(collect_block(sequence)); return Step::go_on;
      default: return Step::stop;
    }
  };
  const std::uint32_t reached = TRY(walk(visit));
  if (reached != end_) return corrupt("journal ends at different transactions");
  return success();
}

Result<void> Recovery::collect_block(std::uint32_t sequence) {
  const std::uint32_t used = get<RevokeHeader>(buffer_.span())->r_count.value();
  if (used > log_.record_space())
    return corrupt("revoke block with " + std::to_string(used) + " bytes");
  const std::size_t width = log_.has(JournalSuperblock::k64BitTags) ? 8 : 4;
  for (std::size_t at = sizeof(RevokeHeader); at + width <= used; at += width) {
    const std::uint64_t block = width == 8 ? get<be64>(buffer_.span(), at)->value()
                                           : get<be32>(buffer_.span(), at)->value();
    const auto [entry, fresh] = revokes_.emplace(block, sequence);
    if (!fresh && later(sequence, entry->second)) entry->second = sequence;
    if (revokes_.size() > kMaxRevokes)
      return Error{Errc::too_large, "journal with more than a million revokes", {}};
  }
  return success();
}

bool Recovery::data_matches(const Tag& tag, std::uint32_t sequence,
                            std::span<const std::byte> data) const {
  if (!log_.checksums() || !kChecksumsCount) return true;
  const be32 number(sequence);
  const std::uint32_t crc =
      crc32c(crc32c(log_.checksum_seed(), std::as_bytes(std::span(&number, 1))), data);
  return tag.checksum == (log_.has(JournalSuperblock::kChecksum3) ? crc : crc & 0xffffU);
}

Result<void> Recovery::replay_descriptor(std::uint32_t& block, std::uint32_t sequence) {
  if (!log_.tail_matches(buffer_.span()))
    return corrupt("journal descriptor: checksum does not match");
  Scratch data(log_.block_size());
  return each_tag(log_, buffer_.span(), [&](const Tag& tag) -> Result<bool> {
    const std::uint32_t here = block;
    block = log_.next(block);
    const auto revoked = revokes_.find(tag.block);
    if (revoked != revokes_.end() && !later(sequence, revoked->second)) return true;
    if (tag.block >= storage_.super.blocks)
      return corrupt("journal writes block " + std::to_string(tag.block) +
                     " outside the file system");
    if (log_.checksums()) {
      TRY(log_.read(here, data.span()));
      if (!data_matches(tag, sequence, data.span()))
        return corrupt("journaled block " + std::to_string(tag.block) +
                       ": checksum does not match");
    }
    blocks_.push_back({tag.block, TRY(log_.place(here)), (tag.flags & kTagEscaped) != 0});
    if (blocks_.size() > kMaxBlocks)
      return Error{Errc::too_large, "journal with more than a million blocks", {}};
    return true;
  });
}

Result<JournalReplay> Recovery::replay() {
  const auto visit = [&](std::uint32_t type, std::uint32_t& block,
                         std::uint32_t& sequence) -> Result<Step> {
    switch (type) {
      case JournalHeader::kDescriptor: TRY(replay_descriptor(block, sequence)); return Step::go_on;
      case JournalHeader::kCommit: ++sequence; return Step::go_on;
      case JournalHeader::kRevoke: return Step::go_on;
      default: return Step::stop;
    }
  };
  const std::uint32_t reached = TRY(walk(visit));
  if (reached != end_) return corrupt("journal ends at different transactions");
  // Of several versions of a block the last one counts.
  std::ranges::stable_sort(blocks_, {}, &JournaledBlock::block);
  JournalReplay out;
  for (const JournaledBlock& block : blocks_) {
    if (!out.blocks.empty() && out.blocks.back().block == block.block)
      out.blocks.back() = block;
    else
      out.blocks.push_back(block);
  }
  out.transactions = end_ - log_.sequence();
  out.next_transaction = end_;
  out.ends_damaged = end_found_;
  return out;
}

}  // namespace

Result<JournalReplay> replay_journal(const Storage& storage, const JournalLog& log) {
  return Recovery(storage, log).run();
}

}  // namespace imgfs::ext
