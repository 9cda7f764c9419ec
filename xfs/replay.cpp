#include "xfs/replay.h"

#include <algorithm>

#include "xfs/checksum.h"

namespace imgfs::xfs {
namespace {

constexpr std::size_t kMaxIntents = 1U << 20;
constexpr std::size_t kMaxIntentBytes = std::size_t{256} << 20;

std::size_t size_of(const LogItem& item) {
  std::size_t out = 0;
  for (const auto& region : item.regions) out += region.size();
  return out;
}

std::string hex4(std::uint16_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "0x";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[value >> shift & 15];
  return out;
}

enum class Step { buffers, items, inode_buffers, cancelled };

/// When an item's turn is within its transaction: new blocks first, then inodes, then lists of unlinked
/// inodes, then what is freed.
Step step_of(const LogItem& item) {
  if (item.type() == ItemType::icreate) return Step::buffers;
  if (item.type() != ItemType::buffer) return Step::items;
  const auto head = get<BufferItem>(item.region(0));
  const std::uint16_t flags = head ? head->blf_flags.value() : std::uint16_t{0};
  if ((flags & kBufferCancel) != 0) return Step::cancelled;
  return (flags & kBufferInodes) != 0 ? Step::inode_buffers : Step::buffers;
}

}  // namespace

Result<void> Replay::first_pass(const Transaction& transaction) {
  for (const LogItem& item : transaction.items) {
    if (item.regions.size() != item.expected) return corrupt("log item with regions missing");
    switch (item.type()) {
      case ItemType::buffer: {
        const auto head = get<BufferItem>(item.region(0));
        if (!head) return corrupt("buffer item in the log is too short");
        if ((head->blf_flags.value() & kBufferCancel) != 0) ++cancelled_[{head->blf_blkno.value(), head->blf_len.value()}];
        break;
      }
      case ItemType::efi: case ItemType::efd: case ItemType::inode: case ItemType::dquot: case ItemType::quotaoff:
      case ItemType::icreate: case ItemType::rui: case ItemType::rud: case ItemType::cui: case ItemType::cud:
      case ItemType::bui: case ItemType::bud: case ItemType::attri: case ItemType::attrd: case ItemType::xmi:
      case ItemType::xmd: break;
      default: return unsupported("log item of type " + hex4(static_cast<std::uint16_t>(item.type())));
    }
  }
  return success();
}

Result<void> Replay::second_pass(const Transaction& transaction) {
  for (const Step step : {Step::buffers, Step::items, Step::inode_buffers, Step::cancelled})
    for (const LogItem& item : transaction.items) {
      if (step_of(item) != step) continue;
      switch (item.type()) {
        case ItemType::buffer: TRY(buffer(item, transaction.lsn)); break;
        case ItemType::inode: TRY(inode(item, transaction.lsn)); break;
        case ItemType::icreate: TRY(inode_create(item)); break;
        case ItemType::efi: case ItemType::rui: case ItemType::cui: case ItemType::bui: case ItemType::attri:
        case ItemType::xmi: TRY(intent(item)); break;
        case ItemType::efd: case ItemType::rud: case ItemType::cud: case ItemType::bud: case ItemType::attrd:
        case ItemType::xmd: TRY(done(item)); break;
        default: break;  // quotas: nobody reads them here
      }
    }
  return success();
}

Result<void> Replay::intent(const LogItem& item) {
  const auto head = get<IntentItem>(item.region(0));
  if (!head) return corrupt("intent item in the log is too short");
  intent_bytes_ += size_of(item);
  if (intents_.size() >= kMaxIntents || intent_bytes_ > kMaxIntentBytes)
    return Error{Errc::too_large, "more than a million open intents in the log, or 256 MiB of them", {}};
  orders_[{item.type(), head->id.value()}].push_back(next_order_);
  intents_.emplace(next_order_++, Intent{item.type(), item});
  return success();
}

Result<void> Replay::done(const LogItem& item) {
  // A "done" item has the number after its intent's, and the intent's id at the same place.
  const auto head = get<IntentItem>(item.region(0));
  if (!head) return corrupt("intent item in the log is too short");
  const auto type = static_cast<ItemType>(static_cast<std::uint16_t>(item.type()) - 1);
  const auto found = orders_.find({type, head->id.value()});
  if (found == orders_.end()) return success();
  // Of several with one id the last one.
  const auto last = intents_.find(found->second.back());
  intent_bytes_ -= size_of(last->second.item);
  intents_.erase(last);
  found->second.pop_back();
  if (found->second.empty()) orders_.erase(found);
  return success();
}

std::vector<Intent> Replay::take_unfinished() {
  std::vector<Intent> out;
  for (auto& [order, intent] : intents_) out.push_back(std::move(intent));
  intents_.clear();
  orders_.clear();
  intent_bytes_ = 0;
  return out;
}

Result<void> Replay::fix_checksums() {
  if (!sb_.v5) return success();
  std::vector<std::byte> bytes;
  for (const auto& [offset, changed] : changed_) {
    bytes.resize(changed.length);
    TRY(image_.read(offset, bytes));
    const auto type = static_cast<BufferType>(changed.flags >> kBufferTypeShift);
    // Values of attributes have a header in each block; everything else one for the whole buffer.
    const std::size_t step = type == BufferType::attribute_remote ? sb_.block_size : bytes.size();
    const bool inodes = type == BufferType::inodes || (changed.flags & kBufferInodes) != 0;
    for (std::size_t at = 0; at + step <= bytes.size() && !inodes; at += step) {
      const auto block = std::span(bytes).subspan(at, step);
      const auto field = checksum_field(block);
      if (!field || *field + sizeof(le32) > block.size()) continue;
      le32 crc;
      crc = block_crc(block, *field);
      TRY(image_.write(offset + at + *field, std::as_bytes(std::span(&crc, 1))));
    }
  }
  return success();
}

}  // namespace imgfs::xfs
