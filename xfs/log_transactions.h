#pragma once

#include <map>
#include <vector>

#include "core/function_ref.h"
#include "xfs/log_head.h"

namespace imgfs::xfs {

/// One item of a transaction: its description and what was logged of it.
struct LogItem {
  std::vector<std::vector<std::byte>> regions;
  std::size_t expected = 0;  ///< how many regions it has

  std::span<const std::byte> region(std::size_t i) const {
    return i < regions.size() ? std::span<const std::byte>(regions[i]) : std::span<const std::byte>();
  }
  ItemType type() const { return static_cast<ItemType>(get<ItemHeader>(region(0))->type.value()); }
};

struct Transaction {
  std::uint64_t lsn = 0;                ///< of the record in which it starts
  std::vector<std::byte> header;        ///< TransactionHeader, as far as it was read
  std::vector<LogItem> items;
};

/// Puts transactions together from the records of the log.
class TransactionReader {
 public:
  TransactionReader(const LogArea& log, const Superblock& sb) : log_(log), sb_(sb) {}

  /// Visits the committed transactions of the range, in order of commit.
  Result<void> read(const LogRange& range, FunctionRef<Result<void>(Transaction&)> visit);

 private:
  Result<void> read_record(const LogArea::Record& record, FunctionRef<Result<void>(Transaction&)> visit);
  Result<void> operation(const LogOperation& head, std::span<const std::byte> data, std::uint64_t lsn,
                         FunctionRef<Result<void>(Transaction&)> visit);
  Result<void> add_region(Transaction& transaction, std::span<const std::byte> data);
  Result<void> add_rest(Transaction& transaction, std::span<const std::byte> data);

  const LogArea& log_;
  const Superblock& sb_;
  std::map<std::uint32_t, Transaction> open_;  ///< by transaction id
  std::size_t held_ = 0;                       ///< bytes in open transactions
  std::vector<std::byte> payload_;
};

}  // namespace imgfs::xfs
