#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/bytes.h"
#include "core/crc32c.h"

namespace imgfs::ext {

/// A checksum goes on over a little-endian number.
inline std::uint32_t crc32c_number(std::uint32_t seed, std::uint32_t value) {
  const le32 bytes(value);
  return crc32c(seed, std::as_bytes(std::span(&bytes, 1)));
}
inline std::uint32_t crc32c_number64(std::uint32_t seed, std::uint64_t value) {
  const le64 bytes(value);
  return crc32c(seed, std::as_bytes(std::span(&bytes, 1)));
}

/// CRC-16 (reflected polynomial 0xa001) as group descriptors of uninit_bg have it.
std::uint16_t crc16(std::uint16_t seed, std::span<const std::byte> bytes);

/// CRC-32 most significant bit first (polynomial 0x04c11db7), not inverted: jbd2's first checksums.
std::uint32_t crc32_be(std::uint32_t seed, std::span<const std::byte> bytes);

/// False in builds for fuzzing, so that a fuzzer's changes get past the checksums.
#ifdef __has_feature
#if __has_feature(coverage_sanitizer)
#define IMGFS_EXT_FUZZING
#endif
#endif
#ifdef IMGFS_EXT_FUZZING
constexpr bool kChecksumsCount = false;
#else
constexpr bool kChecksumsCount = true;
#endif

}  // namespace imgfs::ext
