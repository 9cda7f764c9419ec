#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <boost/endian/buffers.hpp>

namespace imgfs {

// Integers as they lie on disk: any alignment, byte order in the type. `.value()` is the number.
using le16 = boost::endian::little_uint16_buf_t;
using le24 = boost::endian::little_uint24_buf_t;
using le32 = boost::endian::little_uint32_buf_t;
using le48 = boost::endian::little_uint48_buf_t;
using le64 = boost::endian::little_uint64_buf_t;
using be16 = boost::endian::big_uint16_buf_t;
using be24 = boost::endian::big_uint24_buf_t;
using be32 = boost::endian::big_uint32_buf_t;
using be48 = boost::endian::big_uint48_buf_t;
using be64 = boost::endian::big_uint64_buf_t;

/// A struct that may be copied out of raw bytes: no pointers, no padding, no alignment.
template <class T>
concept OnDisk = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && alignof(T) == 1;

/// Copies a T out of `bytes` at `offset`; nothing when it does not fit.
template <OnDisk T>
std::optional<T> get(std::span<const std::byte> bytes, std::size_t offset = 0) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T out;
  std::memcpy(&out, bytes.data() + offset, sizeof(T));
  return out;
}

/// The part [offset, offset + length) of `bytes`; nothing when it does not fit.
inline std::optional<std::span<const std::byte>> part(std::span<const std::byte> bytes,
                                                      std::uint64_t offset, std::uint64_t length) {
  if (offset > bytes.size() || bytes.size() - offset < length) return std::nullopt;
  return bytes.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
}

/// Copies `from` to the start of `to`, which must be long enough; and fills with zeros. With these and
/// not std::ranges::copy and fill, which GCC 12 makes loops of single bytes of.
inline void copy_bytes(std::span<const std::byte> from, std::span<std::byte> to) {
  if (!from.empty()) std::memcpy(to.first(from.size()).data(), from.data(), from.size());
}
inline void fill_zero(std::span<std::byte> bytes) {
  if (!bytes.empty()) std::memset(bytes.data(), 0, bytes.size());
}

/// The same bytes as characters, for names. With `as_bytes`, the only casts from and to bytes.
inline std::string_view as_chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::span<const std::byte> as_bytes(std::string_view chars) {
  return std::as_bytes(std::span(chars.data(), chars.size()));
}

}  // namespace imgfs
