#include "volumes/lvm_label.h"

#include <algorithm>

#include "volumes/crc32.h"
#include "volumes/lvm_format.h"

namespace imgfs::volumes {
namespace {

constexpr std::size_t kLabelSectors = 4;
constexpr std::size_t kMaxAreas = 8;

std::string_view chars(const char* field, std::size_t size) { return {field, size}; }

std::optional<LvmLabel> parse(std::span<const std::byte> sector, std::uint64_t number) {
  const auto header = get<LvmLabelHeader>(sector);
  if (!header || chars(header->id, 8) != "LABELONE" || chars(header->type, 8) != "LVM2 001")
    return std::nullopt;
  if (header->sector.value() != number) return std::nullopt;
  if (crc32(kLvmCrcSeed, sector.subspan(offsetof(LvmLabelHeader, offset))) != header->crc.value())
    return std::nullopt;
  std::size_t at = header->offset.value();
  const auto pv = get<LvmPvHeader>(sector, at);
  if (!pv) return std::nullopt;
  at += sizeof(LvmPvHeader);
  LvmLabel label;
  label.id = chars(pv->pv_uuid, sizeof pv->pv_uuid);
  label.uuid = lvm_uuid(label.id);
  label.device_size = pv->device_size.value();
  // The sector bounds both lists.
  for (bool metadata : {false, true}) {
    for (;; at += sizeof(LvmDiskLocation)) {
      const auto location = get<LvmDiskLocation>(sector, at);
      if (!location) return label;
      if (location->offset.value() == 0) break;
      if (metadata && label.metadata.size() < kMaxAreas)
        label.metadata.push_back({location->offset.value(), location->size.value()});
    }
    at += sizeof(LvmDiskLocation);
  }
  return label;
}

}  // namespace

std::string lvm_uuid(std::string_view id) {
  std::string out;
  std::size_t at = 0;
  for (const std::size_t length : {6U, 4U, 4U, 4U, 4U, 4U, 6U}) {
    if (at != 0) out += '-';
    out += id.substr(std::min(at, id.size()), length);
    at += length;
  }
  return out;
}

std::optional<LvmLabel> find_lvm_label(std::span<const std::byte> head) {
  for (std::size_t i = 0; i < kLabelSectors; ++i) {
    const auto sector = part(head, i * kLvmSector, kLvmSector);
    if (!sector) return std::nullopt;
    if (auto label = parse(*sector, i)) return label;
  }
  return std::nullopt;
}

}  // namespace imgfs::volumes
