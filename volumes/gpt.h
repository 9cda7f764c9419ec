#pragma once

#include "volumes/mbr.h"
#include "volumes/volume.h"

namespace imgfs::volumes {

/// What a search for a GUID partition table came to.
enum class GptFound {
  none,     ///< no header at any place where one can be
  usable,   ///< the table's volumes, disk_uuid, sector_size and remarks are filled in
  damaged,  ///< headers, but none that is whole: said in the remarks
};

/// Finds the primary or else the backup GPT of `disk`, for sectors of 512 to 4096 bytes, verifies
/// the checksums of header and entries, and lists the partitions by their entry numbers. `mbr` is
/// the disk's protective one, or null.
GptFound list_gpt(const BlockDevice& disk, const Mbr* mbr, VolumeTable& table);

}  // namespace imgfs::volumes
