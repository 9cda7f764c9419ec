#pragma once

#include <string>
#include <vector>

#include "core/block_device.h"

namespace imgfs::volumes {

/// A run of a logical volume.
struct LvmSegment {
  enum class Kind { striped, zero, missing };
  struct Stripe {
    Device device;         ///< a physical volume, or a logical volume below; null: missing
    std::uint64_t offset;  ///< bytes in it
  };
  Kind kind = Kind::missing;
  std::uint64_t start = 0;        ///< bytes in the logical volume
  std::uint64_t length = 0;       ///< bytes
  std::uint64_t stripe_size = 0;  ///< bytes; no meaning with one stripe
  std::vector<Stripe> stripes;
  std::string problem;  ///< why a part is missing
};

/// A logical volume put together from its segments. What lies on a missing physical volume fails to
/// read; the rest is there.
class LvmDevice final : public BlockDevice {
 public:
  /// `segments` in their order, without gaps, from 0 to `size`.
  LvmDevice(std::vector<LvmSegment> segments, std::uint64_t size)
      : segments_(std::move(segments)), size_(size) {}

  std::uint64_t size() const override { return size_; }

 private:
  /// Where a run of bytes lies: in one piece of one stripe.
  struct Piece {
    const LvmSegment* segment;
    const LvmSegment::Stripe* stripe;  ///< null for zeros
    std::uint64_t offset;              ///< bytes in the stripe's device
    std::uint64_t length;
  };
  Piece find(std::uint64_t offset, std::uint64_t length) const;
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const override;
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const override;

  std::vector<LvmSegment> segments_;
  std::uint64_t size_;
};

}  // namespace imgfs::volumes
