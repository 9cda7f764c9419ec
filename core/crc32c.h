#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace imgfs {

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78) going on from `seed`, neither it nor the
/// result inverted: ext4 and XFS start with ~0; XFS inverts the result. Uses the processor's
/// instruction where it has it. Source: RFC 3720, B.4.
std::uint32_t crc32c(std::uint32_t seed, std::span<const std::byte> bytes);

/// The same over `count` zero bytes: a checksum field counted as zeros.
std::uint32_t crc32c_zeros(std::uint32_t seed, std::size_t count);

}  // namespace imgfs
