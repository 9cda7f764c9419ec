#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace imgfs::volumes {

namespace detail {
constexpr std::array<std::uint32_t, 256> crc32_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? 0xedb88320U : 0U);
    table[i] = value;
  }
  return table;
}
inline constexpr std::array<std::uint32_t, 256> kCrc32Table = crc32_table();
}  // namespace detail

/// CRC-32 (ISO 3309, reflected polynomial 0xedb88320) going on from `seed`, neither it nor the
/// result inverted: GPT starts with ~0 and inverts the result, LVM2 starts with 0xf597a6cf and does
/// not.
inline std::uint32_t crc32(std::uint32_t seed, std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes)
    seed = (seed >> 8) ^ detail::kCrc32Table[(seed ^ std::to_integer<std::uint32_t>(byte)) & 0xffU];
  return seed;
}

}  // namespace imgfs::volumes
