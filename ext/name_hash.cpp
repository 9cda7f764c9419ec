#include "ext/name_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <span>

namespace imgfs::ext {
namespace {

using Seed = std::array<std::uint32_t, 4>;

/// A character as the version sees it, widened to 32 bits.
std::uint32_t widen(char c, bool is_unsigned) {
  return is_unsigned
             ? static_cast<std::uint32_t>(static_cast<unsigned char>(c))
             : static_cast<std::uint32_t>(static_cast<std::int32_t>(static_cast<signed char>(c)));
}

/// Packs up to four bytes a word, padded with the length of what is left.
void pack(std::string_view text, bool is_unsigned, std::span<std::uint32_t> out) {
  std::uint32_t pad = static_cast<std::uint32_t>(text.size());
  pad |= pad << 8;
  pad |= pad << 16;
  text = text.substr(0, out.size() * 4);
  std::size_t word = 0;
  std::uint32_t value = pad;
  for (std::size_t i = 0; i < text.size(); ++i) {
    value = widen(text[i], is_unsigned) + (value << 8);
    if (i % 4 != 3) continue;
    out[word++] = value;
    value = pad;
  }
  if (word < out.size()) out[word++] = value;
  while (word < out.size()) out[word++] = pad;
}

void tea(Seed& state, const std::array<std::uint32_t, 4>& in) {
  std::uint32_t sum = 0;
  std::uint32_t b0 = state[0];
  std::uint32_t b1 = state[1];
  for (int round = 0; round < 16; ++round) {
    sum += 0x9e3779b9U;
    b0 += ((b1 << 4) + in[0]) ^ (b1 + sum) ^ ((b1 >> 5) + in[1]);
    b1 += ((b0 << 4) + in[2]) ^ (b0 + sum) ^ ((b0 >> 5) + in[3]);
  }
  state[0] += b0;
  state[1] += b1;
}

/// MD4 (RFC 1320) with eight words and eight steps a round.
void half_md4(Seed& state, const std::array<std::uint32_t, 8>& in) {
  struct Round {
    std::uint32_t constant;
    std::array<std::uint8_t, 8> order;
    std::array<std::uint8_t, 4> turns;
  };
  static constexpr std::array<Round, 3> kRounds = {{
      {0, {0, 1, 2, 3, 4, 5, 6, 7}, {3, 7, 11, 19}},
      {0x5a827999U, {1, 3, 5, 7, 0, 2, 4, 6}, {3, 5, 9, 13}},
      {0x6ed9eba1U, {3, 7, 2, 6, 1, 5, 0, 4}, {3, 9, 11, 15}},
  }};
  Seed work = state;
  for (std::size_t round = 0; round < 3; ++round) {
    for (std::size_t step = 0; step < 8; ++step) {
      // The four words take turns: a, d, c, b.
      std::uint32_t& a = work[(4 - step % 4) % 4];
      const std::uint32_t b = work[(5 - step % 4) % 4];
      const std::uint32_t c = work[(6 - step % 4) % 4];
      const std::uint32_t d = work[(7 - step % 4) % 4];
      const std::uint32_t mixed = round == 0   ? d ^ (b & (c ^ d))
                                  : round == 1 ? (b & c) + ((b ^ c) & d)
                                               : b ^ c ^ d;
      a = std::rotl(a + mixed + in[kRounds[round].order[step]] + kRounds[round].constant,
                    kRounds[round].turns[step % 4]);
    }
  }
  for (std::size_t i = 0; i < 4; ++i) state[i] += work[i];
}

std::uint32_t legacy(std::string_view name, bool is_unsigned) {
  std::uint32_t previous = 0x37abe8f9U;
  std::uint32_t hash = 0x12a3fe2dU;
  for (const char c : name) {
    std::uint32_t next = previous + (hash ^ (widen(c, is_unsigned) * 7152373U));
    if ((next & 0x80000000U) != 0) next -= 0x7fffffffU;
    previous = hash;
    hash = next;
  }
  return hash << 1;
}

}  // namespace

std::optional<NameHash> hash_name(const Superblock& super, std::uint8_t version,
                                  std::string_view name) {
  const bool is_unsigned = version >= kHashLegacyUnsigned || super.unsigned_hash;
  if (version >= kHashLegacyUnsigned && version <= kHashTeaUnsigned)
    version = static_cast<std::uint8_t>(version - kHashLegacyUnsigned);
  Seed state = {0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U};
  if (std::ranges::any_of(super.hash_seed, [](std::uint32_t word) { return word != 0; }))
    state = super.hash_seed;
  NameHash out;
  switch (version) {
    case kHashLegacy: out.major = legacy(name, is_unsigned); break;
    case kHashHalfMd4: {
      for (; !name.empty(); name.remove_prefix(std::min<std::size_t>(32, name.size()))) {
        std::array<std::uint32_t, 8> in{};
        pack(name, is_unsigned, in);
        half_md4(state, in);
      }
      out = {state[1], state[2]};
      break;
    }
    case kHashTea: {
      for (; !name.empty(); name.remove_prefix(std::min<std::size_t>(16, name.size()))) {
        std::array<std::uint32_t, 4> in{};
        pack(name, is_unsigned, in);
        tea(state, in);
      }
      out = {state[0], state[1]};
      break;
    }
    default: return std::nullopt;
  }
  constexpr std::uint32_t kEndOfDirectory = 0x7fffffffU << 1;
  out.major &= ~1U;
  if (out.major == kEndOfDirectory) out.major = (0x7fffffffU - 1) << 1;
  return out;
}

}  // namespace imgfs::ext
