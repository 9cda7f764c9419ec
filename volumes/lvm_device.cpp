#include "volumes/lvm_device.h"

#include <algorithm>

namespace imgfs::volumes {

LvmDevice::Piece LvmDevice::find(std::uint64_t offset, std::uint64_t length) const {
  const auto after = std::ranges::upper_bound(segments_, offset, {}, &LvmSegment::start);
  const LvmSegment& segment = *std::prev(after);
  const std::uint64_t inside = offset - segment.start;
  length = std::min(length, segment.length - inside);
  if (segment.kind != LvmSegment::Kind::striped) return {&segment, nullptr, 0, length};
  if (segment.stripes.size() == 1)
    return {&segment, &segment.stripes[0], segment.stripes[0].offset + inside, length};
  // Source: Linux, device-mapper striped target: chunks dealt out in turn.
  const std::uint64_t chunk = inside / segment.stripe_size;
  const std::uint64_t in_chunk = inside % segment.stripe_size;
  const auto& stripe = segment.stripes[static_cast<std::size_t>(chunk % segment.stripes.size())];
  const std::uint64_t row = chunk / segment.stripes.size();
  return {&segment, &stripe, stripe.offset + row * segment.stripe_size + in_chunk,
          std::min(length, segment.stripe_size - in_chunk)};
}

Result<void> LvmDevice::do_read(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const Piece piece = find(offset, out.size());
    const auto target = out.first(static_cast<std::size_t>(piece.length));
    if (piece.segment->kind == LvmSegment::Kind::zero)
      fill_zero(target);
    else if (piece.stripe == nullptr || !piece.stripe->device)
      return Error{Errc::io, piece.segment->problem, offset};
    else
      TRY(piece.stripe->device->read(piece.offset, target));
    out = out.subspan(target.size());
    offset += target.size();
  }
  return success();
}

Result<Location> LvmDevice::do_locate(std::uint64_t offset, std::uint64_t length) const {
  const Piece piece = find(offset, length);
  if (piece.segment->kind == LvmSegment::Kind::zero)
    return Location{Location::Kind::zero, piece.length};
  if (piece.stripe == nullptr || !piece.stripe->device)
    return Error{Errc::io, piece.segment->problem, offset};
  return piece.stripe->device->locate(piece.offset, piece.length);
}

}  // namespace imgfs::volumes
