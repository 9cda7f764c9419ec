#include "volumes/mbr.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "volumes/mbr_format.h"

namespace imgfs::volumes {
namespace {

constexpr unsigned kFirstLogical = 5;
constexpr unsigned kLastNumber = 255;           ///< Linux gives a disk no more
constexpr int kMaxLinksWithoutPartition = 100;  ///< as Linux

std::optional<std::array<MbrEntry, 4>> parse_entries(std::span<const std::byte> bytes) {
  const auto sector = get<MbrSector>(bytes);
  if (!sector || sector->signature.value() != kMbrSignature) return std::nullopt;
  std::array<MbrEntry, 4> entries;
  for (std::size_t i = 0; i < 4; ++i) {
    const MbrRecord& record = sector->partition_record[i];
    entries[i].active = (record.boot_indicator & 0x80U) != 0;
    entries[i].type = record.os_type;
    entries[i].start = record.starting_lba.value();
    entries[i].count = record.size_in_lba.value();
  }
  return entries;
}

std::string hex(const char* format, std::uint32_t number) {
  char text[16];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

void append(const MbrEntry& entry, unsigned number, std::uint64_t start, std::uint32_t sector_size,
            VolumeTable& table) {
  Volume volume;
  volume.name = "p" + std::to_string(number);
  volume.offset = start * sector_size;
  volume.size = std::uint64_t{entry.count} * sector_size;
  volume.partition_type = hex("0x%02x", entry.type);
  volume.active = entry.active;
  if (!table.disk_uuid.empty()) volume.partition_uuid = table.disk_uuid + hex("-%02x", number);
  table.volumes.push_back(std::move(volume));
}

/// The chain of one extended partition.
class LogicalChain {
 public:
  LogicalChain(const BlockDevice& disk, const MbrEntry& extended, VolumeTable& table)
      : disk_(disk), first_(extended.start), size_(extended.count), table_(table) {}

  void follow(unsigned& number);

 private:
  void remark(std::string what, std::uint64_t sector) {
    table_.remarks.push_back({Remark::Kind::damaged, "extended partition at sector " +
                                                         std::to_string(first_) + ": " +
                                                         std::move(what) + " (EBR at sector " +
                                                         std::to_string(sector) + ")"});
  }
  /// Entries 3 and 4 of a link are often garbage: counted only where they lie inside, as Linux
  /// does.
  bool is_partition(const MbrEntry& entry, std::size_t index, std::uint64_t sector,
                    std::uint64_t size) const {
    if (entry.count == 0 || entry.is_extended()) return false;
    if (index < 2) return true;
    return std::uint64_t{entry.start} + entry.count <= size &&
           sector + entry.start + entry.count <= first_ + size_;
  }

  const BlockDevice& disk_;
  std::uint64_t first_;  ///< sector: every link of the chain counts from here
  std::uint64_t size_;
  VolumeTable& table_;
};

void LogicalChain::follow(unsigned& number) {
  std::set<std::uint64_t> seen;
  std::uint64_t sector = first_;
  std::uint64_t size = size_;
  for (int empty = 0; empty < kMaxLinksWithoutPartition; ++empty) {
    if (!seen.insert(sector).second)
      return remark("the chain of logical partitions is a loop", sector);
    std::array<std::byte, sizeof(MbrSector)> bytes;
    if (const auto done = disk_.read(sector * table_.sector_size, bytes); !done)
      return remark("cannot be read: " + describe(done.error()), sector);
    const auto entries = parse_entries(bytes);
    if (!entries) return remark("no signature 0xaa55", sector);
    for (std::size_t i = 0; i < 4; ++i) {
      const MbrEntry& entry = (*entries)[i];
      if (!is_partition(entry, i, sector, size)) continue;
      if (number > kLastNumber) return remark("more than 255 partitions", sector);
      append(entry, number++, sector + entry.start, table_.sector_size, table_);
      empty = -1;
    }
    const auto next = std::ranges::find_if(
        *entries, [](const MbrEntry& entry) { return entry.count != 0 && entry.is_extended(); });
    if (next == entries->end()) return;
    sector = first_ + next->start;
    size = next->count;
  }
  remark("100 links without a partition: the chain is not followed any longer", sector);
}

}  // namespace

bool MbrEntry::is_extended() const {
  return type == kTypeExtended || type == kTypeExtendedLba || type == kTypeExtendedLinux;
}

bool Mbr::is_empty() const {
  return std::ranges::all_of(entries, [](const MbrEntry& entry) { return entry.count == 0; });
}

bool Mbr::has(std::uint8_t type) const {
  return std::ranges::any_of(
      entries, [type](const MbrEntry& entry) { return entry.count != 0 && entry.type == type; });
}

std::optional<Mbr> parse_mbr(std::span<const std::byte> bytes) {
  const auto sector = get<MbrSector>(bytes);
  const auto entries = parse_entries(bytes);
  if (!entries) return std::nullopt;
  for (const MbrRecord& record : sector->partition_record)
    if (record.boot_indicator != 0 && record.boot_indicator != 0x80) return std::nullopt;
  return Mbr{sector->unique_disk_signature.value(), *entries};
}

bool is_plausible(const Mbr& mbr, std::uint64_t size, std::uint32_t sector_size) {
  bool inside = false;
  for (const MbrEntry& entry : mbr.entries) {
    if (entry.count == 0) continue;
    if (entry.start == 0) return false;
    inside = inside || entry.start < size / sector_size;
  }
  return inside;
}

void list_mbr(const BlockDevice& disk, const Mbr& mbr, VolumeTable& table) {
  if (mbr.id != 0) table.disk_uuid = hex("%08x", mbr.id);
  for (unsigned i = 0; i < 4; ++i) {
    const MbrEntry& entry = mbr.entries[i];
    if (entry.count != 0 && !entry.is_extended())
      append(entry, i + 1, entry.start, table.sector_size, table);
  }
  unsigned number = kFirstLogical;
  for (const MbrEntry& entry : mbr.entries)
    if (entry.count != 0 && entry.is_extended()) LogicalChain(disk, entry, table).follow(number);
}

}  // namespace imgfs::volumes
