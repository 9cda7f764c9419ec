#include "checkers/decoder.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <bzlib.h>
#include <libdeflate.h>
#include <lz4.h>
#include <lzma.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

#include "core/bytes.h"

namespace imgfs::checkers {
namespace {

constexpr std::uint64_t kMaxMemory = 160ULL << 20;  // bytes: an xz dictionary of 128 MiB fits
constexpr int kMaxWindowLog = 27;                   // 128 MiB
constexpr std::size_t kMaxLzoBlock = 8 << 20;
constexpr std::size_t kLz4Block = 8 << 20;  // the legacy format's only size

Error broken(std::string_view what) { return corrupt(std::string(what) + " stream is damaged"); }

/// Input for libraries that want a pointer that is not const.
template <class Byte>
Byte* mutable_bytes(std::span<const std::byte> bytes) {
  return reinterpret_cast<Byte*>(const_cast<std::byte*>(bytes.data()));  // NOLINT: C interfaces
}
template <class Byte>
Byte* output_bytes(std::span<std::byte> bytes) {
  return reinterpret_cast<Byte*>(bytes.data());  // NOLINT: C interfaces
}
unsigned int part_size(std::size_t size) {
  return static_cast<unsigned int>(std::min<std::size_t>(size, 1U << 30));
}

/// gzip in one piece: libdeflate takes a third of zlib's time, and an initramfs is read nearly to its
/// end as a rule. What is too large for that, or damaged, goes through zlib as a stream.
class WholeGzip {
 public:
  /// Decodes the stream that `source` stands at and takes it; false where that cannot be done.
  Result<bool> decode(ByteSource& source) {
    const std::vector<std::byte> in = TRY(source.rest(kMaxIn));
    if (in.size() < 18) return false;
    const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> decoder(
        libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    if (!decoder) return false;
    // The last four bytes tell the size where nothing follows; no stream grows more than 1032-fold.
    const std::size_t most = std::min<std::size_t>(kMaxOut, in.size() * 1032 + 64);
    const std::size_t told = get<le32>(in, in.size() - 4)->value();
    for (const std::size_t room : {std::min(most, std::max(told, in.size() * 4)), most}) {
      out_.reset(allocate(room));
      if (!out_) return false;
      std::size_t taken = 0;
      const libdeflate_result status = libdeflate_gzip_decompress_ex(
          decoder.get(), in.data(), in.size(), out_.get(), room, &taken, &size_);
      if (status == LIBDEFLATE_SUCCESS) {
        TRY(source.skip(taken));
        return true;
      }
      if (status != LIBDEFLATE_INSUFFICIENT_SPACE) break;
    }
    out_.reset();
    return false;
  }
  std::size_t read(std::span<std::byte> out) {
    const std::size_t count = std::min(out.size(), size_ - begin_);
    std::memcpy(out.data(), out_.get() + begin_, count);
    begin_ += count;
    return count;
  }

 private:
  static constexpr std::size_t kMaxIn = 96 << 20;
  static constexpr std::size_t kMaxOut = 320 << 20;  // untouched memory costs nothing
  static constexpr std::size_t kHugePage = 2 << 20;
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  /// In huge pages where the host has them: tens of thousands of page faults fewer.
  static std::byte* allocate(std::size_t size) {
    size = (size + kHugePage - 1) / kHugePage * kHugePage;
    void* bytes = std::aligned_alloc(kHugePage, size);
    if (bytes != nullptr) static_cast<void>(madvise(bytes, size, MADV_HUGEPAGE));
    return static_cast<std::byte*>(bytes);
  }
  std::unique_ptr<std::byte[], Free> out_;
  std::size_t size_ = 0;
  std::size_t begin_ = 0;
};

class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() { ready_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }
  ~GzipDecoder() override { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  Result<std::size_t> read(ByteSource& source, std::span<std::byte> out) override {
    if (!ready_) return Error{Errc::too_large, "no memory for zlib"};
    if (!begun_) whole_ = TRY(gzip_.decode(source));
    begun_ = true;
    if (whole_) return gzip_.read(out);
    stream_.next_out = output_bytes<Bytef>(out);
    stream_.avail_out = part_size(out.size());
    while (!done_ && stream_.avail_out > 0) {
      const auto in = TRY(source.peek());
      if (in.empty()) return corrupt("gzip stream ends too early");
      stream_.next_in = mutable_bytes<Bytef>(in);
      stream_.avail_in = part_size(in.size());
      const unsigned int before = stream_.avail_in;
      const int status = inflate(&stream_, Z_NO_FLUSH);
      source.take(before - stream_.avail_in);
      if (status == Z_STREAM_END) done_ = true;
      else if (status != Z_OK) return broken("gzip");
    }
    return part_size(out.size()) - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  WholeGzip gzip_;
  bool ready_;
  bool begun_ = false;
  bool whole_ = false;
  bool done_ = false;
};

class Bzip2Decoder final : public Decoder {
 public:
  Bzip2Decoder() { ready_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK; }
  ~Bzip2Decoder() override { BZ2_bzDecompressEnd(&stream_); }
  Bzip2Decoder(const Bzip2Decoder&) = delete;
  Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;

  Result<std::size_t> read(ByteSource& source, std::span<std::byte> out) override {
    if (!ready_) return Error{Errc::too_large, "no memory for bzip2"};
    stream_.next_out = output_bytes<char>(out);
    stream_.avail_out = part_size(out.size());
    while (!done_ && stream_.avail_out > 0) {
      const auto in = TRY(source.peek());
      if (in.empty()) return corrupt("bzip2 stream ends too early");
      stream_.next_in = mutable_bytes<char>(in);
      stream_.avail_in = part_size(in.size());
      const unsigned int before = stream_.avail_in;
      const int status = BZ2_bzDecompress(&stream_);
      source.take(before - stream_.avail_in);
      if (status == BZ_STREAM_END) done_ = true;
      else if (status != BZ_OK) return broken("bzip2");
    }
    return part_size(out.size()) - stream_.avail_out;
  }

 private:
  bz_stream stream_{};
  bool ready_;
  bool done_ = false;
};

/// xz, and the older lzma.
class LzmaDecoder final : public Decoder {
 public:
  explicit LzmaDecoder(bool alone) {
    ready_ = (alone ? lzma_alone_decoder(&stream_, kMaxMemory)
                    : lzma_stream_decoder(&stream_, kMaxMemory, 0)) == LZMA_OK;
  }
  ~LzmaDecoder() override { lzma_end(&stream_); }
  LzmaDecoder(const LzmaDecoder&) = delete;
  LzmaDecoder& operator=(const LzmaDecoder&) = delete;

  Result<std::size_t> read(ByteSource& source, std::span<std::byte> out) override {
    if (!ready_) return Error{Errc::too_large, "no memory for xz"};
    stream_.next_out = output_bytes<std::uint8_t>(out);
    stream_.avail_out = out.size();
    while (!done_ && stream_.avail_out > 0) {
      const auto in = TRY(source.peek());
      stream_.next_in = mutable_bytes<std::uint8_t>(in);
      stream_.avail_in = in.size();
      const std::size_t out_before = stream_.avail_out;
      const lzma_ret status = lzma_code(&stream_, in.empty() ? LZMA_FINISH : LZMA_RUN);
      source.take(in.size() - stream_.avail_in);
      if (status == LZMA_STREAM_END) done_ = true;
      else if (status == LZMA_MEMLIMIT_ERROR) return unsupported("xz dictionary above 128 MiB");
      else if (status != LZMA_OK) return broken("xz");
      else if (in.empty() && stream_.avail_out == out_before) return corrupt("xz stream ends too early");
    }
    return out.size() - stream_.avail_out;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ready_;
  bool done_ = false;
};

class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream()) {
    if (stream_ != nullptr) ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kMaxWindowLog);
  }
  ~ZstdDecoder() override { ZSTD_freeDStream(stream_); }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;

