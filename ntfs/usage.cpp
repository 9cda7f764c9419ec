#include "ntfs/usage.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "ntfs/file.h"

namespace imgfs::ntfs {
namespace {

/// Windows makes no larger volume, in clusters, and numbers no more records. A hole costs an image nothing,
/// but counting it would take us years.
constexpr std::uint64_t kMaximumBits = std::uint64_t{1} << 32;

/// Zero bits among the first `bits` of a bitmap; what lies behind its end counts as used.
Result<std::uint64_t> count_free(const Volume& volume, const Stream& bitmap, std::uint64_t bits) {
  const std::uint64_t size = std::min(bitmap.size(), bits / 8 + (bits % 8 != 0 ? 1 : 0));
  if (size > kMaximumBits / 8)
    return Error{Errc::too_large, "bitmap of " + std::to_string(size) + " bytes (at most 2^29)", {}};
  std::vector<std::byte> bytes(std::size_t{1} << 20);
  std::uint64_t free = 0;
  for (std::uint64_t at = 0; at < size; at += bytes.size()) {
    const auto chunk = std::span(bytes).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), size - at)));
    TRY(bitmap.read(volume, at, chunk));
    std::size_t i = 0;
    for (; i + 8 <= chunk.size(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, chunk.data() + i, sizeof word);
      free += static_cast<std::uint64_t>(std::popcount(~word));
    }
    for (; i < chunk.size(); ++i)
      free +=
          static_cast<std::uint64_t>(8 - std::popcount(std::to_integer<std::uint8_t>(chunk[i])));
    if (at + chunk.size() == size && size * 8 > bits) {
      const unsigned last = std::to_integer<unsigned>(chunk.back()) >> (bits % 8);
      free -= static_cast<std::uint64_t>(static_cast<int>(size * 8 - bits) - std::popcount(last));
    }
  }
  return free;
}

}  // namespace

Result<SpaceUsage> count_usage(const Volume& volume) {
  const Geometry& geometry = volume.geometry;
  SpaceUsage usage;
  usage.block_size = geometry.cluster_size;
  usage.blocks = geometry.clusters;
  File clusters = TRY(File::open(volume, kBitmapFile));
  const auto cluster_bitmap = TRY(clusters.stream(AttributeType::data));
  if (!cluster_bitmap) return corrupt("$Bitmap without data");
  usage.blocks_free = usage.blocks_available =
      TRY(count_free(volume, *cluster_bitmap, geometry.clusters));
  File mft = TRY(File::open(volume, kMftFile));
  const auto record_bitmap = TRY(mft.stream(AttributeType::bitmap));
  if (!record_bitmap) return corrupt("$MFT without its bitmap");
  // As ntfs-3g counts: free clusters could hold records, too.
  const std::uint64_t records = usage.blocks_free * geometry.cluster_size / geometry.record_size;
  usage.inodes = record_bitmap->allocated() * 8 + records;
  usage.inodes_free =
      TRY(count_free(volume, *record_bitmap, std::min(record_bitmap->size(), UINT64_MAX / 8) * 8)) +
      (record_bitmap->allocated() - std::min(record_bitmap->allocated(), record_bitmap->size())) *
          8 +
      records;
  return usage;
}

}  // namespace imgfs::ntfs
