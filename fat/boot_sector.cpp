#include "fat/boot_sector.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "fat/fat_format.h"

namespace imgfs::fat {
namespace {

constexpr std::uint32_t kMaxClusters12 = 4084;   ///< more: FAT16
constexpr std::uint32_t kMaxClusters16 = 65524;  ///< more: not valid without FAT32
constexpr std::uint32_t kMaxClusters32 = 0x0ffffff6;

bool is_sound(const BootSectorData& boot) {
  const unsigned sector = boot.bytes_per_sector.value();
  return boot.reserved_sectors.value() != 0 && boot.number_of_fats != 0 &&
         (boot.media >= 0xf8 || boot.media == 0xf0) && std::has_single_bit(sector) &&
         sector >= 512 && sector <= 4096 && std::has_single_bit(unsigned{boot.sectors_per_cluster});
}

std::string serial_text(const BootSectorTail& tail) {
  unsigned byte[4];
  for (std::size_t i = 0; i < 4; ++i) byte[i] = std::to_integer<unsigned>(tail.serial[i]);
  if ((byte[0] | byte[1] | byte[2] | byte[3]) == 0) return {};
  char text[10];
  std::snprintf(text, sizeof text, "%02X%02X-%02X%02X", byte[3], byte[2], byte[1], byte[0]);
  return text;
}

std::uint64_t total_sectors(const BootSectorData& boot) {
  return boot.total_sectors_16.value() != 0 ? boot.total_sectors_16.value()
                                            : boot.total_sectors_32.value();
}

}  // namespace

Result<BootSector> BootSector::read(const BlockDevice& device) {
  const auto boot = TRY(read_struct<BootSectorData>(device, 0));
  if (!is_sound(boot)) return corrupt("FAT boot sector with an impossible parameter block", 0);
  const auto boot32 = TRY(read_struct<BootSector32>(device, sizeof(BootSectorData)));
  const bool is_32 = boot.fat_size_16.value() == 0;
  const auto tail = TRY(read_struct<BootSectorTail>(device, is_32 ? 64 : 36));

  BootSector out;
  out.sector_size = boot.bytes_per_sector.value();
  out.cluster_size = out.sector_size * boot.sectors_per_cluster;
  const std::uint64_t fat_sectors = is_32 ? boot32.fat_size.value() : boot.fat_size_16.value();
  if (fat_sectors == 0) return corrupt("FAT of 0 sectors", 22);
  out.fat_size = fat_sectors * out.sector_size;
  const unsigned flags = is_32 ? boot32.ext_flags.value() : 0;
  const unsigned current = (flags & kExtFlagsOneFat) != 0 ? flags & 0xfU : 0;
  if (current >= boot.number_of_fats)
    return corrupt("FAT " + std::to_string(current) + " is current, but there are only " +
                       std::to_string(boot.number_of_fats),
                   40);
  out.fat_offset =
      boot.reserved_sectors.value() * std::uint64_t{out.sector_size} + current * out.fat_size;
  out.root_offset = boot.reserved_sectors.value() * std::uint64_t{out.sector_size} +
                    boot.number_of_fats * out.fat_size;
  out.root_size = boot.root_entries.value() * std::uint32_t{kEntrySize};
  if (out.root_size % out.sector_size != 0)
    return corrupt("root directory of " + std::to_string(boot.root_entries.value()) +
                       " entries: not whole sectors",
                   17);
  out.data_offset = out.root_offset + out.root_size;

  const std::uint64_t size = total_sectors(boot) * out.sector_size;
  if (size < out.data_offset)
    return corrupt("FAT volume of " + std::to_string(size) + " bytes, but its data begin at " +
                       std::to_string(out.data_offset),
                   32);
  std::uint64_t clusters = (size - out.data_offset) / out.cluster_size;
  out.bits = is_32 ? 32 : clusters > kMaxClusters12 ? 16 : 12;
  const std::uint64_t in_fat = out.fat_size * 8 / out.bits;
  clusters = std::min(clusters, in_fat < 2 ? 0 : in_fat - 2);
  const std::uint32_t limit = is_32            ? kMaxClusters32
                              : out.bits == 16 ? kMaxClusters16
                                               : kMaxClusters12;
  if (clusters > limit)
    return corrupt(std::to_string(clusters) + " clusters (at most " + std::to_string(limit) + ")",
                   32);
  out.cluster_limit = static_cast<std::uint32_t>(clusters) + 2;
  if (is_32) {
    out.root_cluster = boot32.root_cluster.value();
    if (!out.is_cluster(out.root_cluster))
      return corrupt("root directory in cluster " + std::to_string(out.root_cluster), 44);
  }
  if (out.fat_offset > device.size() || out.fat_size > device.size() - out.fat_offset)
    return corrupt("the FAT lies past the end of the device", out.fat_offset);
  out.dirty = (tail.state & 1U) != 0;
  out.uuid = serial_text(tail);
  out.cut_short = size > device.size();
  return out;
}

bool probe(const BlockDevice& device) {
  const auto boot = read_struct<BootSectorData>(device, 0);
  const auto signature = read_struct<le16>(device, 510);
  if (!boot || !signature || !is_sound(boot.value())) return false;
  const std::string_view oem(boot.value().oem_name, sizeof boot.value().oem_name);
  if (oem == "NTFS    " || oem == "EXFAT   " || oem == "-FVE-FS-") return false;
  const auto layout = BootSector::read(device);
  if (!layout) return false;
  const unsigned jump = std::to_integer<unsigned>(boot.value().jump[0]);
  if (signature.value().value() == 0xaa55 || jump == 0xeb || jump == 0xe9) return true;
  // Atari's have neither; the table's first entry repeats the media byte.
  const auto first = read_struct<le16>(device, layout.value().fat_offset);
  return first && (first.value().value() & 0xffU) == boot.value().media;
}

}  // namespace imgfs::fat
