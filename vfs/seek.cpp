#include "vfs/seek.h"

#include <algorithm>

namespace imgfs {

namespace {

/// Pieces that one seek looks at; a file of more is taken as data to its end, as POSIX allows.
constexpr int kMostPieces = 1'000'000;

struct Piece {
  std::uint64_t end;
  bool hole;
};

/// `piece_at(offset)` tells what covers an offset below `size`.
Result<std::uint64_t> seek(std::uint64_t size, std::uint64_t offset, Tree::Seek whence,
                           FunctionRef<Result<Piece>(std::uint64_t)> piece_at) {
  if (offset >= size) return Error{Errc::no_more_data, "seek past the end"};
  const bool want_hole = whence == Tree::Seek::hole;
  std::uint64_t at = offset;
  for (int pieces = 0; at < size; ++pieces) {
    if (pieces == kMostPieces) return want_hole ? size : at;
    const Piece piece = TRY(piece_at(at));
    if (piece.hole == want_hole) return at;
    if (piece.end <= at) return corrupt("an extent that ends before it begins", at);
    at = piece.end;
  }
  if (want_hole) return size;
  return Error{Errc::no_more_data, "no data up to the end"};
}

}  // namespace

Result<std::uint64_t> seek_device(const BlockDevice& device, std::uint64_t offset,
                                  Tree::Seek whence) {
  return seek(device.size(), offset, whence, [&](std::uint64_t at) -> Result<Piece> {
    const Location location = TRY(device.locate(at, device.size() - at));
    return Piece{at + location.length, location.kind == Location::Kind::zero};
  });
}

Result<std::uint64_t> seek_file(const FileSystem& fs, std::uint64_t inode, std::uint64_t size,
                                std::uint64_t offset, Tree::Seek whence) {
  return seek(size, offset, whence, [&](std::uint64_t at) -> Result<Piece> {
    const Extent extent = TRY(fs.extent(inode, at));
    if (extent.logical > at) return corrupt("an extent that does not cover what was asked", at);
    return Piece{extent.logical + extent.length, extent.kind == Extent::Kind::zero};
  });
}

}  // namespace imgfs
