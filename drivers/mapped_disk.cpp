#include "drivers/mapped_disk.h"

#include <algorithm>

namespace imgfs {
namespace {
constexpr int kMaxMerged = 4096;  ///< pieces that one answer may join: bounds the work of a call
}

Result<void> MappedDisk::decode(std::uint64_t offset, std::span<std::byte>) const {
  return corrupt("compressed data in an image that has none", offset);
}

/// `find`, clipped to the image file: what lies past its end is an error, at its exact place.
Result<Piece> MappedDisk::find_inside(std::uint64_t offset) const {
  Piece piece = TRY(find(offset));
  if (piece.length == 0) return corrupt("block of no length", offset);
  if (piece.kind == Piece::Kind::parent && parent_ == nullptr) piece.kind = Piece::Kind::zero;
  if (piece.kind != Piece::Kind::file) return piece;
  if (piece.offset >= file_->size())
    return corrupt(
        "block lies past the end of the image file of " + std::to_string(file_->size()) + " bytes",
        piece.offset);
  piece.length = std::min(piece.length, file_->size() - piece.offset);
  return piece;
}

/// The longest piece from `offset` on, at most `length`, joined from those that follow on.
Result<Piece> MappedDisk::run(std::uint64_t offset, std::uint64_t length) const {
  Piece whole = TRY(find_inside(offset));
  for (int merged = 1; whole.length < length && merged < kMaxMerged; ++merged) {
    const auto next = find_inside(offset + whole.length);
    if (!next || next.value().kind != whole.kind) break;  // an error counts when it is reached
    if (whole.kind == Piece::Kind::file && next.value().offset != whole.offset + whole.length)
      break;
    whole.length += next.value().length;
  }
  whole.length = std::min(whole.length, length);
  return whole;
}

Result<void> MappedDisk::read_parent(std::uint64_t offset, std::span<std::byte> out) const {
  const std::uint64_t have = offset < parent_->size() ? parent_->size() - offset : 0;
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(have, out.size()));
  if (count > 0) TRY(parent_->read(offset, out.first(count)));
  fill_zero(out.subspan(count));
  return success();
}

Result<void> MappedDisk::do_read(std::uint64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const Piece piece = TRY(run(offset, out.size()));
    const auto target = out.first(static_cast<std::size_t>(piece.length));
    switch (piece.kind) {
      case Piece::Kind::file: TRY(file_->read(piece.offset, target)); break;
      case Piece::Kind::zero: fill_zero(target); break;
      case Piece::Kind::parent: TRY(read_parent(offset, target)); break;
      case Piece::Kind::decoded: TRY(decode(offset, target)); break;
    }
    out = out.subspan(target.size());
    offset += target.size();
  }
  return success();
}

Result<Location> MappedDisk::do_locate(std::uint64_t offset, std::uint64_t length) const {
  const Piece piece = TRY(run(offset, length));
  switch (piece.kind) {
    case Piece::Kind::file: return file_->locate(piece.offset, piece.length);
    case Piece::Kind::decoded: return Location{Location::Kind::decoded, piece.length};
    case Piece::Kind::zero: break;
    case Piece::Kind::parent:
      if (offset >= parent_->size()) break;
      return parent_->locate(offset, std::min(piece.length, parent_->size() - offset));
  }
  return Location{Location::Kind::zero, piece.length};
}

}  // namespace imgfs
