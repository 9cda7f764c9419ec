#pragma once

#include <optional>
#include <vector>

#include "core/block_device.h"
#include "xfs/log_format.h"
#include "xfs/superblock.h"

namespace imgfs::xfs {

/// The log's blocks of 512 bytes as a ring, and its records. Block numbers count from the log's start.
class LogArea {
 public:
  /// corrupt where the log does not lie inside the file system.
  static Result<LogArea> open(Device device, const Superblock& sb);

  std::uint32_t blocks() const { return blocks_; }
  bool v2() const { return v2_; }
  /// How far back from the head unfinished records may lie, in blocks.
  std::uint32_t in_flight() const { return kMaxRecordsInFlight * max_record() / kLogBlock; }
  std::uint32_t max_record() const { return v2_ ? kMaxRecordV2 : kMaxRecordV1; }

  /// Reads whole blocks from `block` on, around the end.
  Result<void> read(std::uint32_t block, std::span<std::byte> out) const;
  /// The cycle number that the block was written in.
  Result<std::uint32_t> cycle(std::uint32_t block) const;
  /// The first block of [start, start + count) with this cycle number; no wrap.
  Result<std::optional<std::uint32_t>> find_cycle(std::uint32_t start, std::uint32_t count,
                                                  std::uint32_t cycle) const;

  struct Record {
    std::uint32_t block = 0;
    LogRecordHeader header{};
    std::uint32_t header_blocks = 1;
    std::uint32_t payload_blocks = 0;
  };
  /// The record whose header is at `block`; nothing where there is no header.
  Result<std::optional<Record>> record_at(std::uint32_t block) const;
  /// The block after the record.
  std::uint32_t after(const Record& record) const {
    return static_cast<std::uint32_t>((std::uint64_t{record.block} + record.header_blocks + record.payload_blocks) %
                                      blocks_);
  }
  /// Blocks from `from` forward to `to`.
  std::uint32_t distance(std::uint32_t from, std::uint32_t to) const {
    return from <= to ? to - from : blocks_ - from + to;
  }

  /// Reads the record's payload into `out`, its checksum verified, each block's first word put back.
  /// corrupt where the record makes no sense.
  Result<void> payload(const Record& record, std::vector<std::byte>& out) const;

 private:
  Device device_;
  std::uint64_t start_ = 0;  ///< bytes
  std::uint32_t blocks_ = 0;
  bool v2_ = false;
  bool crc_required_ = false;
};

}  // namespace imgfs::xfs
