#include "xfs/log_area.h"

#include <algorithm>
#include <array>

#include "core/crc32c.h"

namespace imgfs::xfs {
namespace {

std::uint32_t cycle_of(std::span<const std::byte> block) {
  const std::uint32_t first = get<be32>(block)->value();
  return first == kLogMagic ? get<be32>(block, 4)->value() : first;
}

/// The checksum of a record whose header counts with `length` bytes.
std::uint32_t record_crc(std::span<const std::byte> headers, std::span<const std::byte> payload, std::size_t length) {
  constexpr std::size_t kField = offsetof(LogRecordHeader, h_crc);
  std::uint32_t crc = crc32c(~0U, headers.first(kField));
  crc = crc32c_zeros(crc, sizeof(le32));
  crc = crc32c(crc, headers.first(length).subspan(kField + sizeof(le32)));
  for (std::size_t at = kLogBlock; at < headers.size(); at += kLogBlock)
    crc = crc32c(crc, headers.subspan(at, sizeof(LogExtendedHeader)));
  return ~crc32c(crc, payload);
}

}  // namespace

Result<LogArea> LogArea::open(Device device, const Superblock& sb) {
  LogArea out;
  const std::uint64_t group = sb.log_start >> sb.ag_block_log;
  const std::uint64_t in_group = sb.log_start & ((std::uint64_t{1} << sb.ag_block_log) - 1);
  if (group >= sb.ag_count || in_group >= sb.ag_blocks || sb.log_blocks == 0 ||
      sb.log_blocks > sb.ag_blocks - in_group)
    return corrupt("the log lies in no allocation group");
  const std::uint64_t bytes = std::uint64_t{sb.log_blocks} << sb.block_log;
  // More than 2 GiB (and block numbers above 2^31) XFS does not allow; 16 blocks hold no log.
  if (bytes > std::uint64_t{1} << 31 || bytes < 64 * kLogBlock)
    return corrupt("the log has " + std::to_string(bytes) + " bytes");
  out.device_ = std::move(device);
  out.start_ = (group * sb.ag_blocks + in_group) << sb.block_log;
  out.blocks_ = static_cast<std::uint32_t>(bytes / kLogBlock);
  out.v2_ = sb.log_v2;
  out.crc_required_ = sb.v5;
  return out;
}

Result<void> LogArea::read(std::uint32_t block, std::span<std::byte> out) const {
  while (!out.empty()) {
    const std::size_t room = std::size_t{blocks_ - block} * kLogBlock;
    const std::size_t count = std::min(room, out.size());
    TRY(device_->read(start_ + std::uint64_t{block} * kLogBlock, out.first(count)));
    out = out.subspan(count);
    block = 0;
  }
  return success();
}

Result<std::uint32_t> LogArea::cycle(std::uint32_t block) const {
  std::array<std::byte, 8> head;
  TRY(device_->read(start_ + std::uint64_t{block} * kLogBlock, head));
  return cycle_of(head);
}

Result<std::optional<std::uint32_t>> LogArea::find_cycle(std::uint32_t start, std::uint32_t count,
                                                         std::uint32_t cycle) const {
  std::vector<std::byte> bytes(std::size_t{std::min(count, 256U)} * kLogBlock);
  for (std::uint32_t done = 0; done < count;) {
    const std::uint32_t step = std::min(count - done, 256U);
    const auto piece = std::span(bytes).first(std::size_t{step} * kLogBlock);
    TRY(read(start + done, piece));
    for (std::uint32_t i = 0; i < step; ++i)
      if (cycle_of(piece.subspan(std::size_t{i} * kLogBlock, kLogBlock)) == cycle)
        return std::optional<std::uint32_t>(start + done + i);
    done += step;
  }
  return std::optional<std::uint32_t>();
}

Result<std::optional<LogArea::Record>> LogArea::record_at(std::uint32_t block) const {
  Record out;
  out.block = block;
  TRY(read(block, std::as_writable_bytes(std::span(&out.header, 1)).first(sizeof(LogRecordHeader))));
  if (out.header.h_magicno.value() != kLogMagic) return std::optional<Record>();
  if (v2_ && (out.header.h_version.value() & 2) != 0) {
    // Sizes that no log has are judged where the payload is read.
    const std::uint32_t size = std::min(out.header.h_size.value(), kMaxRecordV2);
    out.header_blocks = std::max(1U, (size + kHeaderCycleSize - 1) / kHeaderCycleSize);
  }
  out.payload_blocks = (std::min(out.header.h_len.value(), 2 * kMaxRecordV2) + kLogBlock - 1) / kLogBlock;
  return std::optional<Record>(out);
}

Result<void> LogArea::payload(const Record& record, std::vector<std::byte>& out) const {
  const LogRecordHeader& header = record.header;
  const std::uint64_t position = std::uint64_t{record.block} * kLogBlock;
  const std::uint32_t version = header.h_version.value();
  if (version == 0 || version > 3) return corrupt("log record of version " + std::to_string(version), position);
  // A stripe unit's padding may come on top of a full buffer.
  if (header.h_len.value() == 0 || header.h_len.value() > 2 * kMaxRecordV2 ||
      record.header_blocks + record.payload_blocks > blocks_)
    return corrupt("log record of " + std::to_string(header.h_len.value()) + " bytes", position);
  std::vector<std::byte> headers(std::size_t{record.header_blocks} * kLogBlock);
  TRY(read(record.block, headers));
  out.resize(std::size_t{record.payload_blocks} * kLogBlock);
  TRY(read(static_cast<std::uint32_t>((std::uint64_t{record.block} + record.header_blocks) % blocks_), out));
  const auto payload = std::span<const std::byte>(out).first(header.h_len.value());
  const std::uint32_t stored = header.h_crc.value();
  if (stored != record_crc(headers, payload, kRecordCrcLength) &&
      stored != record_crc(headers, payload, kRecordCrcLengthOther) && (crc_required_ || stored != 0))
    return corrupt("log record: the checksum does not match", position);

  for (std::uint32_t i = 0; i < record.payload_blocks; ++i) {
    const std::uint32_t index = i % kCycleBlocks;
    const std::size_t at = i / kCycleBlocks;
    if (at >= record.header_blocks) return corrupt("log record: longer than its header has words for", position);
    const std::size_t words = at == 0 ? offsetof(LogRecordHeader, h_cycle_data)
                                      : at * kLogBlock + offsetof(LogExtendedHeader, xh_cycle_data);
    std::ranges::copy(std::span(headers).subspan(words + index * sizeof(be32), sizeof(be32)),
                      out.begin() + std::ptrdiff_t{i} * kLogBlock);
  }
  out.resize(header.h_len.value());
  return success();
}

}  // namespace imgfs::xfs
