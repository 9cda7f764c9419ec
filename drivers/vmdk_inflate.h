#pragma once

#include <vector>

#include "core/block_device.h"

namespace imgfs::vmdk {

/// How a compressed grain is stored.
struct CompressedGrain {
  std::uint64_t offset;       ///< bytes, in the file: of its marker, or of the data without markers
  bool marker;                ///< whether a marker with the length lies before the data
  std::uint64_t sector;       ///< of the grain in its extent: what the marker must say,
  std::uint64_t disk_sector;  ///< or this, its place on the whole disk
  std::size_t grain_size;     ///< bytes
  std::size_t needed;         ///< bytes that the disk has of it: less than all only in the last one
};

/// The first `needed` bytes of the grain. Its checksum (Adler-32, RFC 1950) is verified.
Result<std::vector<std::byte>> inflate_grain(const BlockDevice& file, const CompressedGrain& grain);

}  // namespace imgfs::vmdk
