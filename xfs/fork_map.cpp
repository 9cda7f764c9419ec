#include "xfs/fork_map.h"

#include <algorithm>

#include "xfs/checksum.h"

namespace imgfs::xfs {
namespace {

constexpr std::uint32_t kMaxLevel = 16;  // 2^48 blocks, two records a block at the least, and some

/// The number of keys not above `block`.
std::size_t keys_up_to(std::span<const std::byte> keys, std::size_t count, std::uint64_t block) {
  std::size_t low = 0;
  for (std::size_t high = count; low < high;) {
    const std::size_t middle = low + (high - low) / 2;
    if (get<be64>(keys, middle * 8)->value() <= block)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// The number of records that start not after `block`.
std::size_t records_up_to(std::span<const std::byte> records, std::size_t count, std::uint64_t block) {
  std::size_t low = 0;
  for (std::size_t high = count; low < high;) {
    const std::size_t middle = low + (high - low) / 2;
    if (decode(*get<ExtentRecord>(records, middle * sizeof(ExtentRecord))).offset <= block)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

}  // namespace

Result<Extent> ForkMap::find(std::uint64_t logical) const {
  const std::uint64_t block = logical >> volume_.sb().block_log;
  if (block >= end_of_space()) return corrupt("offset past the end of what a file can hold", logical);
  if (fork_.format == ForkFormat::btree) return in_btree(block);
  if (fork_.format != ForkFormat::extents) return hole({0, end_of_space()});
  const auto count = static_cast<std::size_t>(fork_.extents);
  if (!fork_.checked) TRY(check_records(fork_.bytes, count));
  return in_records(fork_.bytes, count, block, {0, end_of_space()});
}

Result<Extent> ForkMap::in_records(std::span<const std::byte> records, std::size_t count,
                                   std::uint64_t block, Range covered) const {
  const auto record = [&](std::size_t i) { return decode(*get<ExtentRecord>(records, i * sizeof(ExtentRecord))); };
  const std::size_t after = records_up_to(records, count, block);
  if (after != 0) {
    const BlockExtent extent = record(after - 1);
    if (block - extent.offset < extent.count) return to_extent(extent);
    covered.begin = extent.offset + extent.count;
  }
  if (after != count) covered.end = std::min(covered.end, record(after).offset);
  return hole(covered);
}

Result<Extent> ForkMap::in_btree(std::uint64_t block) const {
  const auto root = get<ExtentRoot>(fork_.bytes);
  const std::size_t room = fork_.bytes.size() < sizeof(ExtentRoot) ? 0 : (fork_.bytes.size() - sizeof(ExtentRoot)) / 16;
  if (!root || root->bb_level.value() == 0 || root->bb_level.value() > kMaxLevel ||
      root->bb_numrecs.value() == 0 || root->bb_numrecs.value() > room)
    return corrupt("extent btree: the root in the inode makes no sense");
  const auto body = fork_.bytes.subspan(sizeof(ExtentRoot));
  ExtentBlockView view{root->bb_level.value(), root->bb_numrecs.value(), body, body.subspan(room * 8)};
  for (std::size_t i = 1; i < view.count; ++i)
    if (get<be64>(view.keys, i * 8)->value() <= get<be64>(view.keys, i * 8 - 8)->value())
      return corrupt("extent btree: the root's keys do not ascend");

  ByteCache::Bytes bytes;  // keeps what `view` looks at
  Range covered{0, end_of_space()};
  while (view.level != 0) {
    const std::size_t after = keys_up_to(view.keys, view.count, block);
    const std::size_t index = after == 0 ? 0 : after - 1;
    if (index + 1 < view.count)
      covered.end = std::min(covered.end, get<be64>(view.keys, index * 8 + 8)->value());
    if (index > 0) covered.begin = std::max(covered.begin, get<be64>(view.keys, index * 8)->value());
    const std::uint64_t child = get<be64>(view.pointers, index * 8)->value();
    ByteCache::Bytes next = TRY(volume_.extent_block(child));
    const auto owner = get<be64>(*next, kExtentBlockCheck.owner);
    if (volume_.sb().v5 && (!owner || owner->value() != inode_.number()))
      return corrupt("extent btree block " + std::to_string(child) + " belongs to another inode");
    const ExtentBlockView below = view_extent_block(volume_.sb(), *next);
    if (below.level + 1 != view.level)
      return corrupt("extent btree block " + std::to_string(child) + " has level " +
                     std::to_string(below.level) + ", expected " + std::to_string(view.level - 1));
    view = below;
    bytes = std::move(next);
  }
  const BlockExtent first = decode(*get<ExtentRecord>(view.keys));
  const BlockExtent last = decode(*get<ExtentRecord>(view.keys, (view.count - 1) * sizeof(ExtentRecord)));
  if (first.offset < covered.begin || last.offset + last.count > covered.end)
    return corrupt("extent btree: a leaf's extents lie outside of what its parent says");
  return in_records(view.keys, view.count, block, covered);
}

Result<Extent> ForkMap::to_extent(const BlockExtent& extent) const {
  if (extent.offset + extent.count > end_of_space())
    return corrupt("extent at block " + std::to_string(extent.offset) + " ends past what a file can hold");
  const std::uint32_t log = volume_.sb().block_log;
  Extent out{extent.offset << log, extent.count << log, 0, Extent::Kind::zero};
  if (inode_.is_realtime() && &fork_ == &inode_.data()) {
    if (extent.unwritten) return out;
    return unsupported("realtime file: its device is not part of the image");
  }
  out.physical = TRY(volume_.offset_of(extent.block, extent.count));
  if (extent.unwritten)
    out.physical = 0;
  else
    out.kind = Extent::Kind::data;
  return out;
}

Extent ForkMap::hole(Range range) const {
  const std::uint32_t log = volume_.sb().block_log;
  return {range.begin << log, (range.end - range.begin) << log, 0, Extent::Kind::zero};
}

Result<std::uint64_t> ForkMap::read(std::uint64_t logical, std::span<std::byte> out) const {
  std::uint64_t start = 0;
  bool is_first = true;
  while (!out.empty()) {
    const Extent extent = TRY(find_extent(*this, logical));
    if (extent.kind != Extent::Kind::data)
      return corrupt("metadata expected in a hole, in block " + std::to_string(logical >> volume_.sb().block_log));
    const std::uint64_t skip = logical - extent.logical;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), extent.length - skip));
    if (is_first) start = extent.physical + skip;
    is_first = false;
    TRY(volume_.device().read(extent.physical + skip, out.first(count)));
    out = out.subspan(count);
    logical += count;
  }
  return start;
}

}  // namespace imgfs::xfs
