#include "ntfs/runs.h"

#include <algorithm>
#include <string>

namespace imgfs::ntfs {
namespace {

/// Clusters that a stream may have: 2^63 bytes in the smallest clusters.
constexpr std::uint64_t kMaximumVcn = std::uint64_t{1} << 55;

/// `count` bytes (at most 8), little-endian, sign-extended.
std::int64_t signed_number(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  const std::size_t unused = 64 - 8 * bytes.size();
  if (unused == 64) return 0;
  return static_cast<std::int64_t>(value << unused) >> unused;
}

}  // namespace

Result<void> RunList::add(std::uint64_t length, std::uint64_t lcn, std::uint64_t highest_vcn) {
  const std::uint64_t vcn = clusters();
  if (length > kMaximumVcn || vcn + length > highest_vcn + 1)
    return corrupt("run of " + std::to_string(length) + " clusters from VCN " +
                   std::to_string(vcn) + " goes past the highest VCN " +
                   std::to_string(highest_vcn));
  if (!runs_.empty()) {
    Run& last = runs_.back();
    if (last.is_hole() ? lcn == Run::kHole : lcn != Run::kHole && last.lcn + last.length == lcn) {
      last.length += length;
      return success();
    }
  }
  runs_.push_back({vcn, length, lcn});
  return success();
}

Result<void> RunList::append(std::span<const std::byte> mapping_pairs, std::uint64_t lowest_vcn,
                             std::uint64_t highest_vcn, std::uint64_t volume_clusters) {
  if (lowest_vcn != clusters())
    return corrupt("run list goes on at VCN " + std::to_string(lowest_vcn) + " (expected " +
                   std::to_string(clusters()) + ")");
  if (highest_vcn + 1 < lowest_vcn || highest_vcn + 1 > kMaximumVcn)
    return corrupt("run list from VCN " + std::to_string(lowest_vcn) + " to " +
                   std::to_string(highest_vcn));
  std::int64_t lcn = 0;
  std::size_t at = 0;
  while (at < mapping_pairs.size() && mapping_pairs[at] != std::byte{0}) {
    const unsigned head = std::to_integer<unsigned>(mapping_pairs[at++]);
    const std::size_t length_size = head & 15U;
    const std::size_t offset_size = head >> 4;
    if (length_size == 0 || length_size > 8 || offset_size > 8 ||
        mapping_pairs.size() - at < length_size + offset_size)
      return corrupt("mapping pair with a length of " + std::to_string(length_size) +
                     " and an offset of " + std::to_string(offset_size) + " bytes");
    const std::int64_t length = signed_number(mapping_pairs.subspan(at, length_size));
    const std::int64_t delta = signed_number(mapping_pairs.subspan(at + length_size, offset_size));
    at += length_size + offset_size;
    if (length <= 0) return corrupt("run of " + std::to_string(length) + " clusters");
    const auto count = static_cast<std::uint64_t>(length);
    if (offset_size == 0) {
      TRY(add(count, Run::kHole, highest_vcn));
      continue;
    }
    if (__builtin_add_overflow(lcn, delta, &lcn)) return corrupt("LCN overflows");
    // Before NTFS 3.0 a hole was spelt as LCN -1.
    if (lcn == -1) {
      TRY(add(count, Run::kHole, highest_vcn));
      continue;
    }
    if (lcn < 0 || static_cast<std::uint64_t>(lcn) >= volume_clusters ||
        count > volume_clusters - static_cast<std::uint64_t>(lcn))
      return corrupt("run of " + std::to_string(length) + " clusters at LCN " +
                     std::to_string(lcn) + " (the volume has " + std::to_string(volume_clusters) +
                     ")");
    TRY(add(count, static_cast<std::uint64_t>(lcn), highest_vcn));
  }
  if (clusters() != highest_vcn + 1)
    return corrupt("run list ends at VCN " + std::to_string(clusters()) + " (expected " +
                   std::to_string(highest_vcn + 1) + ")");
  return success();
}

const Run* RunList::find(std::uint64_t vcn) const {
  const auto after = std::ranges::upper_bound(runs_, vcn, {}, &Run::vcn);
  if (after == runs_.begin()) return nullptr;
  const Run& run = *std::prev(after);
  return vcn < run.end() ? &run : nullptr;
}

}  // namespace imgfs::ntfs
