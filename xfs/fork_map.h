#pragma once

#include "core/extent.h"
#include "xfs/extent_block.h"
#include "xfs/inode.h"

namespace imgfs::xfs {

/// Where a fork's blocks lie. Borrows the volume and the inode that the fork is in.
class ForkMap final : public ExtentMap {
 public:
  ForkMap(const Volume& volume, const Inode& inode, const Fork& fork)
      : volume_(volume), inode_(inode), fork_(fork) {}

  /// In bytes; unwritten extents and holes are zero. A hole after the last extent reaches up to 2^63.
  Result<Extent> find(std::uint64_t logical) const override;

  /// Fills `out` from the fork's byte `logical` on; corrupt where a part of it is not there. Gives the
  /// byte offset on the device where it starts.
  Result<std::uint64_t> read(std::uint64_t logical, std::span<std::byte> out) const;

 private:
  struct Range {
    std::uint64_t begin;
    std::uint64_t end;
  };
  Result<Extent> in_records(std::span<const std::byte> records, std::size_t count, std::uint64_t block,
                            Range covered) const;
  Result<Extent> in_btree(std::uint64_t block) const;
  Result<Extent> to_extent(const BlockExtent& extent) const;
  Extent hole(Range range) const;
  std::uint64_t end_of_space() const { return (std::uint64_t{1} << 63) >> volume_.sb().block_log; }

  const Volume& volume_;
  const Inode& inode_;
  const Fork& fork_;
};

}  // namespace imgfs::xfs
