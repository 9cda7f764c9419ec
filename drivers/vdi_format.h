#pragma once

#include "core/bytes.h"

namespace imgfs::vdi {

// The header of a VirtualBox Disk Image as it lies on disk, little-endian.
// Source: VirtualBox, src/VBox/Storage/VDICore.h (layout only).

struct Header {
  static constexpr std::uint32_t kSignature = 0xbeda107f;
  static constexpr std::uint32_t kVersion = 0x00010001;
  static constexpr std::uint32_t kDynamic = 1;
  static constexpr std::uint32_t kStatic = 2;
  static constexpr std::uint32_t kUndo = 3;
  static constexpr std::uint32_t kDifferencing = 4;
  char text[64];
  le32 signature;
  le32 version;
  le32 header_size;  ///< from this field on
  le32 type;
  le32 flags;
  char comment[256];
  le32 blocks_offset;  ///< of the block table, in bytes
  le32 data_offset;    ///< of the first block, in bytes
  le32 cylinders;
  le32 heads;
  le32 sectors;
  le32 sector_size;
  le32 unused;
  le64 disk_size;    ///< bytes
  le32 block_size;   ///< bytes of data in a block
  le32 block_extra;  ///< bytes before the data of each block
  le32 blocks;       ///< entries of the table
  le32 blocks_allocated;
  std::byte image_id[16];
  std::byte last_snapshot_id[16];
  std::byte parent_id[16];
  std::byte parent_modification_id[16];
};
static_assert(sizeof(Header) == 456);
static_assert(offsetof(Header, blocks_offset) == 0x154);
static_assert(offsetof(Header, disk_size) == 0x170);
static_assert(offsetof(Header, image_id) == 0x188);

constexpr std::uint32_t kFree = 0xffffffff;       ///< never written
constexpr std::uint32_t kDiscarded = 0xfffffffe;  ///< zeros

}  // namespace imgfs::vdi
