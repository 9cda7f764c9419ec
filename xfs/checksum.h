#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"
#include "xfs/superblock.h"

namespace imgfs::xfs {

/// The CRC-32C of `block` with its own field at `field` counted as zeros, as XFS stores it.
std::uint32_t block_crc(std::span<const std::byte> block, std::size_t field);

/// corrupt where the stored checksum does not match. `what` names the block, `position` is its byte
/// offset on the device.
Result<void> check_crc(std::span<const std::byte> block, std::size_t field, std::string_view what,
                       std::uint64_t position);

/// Where a kind of version 5 metadata block keeps what identifies it: byte offsets in the block.
struct SelfCheck {
  std::string_view what;
  std::size_t crc;
  std::size_t blkno;  ///< the block's own address in units of 512 bytes
  std::size_t uuid;
  std::size_t owner;  ///< the inode number
};

constexpr SelfCheck kExtentBlockCheck{"extent btree block", 64, 24, 40, 56};
constexpr SelfCheck kDirectoryDataCheck{"directory data block", 4, 8, 24, 40};
constexpr SelfCheck kHashBlockCheck{"hash tree block", 12, 16, 32, 48};
constexpr SelfCheck kSymlinkCheck{"symbolic link block", 12, 40, 16, 32};
constexpr SelfCheck kRemoteValueCheck{"attribute value block", 12, 40, 16, 32};

/// Checks all four of a version 5 block; does nothing on version 4.
Result<void> check_self(const Superblock& sb, const SelfCheck& check, std::span<const std::byte> block,
                        std::uint64_t owner, std::uint64_t position);

}  // namespace imgfs::xfs
