#pragma once

#include <cstdint>
#include <span>

namespace imgfs {

enum class BitOrder { high_first, low_first };  ///< which bit of a byte is its first sector

/// A run of equal bits in a bitmap with one bit a sector.
struct BitRun {
  bool set;
  std::uint64_t count;  ///< at least 1
};

/// The run that starts at bit `index`, not beyond bit `end`; index < end, and both lie inside.
inline BitRun bit_run(std::span<const std::byte> bitmap, std::uint64_t index, std::uint64_t end,
                      BitOrder order) {
  const auto byte = [&](std::uint64_t at) {
    return std::to_integer<unsigned>(bitmap[static_cast<std::size_t>(at / 8)]);
  };
  const auto bit = [&](std::uint64_t at) {
    const unsigned shift =
        static_cast<unsigned>(order == BitOrder::high_first ? 7 - at % 8 : at % 8);
    return (byte(at) >> shift & 1U) != 0;
  };
  const bool set = bit(index);
  const unsigned full = set ? 0xffU : 0U;
  std::uint64_t at = index + 1;
  while (at < end) {
    if (at % 8 == 0 && end - at >= 8 && byte(at) == full) {
      at += 8;
    } else if (bit(at) == set) {
      ++at;
    } else {
      break;
    }
  }
  return {set, at - index};
}

}  // namespace imgfs
