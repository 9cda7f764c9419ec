#include "drivers/vmdk_grains.h"

#include <algorithm>
#include <cstring>

namespace imgfs::vmdk {

Result<Geometry> check_geometry(std::uint64_t capacity, std::uint64_t grain_size,
                                std::uint64_t entries) {
  constexpr std::uint64_t kMaxGrain = 0x200000;                   // sectors: 1 GiB
  constexpr std::uint64_t kMaxCapacity = std::uint64_t{1} << 54;  // sectors: 2^63 bytes
  if (grain_size == 0 || grain_size > kMaxGrain)
    return corrupt("VMDK grain size of " + std::to_string(grain_size) +
                   " sectors, expected 1 to 2097152");
  if (entries == 0 || entries > Geometry::kMaxEntries)
    return corrupt("VMDK grain tables of " + std::to_string(entries) +
                   " entries, expected 1 to 8192");
  if (capacity == 0 || capacity > kMaxCapacity)
    return corrupt("VMDK capacity of " + std::to_string(capacity) + " sectors");
  return Geometry{capacity * kSector, grain_size * kSector, entries};
}

std::size_t table_memory(std::size_t extents) {
  constexpr std::size_t kAll = std::size_t{16} << 20;  // for 128 GiB with the usual sizes
  constexpr std::size_t kLeast = 65536;
  return std::max(std::min(kAll, cache_capacity() / 4) / extents, kLeast);
}

Result<Grain> GrainDisk::entry(std::uint64_t table, std::uint64_t index) const {
  const auto load = [&]() -> Result<std::vector<std::byte>> {
    const std::vector<Grain> grains = TRY(load_table(table));
    const auto bytes = std::as_bytes(std::span(grains));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  };
  const auto bytes = TRY(tables_.get(table, load));
  Grain grain;
  std::memcpy(&grain, bytes->data() + index * sizeof(Grain), sizeof(Grain));
  return grain;
}

Result<Grain> GrainDisk::grain(std::uint64_t index) const {
  const std::uint64_t table = index / geometry_.entries;
  if (!TRY(has_table(table))) return kUnallocated;
  return entry(table, index % geometry_.entries);
}

Result<Piece> GrainDisk::find(std::uint64_t offset) const {
  const std::uint64_t span = geometry_.table_span();
  const std::uint64_t table = offset / span;
  const std::uint64_t in_span = offset % span;
  const std::uint64_t rest = size() - offset;
  if (!TRY(has_table(table))) return Piece{Piece::Kind::parent, std::min(span - in_span, rest)};
  const std::uint64_t inside = in_span % geometry_.grain_size;
  const std::uint64_t left = std::min(geometry_.grain_size - inside, rest);
  const Grain where = TRY(entry(table, in_span / geometry_.grain_size));
  if (where == kUnallocated) return Piece{Piece::Kind::parent, left};
  if (where == kZeroed) return Piece{Piece::Kind::zero, left};
  if (is_compressed()) return Piece{Piece::Kind::decoded, left};
  return Piece{Piece::Kind::file, left, where + inside};
}

}  // namespace imgfs::vmdk
