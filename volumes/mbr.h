#pragma once

#include <array>
#include <optional>

#include "volumes/volume.h"

namespace imgfs::volumes {

struct MbrEntry {
  bool active = false;
  std::uint8_t type = 0;
  std::uint32_t start = 0;  ///< in sectors
  std::uint32_t count = 0;  ///< in sectors; 0: the entry is empty

  bool is_extended() const;
};

/// The four entries of a sector that has the signature and no impossible boot flag.
struct Mbr {
  std::uint32_t id = 0;
  std::array<MbrEntry, 4> entries;

  bool is_empty() const;
  bool has(std::uint8_t type) const;
};

/// The MBR in a disk's first sector; nothing where it has no signature or where a boot flag is
/// neither 0 nor 0x80 (a boot sector's code in the place of the entries).
std::optional<Mbr> parse_mbr(std::span<const std::byte> sector);

/// True where an MBR describes partitions that can be those of a disk of `size` bytes: each
/// non-empty entry starts behind the table, at least one inside the disk. Tells a table from the
/// boot code of a file system that lies on the whole disk.
bool is_plausible(const Mbr& mbr, std::uint64_t size, std::uint32_t sector_size);

/// Appends the partitions: primaries as 1 to 4, logical ones from 5, numbered as Linux does.
/// Extended partitions themselves are containers and not listed.
void list_mbr(const BlockDevice& disk, const Mbr& mbr, VolumeTable& table);

}  // namespace imgfs::volumes
