#include "ntfs/boot_sector.h"

#include <array>
#include <bit>
#include <string>
#include <string_view>

#include "ntfs/ntfs_format.h"

namespace imgfs::ntfs {
namespace {

constexpr std::uint32_t kMaximumCluster = 2U << 20;
constexpr std::uint32_t kMaximumRecord = 65536;

bool has_signature(std::span<const std::byte> sector) {
  const auto boot = get<BootSector>(sector);
  return boot && std::string_view(boot->oem_id, sizeof boot->oem_id) == "NTFS    ";
}

/// Sectors a cluster: a power of two, or above 0x80 a negative exponent. 0 where it is neither.
std::uint64_t sectors_per_cluster(std::uint8_t stored) {
  if (stored <= 0x80) return std::has_single_bit(stored) ? stored : 0;
  const unsigned exponent = 256U - stored;
  return exponent <= 31 ? std::uint64_t{1} << exponent : 0;
}

/// Size of a record in bytes: clusters, or where negative an exponent. 0 where it is out of range.
std::uint32_t record_size(std::uint8_t stored, std::uint32_t cluster_size) {
  std::uint64_t size = 0;
  if (stored >= 0x80) {
    const unsigned exponent = 256U - stored;
    size = exponent <= 31 ? std::uint64_t{1} << exponent : 0;
  } else {
    size = std::uint64_t{stored} * cluster_size;
  }
  const bool good = std::has_single_bit(size) && size >= 512 && size <= kMaximumRecord;
  return good ? static_cast<std::uint32_t>(size) : 0;
}

/// Where the backup may lie: the last sector, for each size that a sector may have.
constexpr std::array<std::uint64_t, 4> kBackupDistances{512, 1024, 2048, 4096};

}  // namespace

bool probe(const BlockDevice& device) {
  std::array<std::byte, 512> sector{};
  if (device.size() >= sector.size() && device.read(0, sector) && has_signature(sector))
    return true;
  for (const std::uint64_t distance : kBackupDistances) {
    if (device.size() < 2 * distance || !device.read(device.size() - distance, sector)) continue;
    // The backup alone: only where it describes a volume of just this size.
    const auto geometry = parse_boot_sector(sector, 0);
    if (geometry && (geometry.value().sectors + 1) * geometry.value().sector_size == device.size())
      return true;
  }
  return false;
}

Result<Geometry> parse_boot_sector(std::span<const std::byte> sector, std::uint64_t position) {
  const auto boot = get<BootSector>(sector);
  if (!boot) return corrupt("boot sector shorter than 512 bytes", position);
  if (!has_signature(sector)) return corrupt("boot sector without \"NTFS    \"", position + 3);
  Geometry geometry{};
  geometry.sector_size = boot->bytes_per_sector.value();
  if (!std::has_single_bit(geometry.sector_size) || geometry.sector_size < 256 ||
      geometry.sector_size > 4096)
    return corrupt("sectors of " + std::to_string(geometry.sector_size) + " bytes (256 to 4096)",
                   position + 0xb);
  const std::uint64_t cluster =
      sectors_per_cluster(boot->sectors_per_cluster) * geometry.sector_size;
  if (cluster == 0 || cluster > kMaximumCluster)
    return corrupt("clusters of " + std::to_string(boot->sectors_per_cluster) +
                       " sectors (a power of 2, at most 2 MiB)",
                   position + 0xd);
  geometry.cluster_size = static_cast<std::uint32_t>(cluster);
  geometry.record_size = record_size(boot->clusters_per_mft_record, geometry.cluster_size);
  if (geometry.record_size == 0)
    return corrupt("size of an MFT record is coded " +
                       std::to_string(boot->clusters_per_mft_record) + " (512 bytes to 64 KiB)",
                   position + 0x40);
  geometry.index_block_size = record_size(boot->clusters_per_index_record, geometry.cluster_size);
  geometry.sectors = boot->number_of_sectors.value();
  geometry.clusters = geometry.sectors / (geometry.cluster_size / geometry.sector_size);
  if (geometry.clusters == 0 || geometry.sectors > (UINT64_MAX >> 1) / geometry.sector_size)
    return corrupt("volume of " + std::to_string(geometry.sectors) + " sectors", position + 0x28);
  geometry.mft_lcn = boot->mft_lcn.value();
  geometry.mftmirr_lcn = boot->mftmirr_lcn.value();
  if (geometry.mft_lcn >= geometry.clusters && geometry.mftmirr_lcn >= geometry.clusters)
    return corrupt("$MFT and $MFTMirr begin past the end of the volume", position + 0x30);
  geometry.serial = boot->volume_serial_number.value();
  return geometry;
}

Result<Geometry> read_geometry(const BlockDevice& device) {
  std::array<std::byte, 512> sector{};
  if (device.size() < sector.size())
    return corrupt("volume of " + std::to_string(device.size()) +
                   " bytes is smaller than a sector");
  TRY(device.read(0, sector));
  auto primary = parse_boot_sector(sector, 0);
  if (primary) return primary;
  for (const std::uint64_t distance : kBackupDistances) {
    if (device.size() < 2 * distance) continue;
    const std::uint64_t position = device.size() - distance;
    if (!device.read(position, sector)) continue;
    auto backup = parse_boot_sector(sector, position);
    if (!backup || backup.value().sector_size != distance) continue;
    backup.value().from_backup = true;
    return backup;
  }
  return primary;
}

}  // namespace imgfs::ntfs
