#include "ext/checksum.h"

#include <array>

namespace imgfs::ext {
namespace {

constexpr std::array<std::uint32_t, 256> big_endian_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i << 24;
    for (int bit = 0; bit < 8; ++bit) value = (value << 1) ^ ((value >> 31) != 0 ? 0x04c11db7U : 0);
    table[i] = value;
  }
  return table;
}
constexpr auto kBigEndianTable = big_endian_table();

}  // namespace

std::uint16_t crc16(std::uint16_t seed, std::span<const std::byte> bytes) {
  std::uint32_t crc = seed;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xa001U : 0U);
  }
  return static_cast<std::uint16_t>(crc);
}

std::uint32_t crc32_be(std::uint32_t seed, std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes)
    seed = (seed << 8) ^ kBigEndianTable[(seed >> 24) ^ std::to_integer<std::uint32_t>(byte)];
  return seed;
}

}  // namespace imgfs::ext
