#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace imgfs::volumes {

// Source: lvm2, lib/format_text/layout.h and lib/label/label.h (as facts).

/// In one of the first four sectors.
struct LvmLabelHeader {
  char id[8];    ///< "LABELONE"
  le64 sector;   ///< of this label
  le32 crc;      ///< from `offset` on to the sector's end
  le32 offset;   ///< of the PV header, bytes from the label's start
  char type[8];  ///< "LVM2 001"
};
static_assert(sizeof(LvmLabelHeader) == 32);

struct LvmPvHeader {
  char pv_uuid[32];
  le64 device_size;  ///< bytes
};
static_assert(sizeof(LvmPvHeader) == 40);

/// Data areas, then metadata areas follow the PV header, each list ended by an offset of 0.
struct LvmDiskLocation {
  le64 offset;  ///< bytes from the device's start
  le64 size;    ///< bytes; 0: to the end
};
static_assert(sizeof(LvmDiskLocation) == 16);

/// At the start of a metadata area, one sector.
struct LvmMetadataHeader {
  le32 checksum;  ///< from `magic` on to the sector's end
  char magic[16];
  le32 version;
  le64 start;  ///< of this area, bytes from the device's start
  le64 size;   ///< of the whole area, this sector included
};
static_assert(sizeof(LvmMetadataHeader) == 40);

/// Follows the header; the list is ended by an offset of 0. The first is the committed one.
struct LvmRawLocation {
  le64 offset;  ///< bytes from the area's start
  le64 size;    ///< of the text, its NUL included
  le32 checksum;
  le32 flags;
};
static_assert(sizeof(LvmRawLocation) == 24);

constexpr std::size_t kLvmSector = 512;
constexpr std::uint32_t kLvmCrcSeed = 0xf597a6cf;
constexpr std::uint32_t kLvmLocationIgnored = 1;

}  // namespace imgfs::volumes
