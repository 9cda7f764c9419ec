#pragma once

#include <vector>

#include "drivers/image_format.h"
#include "drivers/vhd_format.h"

namespace imgfs::vhd {

/// The footer that holds, and where it was found.
struct FooterChoice {
  Footer footer;
  std::uint64_t data_end;       ///< where the footer at the end starts, in bytes
  std::vector<Remark> remarks;  ///< a damaged copy, a saved state
};

/// The one's complement of the sum of all bytes but the four at `field`.
std::uint32_t checksum(std::span<const std::byte> bytes, std::size_t field);

/// The footer at the end (512 bytes, or 511 as old programs wrote it) or, where that one is
/// damaged, the copy at the start. Corrupt where neither holds.
Result<FooterChoice> choose_footer(const BlockDevice& file);

/// The size that the guest sees.
struct DiskSize {
  std::uint64_t bytes;
  bool by_geometry;  ///< cylinders * heads * sectors, not the current size
};
/// Decided as QEMU decides: the geometry counts for images of programs that go by it (Virtual PC,
/// QEMU's default), the current size for those of Hyper-V, disk2vhd, XenServer, XenConverter, Azure
/// and QEMU with force_size, and wherever the geometry is at its limit.
DiskSize disk_size(const Footer& footer);

}  // namespace imgfs::vhd
