#include "xfs/log_head.h"

#include <algorithm>

namespace imgfs::xfs {
namespace {

/// Finds head and tail: the steps of recovery that the log's format asks for.
class HeadFinder {
 public:
  explicit HeadFinder(const LogArea& log) : log_(log) {}

  Result<LogRange> run() {
    std::uint32_t head = 0;
    if (!TRY(find_head(head))) return LogRange{};  // never written
    auto last = TRY(record_before(head, head, 1));
    if (!last) return corrupt("the log has no record");
    LogRange out = range_of(*last, head);
    out.clean = TRY(is_unmount(*last, head));
    if (out.clean) return out;
    TRY(drop_torn_records(out));
    if (!out.clean) TRY(check_tail(out));
    return out;
  }

 private:
  /// The first block in (first, last] with this cycle number, by halving: exact where there is one step only.
  Result<std::uint32_t> halve(std::uint32_t first, std::uint32_t last, std::uint32_t cycle) const {
    while (last - first > 1) {
      const std::uint32_t middle = first + (last - first) / 2;
      if (TRY(log_.cycle(middle)) == cycle)
        last = middle;
      else
        first = middle;
    }
    return last;
  }

  /// False where the log was never written.
  Result<bool> find_head(std::uint32_t& head) const {
    const std::uint32_t blocks = log_.blocks();
    const std::uint32_t first = TRY(log_.cycle(0));
    const std::uint32_t last = TRY(log_.cycle(blocks - 1));
    if (first == 0) return false;
    const std::uint32_t window = std::min(blocks, log_.in_flight());
    if (last == 0) {
      if (first != 1) return corrupt("the log's end was never written, but its start is not of the first cycle");
      head = TRY(halve(0, blocks - 1, 0));
      const std::uint32_t back = std::min(head, window);
      if (const auto hole = TRY(log_.find_cycle(head - back, back, 0))) head = *hole;
    } else {
      TRY(find_step(first, last, window, head));
    }
    TRY(back_to_record(head));
    if (head == blocks) head = 0;
    return true;
  }

  /// Where the newer cycle ends, in a log that was written all around. Writes may reach the disk out of
  /// order: blocks of the older cycle before the step are holes, and the first hole is the head.
  Result<void> find_step(std::uint32_t first, std::uint32_t last, std::uint32_t window, std::uint32_t& head) const {
    const std::uint32_t blocks = log_.blocks();
    std::uint32_t stop = last;
    head = blocks;
    if (first == last)
      stop = last - 1;
    else
      head = TRY(halve(0, blocks - 1, last));
    if (head >= window) {
      if (const auto hole = TRY(log_.find_cycle(head - window, window, stop))) head = *hole;
      return success();
    }
    const std::uint32_t rest = window - head;
    if (const auto hole = TRY(log_.find_cycle(blocks - rest, rest, stop - 1))) {
      head = *hole;
      return success();
    }
    if (const auto hole = TRY(log_.find_cycle(0, head, stop))) head = *hole;
    return success();
  }

  /// Moves the head back to the start of the record before it where that one does not end there.
  Result<void> back_to_record(std::uint32_t& head) const {
    const std::uint32_t blocks = log_.blocks();
    const std::uint32_t window = std::min(blocks, 2 * log_.max_record() / kLogBlock);
    const auto last = TRY(record_before(head, (head + blocks - window) % blocks, 1));
    if (!last) return corrupt("the log has no record before its head");
    if (log_.after(*last) != head % log_.blocks()) head = last->block;
    return success();
  }

  /// The `count`th record before `head`, searched for not below `end` (going backwards around the ring;
  /// equal to head: all around); an earlier one where there are not so many.
  Result<std::optional<LogArea::Record>> record_before(std::uint32_t head, std::uint32_t end, std::uint32_t count) const {
    const std::uint32_t blocks = log_.blocks();
    const std::uint32_t span = end % blocks == head % blocks ? blocks : log_.distance(end, head % blocks);
    std::optional<LogArea::Record> found;
    for (std::uint32_t step = 1; step <= span && count > 0; ++step) {
      const std::uint32_t block = (head % blocks + blocks - step) % blocks;
      if (auto record = TRY(log_.record_at(block))) {
        found = std::move(record);
        --count;
      }
    }
    return found;
  }

  LogRange range_of(const LogArea::Record& last, std::uint32_t head) const {
    return {false, head, static_cast<std::uint32_t>(last.header.h_tail_lsn.value() & 0xffffffff)};
  }

  /// True where the record is what a clean unmount writes, and the last one.
  Result<bool> is_unmount(const LogArea::Record& record, std::uint32_t head) const {
    if (log_.after(record) != head || record.header.h_num_logops.value() != 1) return false;
    std::vector<std::byte> block(kLogBlock);
    TRY(log_.read((record.block + record.header_blocks) % log_.blocks(), block));
    return (get<LogOperation>(block)->oh_flags & kOpUnmount) != 0;
  }

  /// The first record in [from, head) that cannot be read; nothing where all can.
  Result<std::optional<std::uint32_t>> first_bad(std::uint32_t from, std::uint32_t head) const {
    std::vector<std::byte> payload;
    std::uint32_t left = log_.distance(from, head);
    for (std::uint32_t block = from; left > 0;) {
      const auto record = TRY(log_.record_at(block));
      const std::uint32_t length = record ? record->header_blocks + record->payload_blocks : 0;
      if (!record || length > left) return std::optional<std::uint32_t>(block);
      if (const auto read = log_.payload(*record, payload); !read) {
        if (read.error().code != Errc::corrupt) return read.error();
        return std::optional<std::uint32_t>(block);
      }
      left -= length;
      block = log_.after(*record);
    }
    return std::optional<std::uint32_t>();
  }

  /// The last records may have been written in part when the machine stopped: the head goes back to the first
  /// such one.
  Result<void> drop_torn_records(LogRange& range) const {
    if (range.tail >= log_.blocks()) return corrupt("the log's tail lies outside of it");
    const auto start = TRY(record_before(range.head, range.tail, kMaxRecordsInFlight));
    if (!start) return success();
    const auto bad = TRY(first_bad(start->block, range.head));
    if (!bad) return success();
    const auto last = TRY(record_before(*bad, range.tail, 1));
    if (!last) return corrupt("the log has no good record before the one that was not written whole");
    const std::uint32_t head = *bad;
    range = range_of(*last, head);
    range.clean = TRY(is_unmount(*last, head));
    if (range.tail >= log_.blocks()) return corrupt("the log's tail lies outside of it");
    return success();
  }

  /// The tail may point to records that were overwritten by torn writes: it goes forward over them, not
  /// further than such writes can reach.
  Result<void> check_tail(LogRange& range) const {
    TRY(move_to_record(range));
    while (range.tail != range.head) {
      const auto bad = TRY(first_bad(range.tail, range.head));
      if (!bad) return success();
      if (log_.distance(range.head, *bad) > log_.in_flight())
        return corrupt("log record at block " + std::to_string(*bad) + " cannot be read");
      range.tail = (*bad + 1) % log_.blocks();
      TRY(move_to_record(range));
    }
    return success();
  }

  Result<void> move_to_record(LogRange& range) const {
    while (range.tail != range.head) {
      if (TRY(log_.record_at(range.tail))) return success();
      range.tail = (range.tail + 1) % log_.blocks();
    }
    return success();
  }

  const LogArea& log_;
};

}  // namespace

Result<LogRange> find_log_range(const LogArea& log) { return HeadFinder(log).run(); }

}  // namespace imgfs::xfs
