#include "volumes/gpt.h"

#include <algorithm>
#include <cstring>

#include "core/text.h"
#include "volumes/crc32.h"
#include "volumes/gpt_format.h"
#include "volumes/mbr_format.h"

namespace imgfs::volumes {
namespace {

constexpr std::uint32_t kSectorSizes[] = {512, 4096, 2048, 1024};
constexpr std::uint64_t kMaxEntryArray = 4U << 20;  ///< bytes; 128 entries of 128 bytes are usual
constexpr std::size_t kMaxPartitions = 255;         ///< Linux gives a disk no more

/// A header whose checksums are right, and its entries.
struct Gpt {
  GptHeader header;
  std::vector<std::byte> entries;
};

std::uint32_t checksum(std::span<const std::byte> bytes) { return ~crc32(~0U, bytes); }

bool has_signature(const BlockDevice& disk, std::uint64_t offset) {
  const auto header = read_struct<GptHeader>(disk, offset);
  return header && std::memcmp(header.value().signature, "EFI PART", 8) == 0;
}

Result<GptHeader> read_header(const BlockDevice& disk, std::uint64_t lba,
                              std::uint32_t sector_size) {
  const std::uint64_t offset = lba * sector_size;
  std::vector<std::byte> sector(sector_size);
  TRY(disk.read(offset, sector));
  const GptHeader header = *get<GptHeader>(sector);
  if (std::memcmp(header.signature, "EFI PART", 8) != 0)
    return corrupt("no signature \"EFI PART\"", offset);
  const std::uint32_t size = header.header_size.value();
  if (size < sizeof(GptHeader) || size > sector_size)
    return corrupt(
        "header size " + std::to_string(size) + " (92 to " + std::to_string(sector_size) + ")",
        offset);
  std::memset(sector.data() + offsetof(GptHeader, header_crc32), 0, 4);
  if (checksum(std::span(sector).first(size)) != header.header_crc32.value())
    return corrupt("checksum of the header is wrong", offset);
  if (header.my_lba.value() != lba)
    return corrupt("header says that it lies at sector " + std::to_string(header.my_lba.value()),
                   offset);
  return header;
}

Result<Gpt> read_gpt(const BlockDevice& disk, std::uint64_t lba, std::uint32_t sector_size) {
  Gpt gpt{TRY(read_header(disk, lba, sector_size)), {}};
  const std::uint64_t size = gpt.header.size_of_partition_entry.value();
  const std::uint64_t count = gpt.header.number_of_partition_entries.value();
  const std::uint64_t start = gpt.header.partition_entry_lba.value();
  if (size < sizeof(GptEntry) || size % 8 != 0)
    return corrupt("entries of " + std::to_string(size) + " bytes (at least 128, a multiple of 8)",
                   lba * sector_size);
  if (count * size > kMaxEntryArray)
    return corrupt(
        std::to_string(count) + " entries of " + std::to_string(size) + " bytes (at most 4 MiB)",
        lba * sector_size);
  if (start > disk.size() / sector_size || count * size > disk.size() - start * sector_size)
    return corrupt("entries lie past the end of the disk", lba * sector_size);
  gpt.entries.resize(static_cast<std::size_t>(count * size));
  TRY(disk.read(start * sector_size, gpt.entries));
  if (checksum(gpt.entries) != gpt.header.partition_entry_array_crc32.value())
    return corrupt("checksum of the entries is wrong", start * sector_size);
  return gpt;
}

/// Where a backup header may lie: where the primary says (even a damaged one), at the disk's last
/// sector, and at the last sector that the protective MBR knows of (the disk has grown since).
std::vector<std::uint64_t> backup_places(const BlockDevice& disk, const Mbr* mbr,
                                         std::uint32_t sector_size) {
  const std::uint64_t sectors = disk.size() / sector_size;
  std::vector<std::uint64_t> places;
  const auto add = [&](std::uint64_t lba) {
    if (lba > 1 && lba < sectors && std::ranges::find(places, lba) == places.end())
      places.push_back(lba);
  };
  const auto primary = read_struct<GptHeader>(disk, sector_size);
  if (primary && std::memcmp(primary.value().signature, "EFI PART", 8) == 0)
    add(primary.value().alternate_lba.value());
  add(sectors - 1);
  if (mbr != nullptr)
    for (const MbrEntry& entry : mbr->entries)
      if (entry.type == kTypeProtective && entry.count != 0)
        add(std::uint64_t{entry.start} + entry.count - 1);
  return places;
}

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// PARTLABEL: up to the first NUL.
std::string name_of(const GptEntry& entry) {
  std::string name = utf16le_to_wtf8(entry.partition_name);
  name.resize(std::min(name.size(), name.find('\0')));
  return name;
}

void list_entries(const Gpt& gpt, VolumeTable& table) {
  const std::size_t step = gpt.header.size_of_partition_entry.value();
  for (std::size_t at = 0; at < gpt.entries.size(); at += step) {
    const GptEntry entry = *get<GptEntry>(gpt.entries, at);
    if (is_zero(entry.partition_type_guid)) continue;
    if (table.volumes.size() == kMaxPartitions) {
      table.remarks.push_back(
          {Remark::Kind::unsupported, "GPT: more than 255 partitions: the rest is not shown"});
      return;
    }
    Volume volume;
    volume.name = "p" + std::to_string(at / step + 1);
    const std::uint64_t first = entry.starting_lba.value();
    const std::uint64_t last = entry.ending_lba.value();
    if (first > UINT64_MAX / table.sector_size || last > UINT64_MAX / table.sector_size - 1)
      volume.problem = "lies past the end of any disk";
    else if (last < first)
      volume.problem = "ends at sector " + std::to_string(last) + ", before its start at sector " +
                       std::to_string(first);
    if (first <= UINT64_MAX / table.sector_size) volume.offset = first * table.sector_size;
    if (volume.problem.empty()) volume.size = (last - first + 1) * table.sector_size;
    volume.partition_uuid = guid_text(entry.unique_partition_guid);
    volume.partition_type = guid_text(entry.partition_type_guid);
    volume.partition_label = name_of(entry);
    volume.active = (entry.attributes.value() & kGptLegacyBiosBootable) != 0;
    table.volumes.push_back(std::move(volume));
  }
}

/// The other copy, where the primary is the one that is used.
void check_backup(const BlockDevice& disk, const Gpt& primary, VolumeTable& table) {
  const std::uint64_t sectors = disk.size() / table.sector_size;
  const std::uint64_t lba = primary.header.alternate_lba.value();
  const auto say = [&](Remark::Kind kind, const std::string& what) {
    table.remarks.push_back({kind, "GPT: " + what});
  };
  if (lba >= sectors)
    return say(Remark::Kind::damaged,
               "the disk is shorter than its table: the backup header should lie at sector " +
                   std::to_string(lba) + " of " + std::to_string(sectors));
  const auto backup = read_gpt(disk, lba, table.sector_size);
  if (!backup)
    return say(Remark::Kind::damaged, "the backup is damaged: " + describe(backup.error()));
  if (lba != sectors - 1)
    say(Remark::Kind::note,
        "the backup header does not lie at the disk's end: the disk has grown since");
  const GptHeader& other = backup.value().header;
  if (other.partition_entry_array_crc32.value() !=
          primary.header.partition_entry_array_crc32.value() ||
      std::memcmp(other.disk_guid, primary.header.disk_guid, 16) != 0)
    say(Remark::Kind::damaged, "the backup differs from the primary table, which is the one shown");
}

void use(const Gpt& gpt, std::uint32_t sector_size, VolumeTable& table) {
  table.kind = VolumeTable::Kind::gpt;
  table.sector_size = sector_size;
  table.disk_uuid = guid_text(gpt.header.disk_guid);
  list_entries(gpt, table);
}

}  // namespace

GptFound list_gpt(const BlockDevice& disk, const Mbr* mbr, VolumeTable& table) {
  std::string problem;
  for (const std::uint32_t sector_size : kSectorSizes) {
    if (!has_signature(disk, sector_size)) continue;
    const auto primary = read_gpt(disk, 1, sector_size);
    if (!primary) {
      if (problem.empty()) problem = describe(primary.error());
      continue;
    }
    use(primary.value(), sector_size, table);
    check_backup(disk, primary.value(), table);
    return GptFound::usable;
  }
  for (const std::uint32_t sector_size : kSectorSizes) {
    for (const std::uint64_t lba : backup_places(disk, mbr, sector_size)) {
      if (!has_signature(disk, lba * sector_size)) continue;
      const auto backup = read_gpt(disk, lba, sector_size);
      if (!backup) {
        problem += (problem.empty() ? "" : "; ") + ("backup: " + describe(backup.error()));
        continue;
      }
      table.remarks.push_back(
          {Remark::Kind::damaged, "GPT: the primary table is damaged, the backup is shown: " +
                                      (problem.empty() ? "no signature \"EFI PART\"" : problem)});
      use(backup.value(), sector_size, table);
      return GptFound::usable;
    }
  }
  if (problem.empty()) return GptFound::none;
  table.remarks.push_back({Remark::Kind::damaged,
                           "GPT: neither the primary nor the backup table is whole: " + problem});
  return GptFound::damaged;
}

}  // namespace imgfs::volumes