  Result<std::size_t> read(ByteSource& source, std::span<std::byte> out) override {
    if (stream_ == nullptr) return Error{Errc::too_large, "no memory for zstd"};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    while (!done_ && output.pos < output.size) {
      const auto in = TRY(source.peek());
      ZSTD_inBuffer input{in.data(), in.size(), 0};
      const std::size_t before = output.pos;
      const std::size_t status = ZSTD_decompressStream(stream_, &output, &input);
      source.take(input.pos);
      if (ZSTD_isError(status) != 0) return corrupt(std::string("zstd: ") + ZSTD_getErrorName(status));
      if (status == 0) done_ = true;
      else if (in.empty() && output.pos == before) return corrupt("zstd stream ends too early");
    }
    return output.pos;
  }

 private:
  ZSTD_DStream* stream_;
  bool done_ = false;
};

/// Formats of whole blocks: one is decoded, then handed out.
class BlockDecoder : public Decoder {
 public:
  Result<std::size_t> read(ByteSource& source, std::span<std::byte> out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      if (begin_ == block_.size()) {
        begin_ = 0;
        block_.clear();
        ended_ = ended_ || !TRY(next(source, block_));  // what follows the end is not ours
        if (ended_) break;
        continue;
      }
      const std::size_t now = std::min(out.size() - done, block_.size() - begin_);
      std::memcpy(out.data() + done, block_.data() + begin_, now);
      begin_ += now;
      done += now;
    }
    return done;
  }

