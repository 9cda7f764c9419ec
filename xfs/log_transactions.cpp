#include "xfs/log_transactions.h"

#include <algorithm>

namespace imgfs::xfs {
namespace {

constexpr std::size_t kMaxRegions = 1024;          ///< of an item; XFS itself stays below 300
constexpr std::size_t kMaxHeld = std::size_t{1} << 29;  ///< bytes of transactions that are not committed yet
constexpr std::size_t kMaxOpen = 1U << 16;

std::size_t size_of(const Transaction& transaction) {
  std::size_t out = transaction.header.size();
  for (const LogItem& item : transaction.items)
    for (const auto& region : item.regions) out += region.size();
  return out;
}

}  // namespace

Result<void> TransactionReader::read(const LogRange& range, FunctionRef<Result<void>(Transaction&)> visit) {
  open_.clear();
  held_ = 0;
  std::uint32_t left = log_.distance(range.tail, range.head);
  for (std::uint32_t block = range.tail; left > 0;) {
    const auto record = TRY(log_.record_at(block));
    const std::uint32_t length = record ? record->header_blocks + record->payload_blocks : 0;
    if (!record || length > left)
      return corrupt("the log has no whole record at its block " + std::to_string(block));
    TRY(read_record(*record, visit));
    left -= length;
    block = log_.after(*record);
  }
  return success();
}

Result<void> TransactionReader::read_record(const LogArea::Record& record,
                                            FunctionRef<Result<void>(Transaction&)> visit) {
  const LogRecordHeader& header = record.header;
  if (header.h_fmt.value() == kLogFormatBig) return unsupported("a log written by a big-endian machine");
  if (header.h_fmt.value() != kLogFormatLittle)
    return unsupported("a log of format " + std::to_string(header.h_fmt.value()));
  if (!std::ranges::equal(header.h_fs_uuid, sb_.uuid))
    return corrupt("log record: belongs to another file system (UUID)", std::uint64_t{record.block} * kLogBlock);
  TRY(log_.payload(record, payload_));
  std::span<const std::byte> rest = payload_;
  for (std::uint32_t i = 0; i < header.h_num_logops.value() && !rest.empty(); ++i) {
    const auto head = get<LogOperation>(rest);
    const auto data = head ? part(rest, sizeof(LogOperation), head->oh_len.value()) : std::nullopt;
    if (!data)
      return corrupt("log operation does not fit into its record", std::uint64_t{record.block} * kLogBlock);
    if (head->oh_clientid != kClientTransaction && head->oh_clientid != kClientLog)
      return corrupt("log operation of client " + std::to_string(head->oh_clientid),
                     std::uint64_t{record.block} * kLogBlock);
    TRY(operation(*head, *data, header.h_lsn.value(), visit));
    rest = rest.subspan(sizeof(LogOperation) + data->size());
  }
  return success();
}

Result<void> TransactionReader::operation(const LogOperation& head, std::span<const std::byte> data,
                                          std::uint64_t lsn, FunctionRef<Result<void>(Transaction&)> visit) {
  const std::uint32_t id = head.oh_tid.value();
  const auto found = open_.find(id);
  if (found == open_.end()) {
    // What belongs to a transaction that began before the tail has reached the disk.
    if ((head.oh_flags & kOpStart) == 0) return success();
    if (open_.size() >= kMaxOpen) return Error{Errc::too_large, "more than 65536 open transactions in the log", {}};
    open_[id].lsn = lsn;
    return success();
  }
  std::uint8_t flags = head.oh_flags & static_cast<std::uint8_t>(~kOpEnd);
  if ((flags & kOpWasContinued) != 0) flags &= static_cast<std::uint8_t>(~kOpContinue);
  held_ += data.size();
  if (held_ > kMaxHeld) return Error{Errc::too_large, "more than 512 MiB of open transactions in the log", {}};
  switch (flags) {
    case 0:
    case kOpContinue: return add_region(found->second, data);
    case kOpWasContinued: return add_rest(found->second, data);
    case kOpCommit: {
      Transaction done = std::move(found->second);
      open_.erase(found);
      held_ -= std::min(held_, size_of(done));
      return visit(done);
    }
    case kOpUnmount: open_.erase(found); return success();
    default: return corrupt("log operation with flags " + std::to_string(head.oh_flags));
  }
}

Result<void> TransactionReader::add_region(Transaction& transaction, std::span<const std::byte> data) {
  if (data.empty()) return success();
  if (transaction.header.size() < sizeof(TransactionHeader)) {
    if (!transaction.header.empty() || data.size() > sizeof(TransactionHeader) || !get<le32>(data) ||
        get<le32>(data)->value() != TransactionHeader::kMagic)
      return corrupt("transaction in the log without a header");
    transaction.header.assign(data.begin(), data.end());
    return success();
  }
  if (transaction.items.empty() || transaction.items.back().regions.size() == transaction.items.back().expected) {
    const auto head = get<ItemHeader>(data);
    const std::size_t regions = head ? head->size.value() : 0;
    if (regions == 0 || regions > kMaxRegions)
      return corrupt("log item of " + std::to_string(regions) + " regions");
    transaction.items.emplace_back().expected = regions;
  }
  transaction.items.back().regions.emplace_back(data.begin(), data.end());
  return success();
}

Result<void> TransactionReader::add_rest(Transaction& transaction, std::span<const std::byte> data) {
  if (transaction.header.size() < sizeof(TransactionHeader)) {
    if (data.size() > sizeof(TransactionHeader) - transaction.header.size())
      return corrupt("transaction header in the log is too long");
    transaction.header.insert(transaction.header.end(), data.begin(), data.end());
    return success();
  }
  if (transaction.items.empty() || transaction.items.back().regions.empty())
    return corrupt("continued region in the log without a beginning");
  auto& region = transaction.items.back().regions.back();
  region.insert(region.end(), data.begin(), data.end());
  return success();
}

}  // namespace imgfs::xfs
