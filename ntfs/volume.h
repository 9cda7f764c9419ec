#pragma once

#include <memory>

#include "core/block_device.h"
#include "core/byte_cache.h"
#include "ntfs/boot_sector.h"
#include "ntfs/mft.h"
#include "ntfs/upcase.h"

namespace imgfs::ntfs {

class WofDecompressors;

/// What all parts of the reader share. Immutable after open but for the caches, which lock.
struct Volume {
  Device device;
  Geometry geometry;
  Mft mft;
  UpCase upcase{};
  /// Decompressed LZNT1 units and WOF chunks.
  std::shared_ptr<ByteCache> decoded;
  std::shared_ptr<WofDecompressors> decompressors;
};

/// The key in `decoded` of piece `index` of file `number`; 0 where there is none that is unique.
constexpr std::uint64_t piece_key(std::uint64_t number, std::uint64_t index) {
  constexpr unsigned kIndexBits = 36;
  if (number >> (64 - kIndexBits) != 0 || index >> kIndexBits != 0) return 0;
  return number << kIndexBits | index;
}

}  // namespace imgfs::ntfs
