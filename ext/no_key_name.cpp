#include "ext/no_key_name.h"

#include <array>
#include <bit>
#include <cstring>

#include "core/bytes.h"

namespace imgfs::ext {
namespace {

constexpr std::size_t kPlainBytes = 149;
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// SHA-256. Source: FIPS 180-4.
constexpr std::array<std::uint32_t, 64> kSha = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using ShaState = std::array<std::uint32_t, 8>;

void sha_block(ShaState& state, std::span<const std::byte> block) {
  std::array<std::uint32_t, 64> words{};
  for (std::size_t i = 0; i < 16; ++i) words[i] = get<be32>(block, i * 4)->value();
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t a = words[i - 15];
    const std::uint32_t b = words[i - 2];
    words[i] = words[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + words[i - 7] +
               (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t one = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                              ((e & f) ^ (~e & g)) + kSha[i] + words[i];
    const std::uint32_t two =
        (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two;
  }
  const ShaState add = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state[i] += add[i];
}

/// Of at most 255 bytes.
std::array<std::byte, 32> sha256(std::span<const std::byte> bytes) {
  std::array<std::byte, 320> padded{};
  std::memcpy(padded.data(), bytes.data(), bytes.size());
  padded[bytes.size()] = std::byte{0x80};
  const std::size_t total = (bytes.size() + 9 + 63) / 64 * 64;
  const be64 bits(bytes.size() * 8);
  std::memcpy(padded.data() + total - 8, &bits, 8);
  ShaState state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (std::size_t at = 0; at < total; at += 64)
    sha_block(state, std::span(padded).subspan(at, 64));
  std::array<std::byte, 32> out{};
  for (std::size_t i = 0; i < 8; ++i) {
    const be32 word(state[i]);
    std::memcpy(out.data() + i * 4, &word, 4);
  }
  return out;
}

std::string base64(std::span<const std::byte> bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::byte byte : bytes) {
    bits = bits << 8 | std::to_integer<std::uint32_t>(byte);
    for (count += 8; count >= 6; count -= 6) out.push_back(kDigits[bits >> (count - 6) & 63U]);
  }
  if (count > 0) out.push_back(kDigits[bits << (6 - count) & 63U]);
  return out;
}

}  // namespace

std::string no_key_name(std::string_view encrypted, NameHash hash) {
  std::array<std::byte, 8 + kPlainBytes + 32> raw{};
  const std::array<le32, 2> head = {le32(hash.major), le32(hash.minor)};
  std::memcpy(raw.data(), head.data(), 8);
  const std::size_t plain = std::min(encrypted.size(), kPlainBytes);
  std::memcpy(raw.data() + 8, encrypted.data(), plain);
  if (encrypted.size() <= kPlainBytes) return base64(std::span(raw).first(8 + plain));
  const auto digest = sha256(as_bytes(encrypted.substr(kPlainBytes)));
  std::memcpy(raw.data() + 8 + kPlainBytes, digest.data(), digest.size());
  return base64(raw);
}

std::optional<NameHash> no_key_hash(std::string_view name) {
  if (name.size() < 11) return std::nullopt;
  std::array<std::uint32_t, 2> words{};
  std::uint64_t bits = 0;
  int count = 0;
  std::size_t byte = 0;
  for (const char c : name.substr(0, 11)) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    words[byte / 4] |= static_cast<std::uint32_t>(bits >> count & 0xffU) << byte % 4 * 8;
    ++byte;
  }
  return NameHash{words[0], words[1]};
}

}  // namespace imgfs::ext
