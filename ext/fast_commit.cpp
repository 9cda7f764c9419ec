#include "ext/fast_commit.h"

#include <vector>

#include "ext/checksum.h"
#include "ext/fast_commit_format.h"
#include "ext/fast_replay.h"

namespace imgfs::ext {
namespace {

constexpr std::size_t kMaxTags = 1U << 18;
constexpr std::size_t kMaxHeld = std::size_t{64} << 20;  // bytes

bool length_is_valid(const Superblock& super, FastTag tag, std::size_t length) {
  switch (tag) {
    case FastTag::add_range: return length == sizeof(FastAddRange);
    case FastTag::delete_range: return length == sizeof(FastDeleteRange);
    case FastTag::create:
    case FastTag::link:
    case FastTag::unlink: return length > sizeof(FastEntry) && length <= sizeof(FastEntry) + 255;
    case FastTag::inode:
      return length >= sizeof(FastInode) + RawInode::kSmallSize &&
             length <= sizeof(FastInode) + super.inode_size;
    case FastTag::padding: return true;
    case FastTag::tail: return length >= sizeof(FastTail);
    case FastTag::head: return length == sizeof(FastHead);
  }
  return false;
}

/// Finds out how many of the tags belong to commits that are complete.
class Scan {
 public:
  Scan(const Superblock& super, std::uint32_t transaction)
      : super_(super), transaction_(transaction) {}

  std::size_t complete() const { return complete_; }
  std::vector<FastRecord>& records() { return records_; }

  /// False: the end. An error: the kernel would not mount this.
  Result<bool> block(std::span<const std::byte> bytes) {
    const auto first = get<FastTagHeader>(bytes);
    if (records_.empty() && first->fc_tag.value() != static_cast<std::uint16_t>(FastTag::head))
      return false;
    for (std::size_t at = 0; at + sizeof(FastTagHeader) <= bytes.size();) {
      const FastTagHeader header = *get<FastTagHeader>(bytes, at);
      const auto tag = static_cast<FastTag>(header.fc_tag.value());
      const auto value = part(bytes, at + sizeof header, header.fc_len.value());
      if (!value || !length_is_valid(super_, tag, value->size()))
        return end("fast commit with a bad tag");
      if (records_.size() >= kMaxTags)
        return Error{Errc::too_large, "fast commits of 2^18 tags", {}};
      const auto whole = bytes.subspan(at, sizeof header + value->size());
      if (!TRY(one(tag, *value, whole))) return false;
      at += whole.size();
    }
    return true;
  }

 private:
  Result<bool> end(const char* why) const {
    if (complete_ > 0) return false;
    return corrupt(why);
  }

  Result<bool> one(FastTag tag, std::span<const std::byte> value,
                   std::span<const std::byte> whole) {
    if (tag == FastTag::head) {
      const FastHead head = *get<FastHead>(value);
      if (head.fc_features.value() != 0) return unsupported("fast commits with unknown features");
      if (head.fc_tid.value() != transaction_) return false;
    }
    const auto kept = tag == FastTag::padding ? value.first(0) : value;
    held_ += kept.size();
    if (held_ > kMaxHeld) return Error{Errc::too_large, "fast commits of more than 64 MiB", {}};
    records_.push_back({tag, {kept.begin(), kept.end()}});
    if (tag != FastTag::tail) {
      crc_ = crc32c(crc_, whole);
      return true;
    }
    const FastTail tail = *get<FastTail>(value);
    crc_ = crc32c(crc_, whole.first(sizeof(FastTagHeader) + offsetof(FastTail, fc_crc)));
    const bool good =
        tail.fc_tid.value() == transaction_ && (tail.fc_crc.value() == crc_ || !kChecksumsCount);
    crc_ = 0;
    if (!good) return end("fast commit: checksum does not match");
    complete_ = records_.size();
    return true;
  }

  const Superblock& super_;
  std::uint32_t transaction_;
  std::uint32_t crc_ = 0;
  std::size_t complete_ = 0;
  std::size_t held_ = 0;  ///< bytes in `records_`
  std::vector<FastRecord> records_;
};

}  // namespace

Result<FastCommits> replay_fast_commits(const Storage& storage, const JournalLog& log,
                                        std::uint32_t transaction) {
  FastCommits out;
  Scan scan(storage.super, transaction);
  Scratch buffer(log.block_size());
  for (std::uint32_t block = log.fast_first(); block < log.fast_end(); ++block) {
    TRY(log.read(block, buffer.span()));
    if (!TRY(scan.block(buffer.span()))) break;
  }
  if (scan.complete() == 0) return out;
  scan.records().resize(scan.complete());
  FastReplay replay(storage);
  for (const FastRecord& record : scan.records()) replay.reserve(record);
  for (const FastRecord& record : scan.records()) TRY(replay.apply(record));
  out.operations = replay.operations();
  out.blocks = TRY(replay.finish());
  return out;
}

}  // namespace imgfs::ext
