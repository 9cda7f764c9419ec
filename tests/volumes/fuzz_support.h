#pragma once

#include <algorithm>
#include <cstdlib>

#include "tests/volumes/disk_builder.h"

namespace imgfs::volumes {

/// Writes patches over a disk: 3 bytes of offset, 1 of length, then the bytes; again and again.
inline void apply_patches(DiskBuilder& disk, std::span<const std::byte> input) {
  while (input.size() > 4) {
    const std::size_t at = get<le24>(input)->value();
    const std::size_t length = std::min<std::size_t>(std::to_integer<std::size_t>(input[3]), input.size() - 4);
    if (at < disk.bytes().size())
      std::copy_n(input.begin() + 4, std::min(length, disk.bytes().size() - at), disk.bytes().begin() + static_cast<std::ptrdiff_t>(at));
    input = input.subspan(4 + length);
  }
}

/// What must hold of every disk, whatever is on it.
inline void look_at(const VolumeTable& table, std::uint64_t disk_size) {
  if (table.volumes.size() > 1000) std::abort();
  std::vector<std::byte> bytes(5000);
  for (const Volume& volume : table.volumes) {
    if (volume.name.empty() || volume.name.find('/') != std::string::npos) std::abort();
    if (!volume.device && volume.problem.empty()) std::abort();
    if (!volume.device) continue;
    const std::uint64_t size = volume.device->size();
    if (volume.offset && (*volume.offset > disk_size || size > disk_size - *volume.offset)) std::abort();
    for (const std::uint64_t at : {std::uint64_t{0}, size / 3, size - std::min<std::uint64_t>(size, 5000)}) {
      const auto out = std::span(bytes).first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), size - at)));
      static_cast<void>(volume.device->read(at, out));
      if (at >= size) continue;
      const auto location = volume.device->locate(at, size - at);
      if (location && (location.value().length == 0 || location.value().length > size - at)) std::abort();
    }
  }
}

}  // namespace imgfs::volumes
