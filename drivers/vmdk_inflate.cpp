#include "drivers/vmdk_inflate.h"

#include <algorithm>
#include <memory>

#include <libdeflate.h>

#include "drivers/vmdk_format.h"

namespace imgfs::vmdk {
namespace {

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* object) const { libdeflate_free_decompressor(object); }
};

/// One for each thread: making one costs more than a grain.
libdeflate_decompressor* decompressor() {
  thread_local const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> own(
      libdeflate_alloc_decompressor());
  return own.get();
}

/// Reads the compressed bytes into `buffer`; the part of it that holds them.
Result<std::span<const std::byte>> read_compressed(const BlockDevice& file,
                                                   const CompressedGrain& grain,
                                                   std::vector<std::byte>& buffer) {
  if (grain.offset >= file.size())
    return corrupt("compressed grain past the end of the file", grain.offset);
  const std::uint64_t available = file.size() - grain.offset;
  const std::uint64_t most = 2 * grain.grain_size + kSector;
  // Without a marker the end is unknown; with one, nearly every grain lies in the first read.
  const std::uint64_t first =
      std::min<std::uint64_t>(available, grain.marker ? grain.grain_size + kSector : most);
  buffer.resize(static_cast<std::size_t>(first));
  TRY(file.read(grain.offset, buffer));
  if (!grain.marker) return std::span<const std::byte>(buffer);
  const auto marker = get<Marker>(buffer);
  if (!marker) return corrupt("compressed grain cut off by the end of the file", grain.offset);
  const std::uint64_t sector = marker->sector.value();
  const std::uint64_t length = marker->size.value();
  if (sector != grain.sector && sector != grain.disk_sector)
    return corrupt("compressed grain of sector " + std::to_string(sector) + " where sector " +
                       std::to_string(grain.sector) + " was expected",
                   grain.offset);
  if (length == 0 || length > most || length > available - kGrainMarker)
    return corrupt("compressed grain of " + std::to_string(length) + " bytes, expected 1 to " +
                       std::to_string(std::min(most, available - kGrainMarker)),
                   grain.offset);
  if (length + kGrainMarker > first) {
    buffer.resize(static_cast<std::size_t>(length + kGrainMarker));
    TRY(file.read(grain.offset + first,
                  std::span(buffer).subspan(static_cast<std::size_t>(first))));
  }
  return std::span<const std::byte>(buffer).subspan(kGrainMarker, static_cast<std::size_t>(length));
}

}  // namespace

Result<std::vector<std::byte>> inflate_grain(const BlockDevice& file,
                                             const CompressedGrain& grain) {
  thread_local std::vector<std::byte> buffer;
  const auto input = TRY(read_compressed(file, grain, buffer));
  libdeflate_decompressor* const inflate = decompressor();
  if (inflate == nullptr) return Error{Errc::io, "no memory to decompress", {}};
  std::vector<std::byte> out(grain.grain_size);
  std::size_t taken = 0;
  std::size_t given = 0;
  const libdeflate_result result = libdeflate_zlib_decompress_ex(
      inflate, input.data(), input.size(), out.data(), out.size(), &taken, &given);
  if (result != LIBDEFLATE_SUCCESS)
    return corrupt(result == LIBDEFLATE_INSUFFICIENT_SPACE
                       ? "compressed grain that is larger than a grain"
                       : "compressed grain whose data is damaged",
                   grain.offset);
  if (given < grain.needed)
    return corrupt("compressed grain of only " + std::to_string(given) + " bytes, expected " +
                       std::to_string(grain.needed),
                   grain.offset);
  out.resize(grain.needed);
  return out;
}

}  // namespace imgfs::vmdk
