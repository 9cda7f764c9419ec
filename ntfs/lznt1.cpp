#include "ntfs/lznt1.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/bytes.h"

namespace imgfs::ntfs {
namespace {

constexpr std::size_t kChunk = 4096;
constexpr unsigned kCompressed = 0x8000;
constexpr unsigned kLengthMask = 0x0fff;

unsigned unit_at(const std::byte* at) {
  return std::to_integer<unsigned>(at[0]) | std::to_integer<unsigned>(at[1]) << 8;
}

/// How many bits of a token are the length, once `done` bytes of the chunk are there: the offset
/// gets as many as it needs, at least 4.
unsigned length_bits(std::size_t done) {
  unsigned bits = 12;
  for (std::size_t position = done - 1; position >= 16; position >>= 1) --bits;
  return bits;
}

/// Copies `count` bytes from `distance` back; they may overlap, then they repeat.
void copy_back(std::byte* to, std::size_t distance, std::size_t count) {
  const std::byte* from = to - distance;
  if (distance >= count) {
    std::memcpy(to, from, count);
  } else if (distance == 1) {
    std::memset(to, std::to_integer<int>(*from), count);
  } else {
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
  }
}

struct Chunk {
  std::span<const std::byte> in;
  std::span<std::byte> out;
  std::size_t read = 0;
  std::size_t done = 0;
};

Result<void> copy_match(Chunk& chunk) {
  if (chunk.in.size() - chunk.read < 2) return corrupt("LZNT1 token cut off", chunk.read);
  const unsigned token = unit_at(chunk.in.data() + chunk.read);
  chunk.read += 2;
  if (chunk.done == 0) return corrupt("LZNT1 chunk begins with a match", chunk.read);
  const unsigned bits = length_bits(chunk.done);
  const std::size_t distance = (token >> bits) + 1U;
  const std::size_t count = (token & ((1U << bits) - 1U)) + 3U;
  if (distance > chunk.done)
    return corrupt("LZNT1 match " + std::to_string(distance) + " bytes back at byte " +
                       std::to_string(chunk.done),
                   chunk.read);
  // The last match of a buffer that is not a whole number of chunks may go past it.
  const std::size_t room = std::min(count, chunk.out.size() - chunk.done);
  copy_back(chunk.out.data() + chunk.done, distance, room);
  chunk.done += room;
  return success();
}

/// One compressed chunk. The number of bytes that it holds.
Result<std::size_t> decompress_chunk(std::span<const std::byte> in, std::span<std::byte> out) {
  Chunk chunk{in, out};
  while (chunk.read < in.size() && chunk.done < out.size()) {
    const unsigned flags = std::to_integer<unsigned>(in[chunk.read++]);
    if (flags == 0 && in.size() - chunk.read >= 8 && out.size() - chunk.done >= 8) {
      std::memcpy(out.data() + chunk.done, in.data() + chunk.read, 8);
      chunk.read += 8;
      chunk.done += 8;
      continue;
    }
    for (unsigned bit = 0; bit < 8 && chunk.read < in.size() && chunk.done < out.size(); ++bit) {
      if ((flags >> bit & 1U) == 0)
        out[chunk.done++] = in[chunk.read++];
      else
        TRY(copy_match(chunk));
    }
  }
  return chunk.done;
}

}  // namespace

Result<void> lznt1_decompress(std::span<const std::byte> in, std::span<std::byte> out) {
  std::size_t at = 0;
  while (!out.empty()) {
    if (in.size() - at < 2) break;
    const unsigned header = unit_at(in.data() + at);
    if (header == 0) break;
    const std::size_t length = (header & kLengthMask) + 1U;
    at += 2;
    if (length > in.size() - at)
      return corrupt("LZNT1 chunk of " + std::to_string(length) + " bytes (" +
                         std::to_string(in.size() - at) + " are left)",
                     at - 2);
    const auto data = in.subspan(at, length);
    const auto target = out.first(std::min(kChunk, out.size()));
    std::size_t done = std::min(length, target.size());
    if ((header & kCompressed) != 0)
      done = TRY(decompress_chunk(data, target));
    else
      std::memcpy(target.data(), data.data(), done);
    fill_zero(target.subspan(done));
    out = out.subspan(target.size());
    at += length;
  }
  fill_zero(out);
  return success();
}

}  // namespace imgfs::ntfs
