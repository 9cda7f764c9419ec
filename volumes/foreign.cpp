#include "volumes/foreign.h"

#include <array>

namespace imgfs::volumes {
namespace {

/// Where the label may begin: FreeBSD and OpenBSD, then others. Source: FreeBSD, sys/disklabel.h.
constexpr std::size_t kBsdPlaces[] = {512, 64, 0};
constexpr std::uint32_t kBsdMagic = 0x82564557;
constexpr std::size_t kBsdHeader = 148;    ///< bytes before the partitions
constexpr std::size_t kBsdPartition = 16;  ///< bytes each
constexpr unsigned kBsdMaxPartitions = 22;

/// The exclusive or of all its 16-bit words is 0.
bool is_bsd_label(std::span<const std::byte> bytes) {
  if (get<le32>(bytes)->value() != kBsdMagic || get<le32>(bytes, 132)->value() != kBsdMagic)
    return false;
  const unsigned count = get<le16>(bytes, 138)->value();
  if (count > kBsdMaxPartitions) return false;
  unsigned sum = 0;
  for (std::size_t at = 0; at < kBsdHeader + count * kBsdPartition; at += 2)
    sum ^= get<le16>(bytes, at)->value();
  return sum == 0;
}

}  // namespace

bool has_apple_map(const BlockDevice& disk) {
  const auto first = read_struct<be16>(disk, 0);
  if (!first || first.value().value() != 0x4552) return false;  // "ER"
  for (const std::uint64_t block : {512U, 1024U, 2048U, 4096U}) {
    const auto entry = read_struct<be16>(disk, block);
    if (entry && entry.value().value() == 0x504d) return true;  // "PM"
  }
  return false;
}

bool has_bsd_label(const BlockDevice& disk) {
  std::array<std::byte, 2048> head{};
  if (disk.size() < head.size() || !disk.read(0, head)) return false;
  for (const std::size_t place : kBsdPlaces)
    if (is_bsd_label(std::span(head).subspan(place, 512))) return true;
  return false;
}

}  // namespace imgfs::volumes