 private:
  /// Decodes a block into `block`; false at the end.
  virtual Result<bool> next(ByteSource& source, std::vector<std::byte>& block) = 0;
  std::vector<std::byte> block_;
  std::size_t begin_ = 0;
  bool ended_ = false;
};

/// The legacy frame of lz4. Source: lz4, doc/lz4_Frame_format.md, Legacy frame.
class Lz4Decoder final : public BlockDecoder {
  static constexpr std::uint32_t kMagic = 0x184c2102;

  Result<bool> next(ByteSource& source, std::vector<std::byte>& block) override {
    std::uint32_t size = 0;
    do {  // the magic may stand again before any block
      const auto head = TRY(source.peek_at_least(4));
      if (head.size() < 4) return false;
      size = get<le32>(head)->value();
      if (size == 0) return false;  // padding after the archive
      source.take(4);
    } while (size == kMagic);
    if (size > static_cast<std::uint32_t>(LZ4_COMPRESSBOUND(kLz4Block))) return broken("lz4");
    packed_.resize(size);
    TRY(source.fill(packed_));
    unpacked_.resize(kLz4Block);  // once: a block of a few bytes must not cost the clearing of 8 MiB
    const int count = LZ4_decompress_safe(as_chars(packed_).data(), output_bytes<char>(unpacked_),
                                          static_cast<int>(size), static_cast<int>(kLz4Block));
    if (count <= 0) return broken("lz4");  // no encoder writes an empty block
    block.assign(unpacked_.begin(), unpacked_.begin() + count);
    return true;
  }

  std::vector<std::byte> packed_;
  std::vector<std::byte> unpacked_;
};

/// What lzop writes. Source: Linux, lib/decompress_unlzo.c; lzop's own conf.h.
class LzopDecoder final : public BlockDecoder {
  static constexpr std::uint32_t kAdlerOut = 0x1;
  static constexpr std::uint32_t kAdlerIn = 0x2;
  static constexpr std::uint32_t kExtraField = 0x40;
  static constexpr std::uint32_t kCrcOut = 0x100;
  static constexpr std::uint32_t kCrcIn = 0x200;
  static constexpr std::uint32_t kFilter = 0x800;

  template <OnDisk T>
  static Result<T> number(ByteSource& source) {
    T out;
    TRY(source.fill(std::as_writable_bytes(std::span(&out, 1))));
    return out;
  }

