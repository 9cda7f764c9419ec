#pragma once

#include <vector>

#include "drivers/image_format.h"
#include "drivers/vhdx_format.h"

namespace imgfs::vhdx {

/// The header that counts: of the two that hold, the one with the higher sequence number.
Result<Header> choose_header(const BlockDevice& file, std::vector<Remark>& remarks);

struct Region {
  std::uint64_t offset;  ///< bytes
  std::uint64_t length;
};
struct Regions {
  Region bat;
  Region metadata;
};
/// From the first region table or, where its checksum does not hold, from the second. Unknown
/// regions that a reader must know are refused.
Result<Regions> read_regions(const BlockDevice& file, std::vector<Remark>& remarks);

/// CRC-32C over `bytes`, with the four bytes at `field` counted as zeros.
std::uint32_t checksum(std::span<const std::byte> bytes, std::size_t field);

inline bool is_null(const Guid& id) { return id == Guid{}; }

}  // namespace imgfs::vhdx
