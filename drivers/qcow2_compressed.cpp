#include "drivers/qcow2_compressed.h"

#include <algorithm>
#include <memory>
#include <vector>

#include <libdeflate.h>
#include <zstd.h>

namespace imgfs::qcow2 {
namespace {

/// One thread's decompressors and its buffer for compressed bytes (at most two clusters).
struct Decompressors {
  struct FreeDeflate {
    void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
  };
  struct FreeZstd {
    void operator()(ZSTD_DCtx* d) const { ZSTD_freeDCtx(d); }
  };
  std::unique_ptr<libdeflate_decompressor, FreeDeflate> deflate{libdeflate_alloc_decompressor()};
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd{ZSTD_createDCtx()};
  std::vector<std::byte> input;
};

Decompressors& decompressors() {
  thread_local Decompressors mine;
  return mine;
}

/// A raw deflate stream; what follows its end up to the sector's is not looked at.
Result<void> inflate(std::span<const std::byte> in, std::span<std::byte> out, std::uint64_t place) {
  auto* const decompressor = decompressors().deflate.get();
  if (decompressor == nullptr) return Error{Errc::io, "no memory for decompression", {}};
  std::size_t used = 0;
  std::size_t made = 0;
  const auto result = libdeflate_deflate_decompress_ex(decompressor, in.data(), in.size(), out.data(),
                                                       out.size(), &used, &made);
  if (result != LIBDEFLATE_SUCCESS || made != out.size())
    return corrupt("compressed cluster (zlib) does not decompress to one cluster", place);
  return success();
}

/// Zstandard frames until the cluster is full; what follows is not looked at.
Result<void> decompress_zstd(std::span<const std::byte> in, std::span<std::byte> out,
                             std::uint64_t place) {
  auto* const context = decompressors().zstd.get();
  if (context == nullptr) return Error{Errc::io, "no memory for decompression", {}};
  while (!out.empty()) {
    const std::size_t frame = ZSTD_findFrameCompressedSize(in.data(), in.size());
    const std::size_t made = ZSTD_isError(frame) != 0
                                 ? frame
                                 : ZSTD_decompressDCtx(context, out.data(), out.size(), in.data(), frame);
    if (ZSTD_isError(made) != 0)
      return corrupt(std::string("compressed cluster (zstd): ") + ZSTD_getErrorName(made), place);
    in = in.subspan(frame);
    out = out.subspan(made);
    if (in.empty() && !out.empty())
      return corrupt("compressed cluster (zstd) does not decompress to one cluster", place);
  }
  return success();
}

}  // namespace

Result<std::vector<std::byte>> read_compressed(const BlockDevice& file, const Header& header,
                                               std::uint64_t entry) {
  // The entry: x bits of offset, then the number of further 512-byte sectors, then the two flags.
  const unsigned offset_bits = 62 - (header.cluster_bits - 8);
  const std::uint64_t offset = entry & ((std::uint64_t{1} << offset_bits) - 1);
  const std::uint64_t sectors =
      (entry >> offset_bits & ((std::uint64_t{1} << (header.cluster_bits - 8)) - 1)) + 1;
  if (offset >= file.size()) return corrupt("the file is cut off before this compressed cluster", offset);
  const std::uint64_t length = std::min(sectors * 512 - offset % 512, file.size() - offset);
  auto& input = decompressors().input;
  if (input.size() < length) input.resize(static_cast<std::size_t>(length));
  const auto in = std::span(input).first(static_cast<std::size_t>(length));
  TRY(file.read(offset, in));
  std::vector<std::byte> out(static_cast<std::size_t>(header.cluster_size()));
  TRY(header.compression == kZstd ? decompress_zstd(in, out, offset) : inflate(in, out, offset));
  return out;
}

}  // namespace imgfs::qcow2