  Result<void> header(ByteSource& source) {
    TRY(source.skip(9));
    const std::uint16_t version = TRY(number<be16>(source)).value();
    const bool newer = version >= 0x0940;
    TRY(source.skip(2));             // version of the library
    if (newer) TRY(source.skip(2));  // version needed
    TRY(source.skip(newer ? 2 : 1));  // method, level
    flags_ = TRY(number<be32>(source)).value();
    if ((flags_ & kFilter) != 0) TRY(source.skip(4));
    TRY(source.skip(newer ? 12 : 8));  // mode, time
    std::array<std::byte, 1> length;
    TRY(source.fill(length));
    TRY(source.skip(std::to_integer<std::uint64_t>(length[0]) + 4));  // name, checksum
    if ((flags_ & kExtraField) != 0) {
      const std::uint32_t extra = TRY(number<be32>(source)).value();
      TRY(source.skip(std::uint64_t{extra} + 4));
    }
    begun_ = true;
    return success();
  }

  static Result<void> check(std::span<const std::byte> bytes, bool adler, std::uint32_t expected) {
    const auto* data = mutable_bytes<const Bytef>(bytes);
    const unsigned int size = part_size(bytes.size());
    if ((adler ? adler32(1, data, size) : crc32(0, data, size)) != expected)
      return corrupt("lzo block's checksum does not match");
    return success();
  }

  Result<bool> next(ByteSource& source, std::vector<std::byte>& block) override {
    if (!begun_) TRY(header(source));
    const std::uint32_t full = TRY(number<be32>(source)).value();
    if (full == 0) return false;
    const std::uint32_t packed = TRY(number<be32>(source)).value();
    if (full > kMaxLzoBlock || packed > full || packed == 0) return broken("lzo");
    std::uint32_t sums[4] = {};
    const std::uint32_t kinds[4] = {kAdlerOut, kCrcOut, kAdlerIn, kCrcIn};
    for (int i = 0; i < 4; ++i)
      if ((flags_ & kinds[i]) != 0 && (i < 2 || packed < full)) sums[i] = TRY(number<be32>(source)).value();
    packed_.resize(packed);
    TRY(source.fill(packed_));
    if (packed == full) {
      block.assign(packed_.begin(), packed_.end());
    } else {
      for (int i = 2; i < 4; ++i)
        if ((flags_ & kinds[i]) != 0) TRY(check(packed_, i == 2, sums[i]));
      block.resize(full);
      lzo_uint size = full;
      const int status = lzo1x_decompress_safe(mutable_bytes<unsigned char>(packed_), packed,
                                               output_bytes<unsigned char>(block), &size, nullptr);
      if (status != LZO_E_OK || size != full) return broken("lzo");
    }
    for (int i = 0; i < 2; ++i)
      if ((flags_ & kinds[i]) != 0) TRY(check(block, i == 0, sums[i]));
    return true;
  }

  std::vector<std::byte> packed_;
  std::uint32_t flags_ = 0;
  bool begun_ = false;
};

template <std::size_t N>
bool begins(std::span<const std::byte> head, const unsigned char (&magic)[N]) {
  return head.size() >= N && std::memcmp(head.data(), magic, N) == 0;
}

}  // namespace

std::unique_ptr<Decoder> make_decoder(std::span<const std::byte> head, std::string& name) {
  const auto as = [&name](const char* what) { name = what; };
  if (begins(head, {0x1f, 0x8b}) || begins(head, {0x1f, 0x9e})) {
    as("gzip");
    return std::make_unique<GzipDecoder>();
  }
  if (begins(head, {'B', 'Z', 'h'})) {
    as("bzip2");
    return std::make_unique<Bzip2Decoder>();
  }
  if (begins(head, {0xfd, '7', 'z', 'X', 'Z', 0})) {
    as("xz");
    return std::make_unique<LzmaDecoder>(false);
  }
  if (begins(head, {0x5d, 0, 0})) {
    as("lzma");
    return std::make_unique<LzmaDecoder>(true);
  }
  if (begins(head, {0x89, 'L', 'Z', 'O'})) {
    as("lzo");
    return std::make_unique<LzopDecoder>();
  }
  if (begins(head, {0x02, 0x21, 0x4c, 0x18})) {
    as("lz4");
    return std::make_unique<Lz4Decoder>();
  }
  if (begins(head, {0x28, 0xb5, 0x2f, 0xfd})) {
    as("zstd");
    return std::make_unique<ZstdDecoder>();
  }
  return nullptr;
}

}  // namespace imgfs::checkers
