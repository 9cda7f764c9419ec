#include "core/crc32c.h"

#include <array>
#include <cstring>

namespace imgfs {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78U : 0);
    table[i] = value;
  }
  return table;
}
constexpr auto kTable = make_table();

std::uint32_t by_table(std::uint32_t crc, const std::byte* at, std::size_t size) {
  for (; size > 0; --size, ++at)
    crc = (crc >> 8) ^ kTable[(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xff];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t crc, const std::byte* at,
                                                               std::size_t size) {
  std::uint64_t wide = crc;
  for (; size >= 8; size -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (; size > 0; --size, ++at)
    crc = __builtin_ia32_crc32qi(crc, std::to_integer<unsigned char>(*at));
  return crc;
}
#endif

using Function = std::uint32_t (*)(std::uint32_t, const std::byte*, std::size_t);

Function choose() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return by_instruction;
#endif
  return by_table;
}

}  // namespace

std::uint32_t crc32c(std::uint32_t seed, std::span<const std::byte> bytes) {
  static const Function function = choose();
  return function(seed, bytes.data(), bytes.size());
}

std::uint32_t crc32c_zeros(std::uint32_t seed, std::size_t count) {
  constexpr std::array<std::byte, 64> kZeros{};
  for (; count > kZeros.size(); count -= kZeros.size()) seed = crc32c(seed, kZeros);
  return crc32c(seed, std::span(kZeros).first(count));
}

}  // namespace imgfs
