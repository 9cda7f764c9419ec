#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/extent.h"
#include "ntfs/record.h"
#include "ntfs/runs.h"
#include "ntfs/volume.h"

namespace imgfs::ntfs {

/// The value of an attribute, open for reading: resident, in runs, sparse or compressed. Owns all
/// that it needs but the volume; immutable.
class Stream {
 public:
  /// `pieces` are the parts of one attribute in the order of their clusters.
  static Result<Stream> open(const Geometry& geometry, std::span<const Attribute* const> pieces);

  std::uint64_t size() const { return size_; }
  std::uint64_t allocated() const { return allocated_; }  ///< bytes on the volume
  bool is_encrypted() const { return encrypted_; }
  bool is_resident() const { return kind_ == Kind::resident; }
  /// True where a part of it is a hole.
  bool has_holes() const;
  std::size_t memory() const { return resident_.size() + runs_.runs().size() * sizeof(Run); }

  /// Fills `out` from `offset`, which must lie inside; the number of bytes, short only at the end.
  /// `number` is the file's, where this is its main stream, so that decompressed units are kept.
  Result<std::size_t> read(const Volume& volume, std::uint64_t offset, std::span<std::byte> out,
                           std::uint64_t number = 0) const;
  /// The whole value; too_large where it has more than `limit` bytes.
  Result<std::vector<std::byte>> read_all(const Volume& volume, std::uint64_t limit) const;
  /// Where the bytes from `offset` (inside) on lie, at most `length` and not beyond the end.
  Result<Location> locate(const Volume& volume, std::uint64_t offset, std::uint64_t length) const;
  /// The extent around `offset` (inside): a compressed unit that occupies anything is data.
  Result<Extent> extent(const Geometry& geometry, std::uint64_t offset) const;

 private:
  enum class Kind { resident, plain, compressed };
  class Map;
  struct Unit {
    enum class Kind { hole, plain, compressed };
    Kind kind;
    std::uint64_t clusters;  ///< that are occupied
  };
  Stream() = default;
  Result<void> check_readable() const;
  Unit unit(std::uint64_t first_vcn) const;
  Result<void> read_compressed(const Volume& volume, std::uint64_t offset, std::span<std::byte> out,
                               std::uint64_t number) const;
  Result<void> read_unit(const Volume& volume, std::uint64_t index, std::span<std::byte> out) const;
  Result<void> read_part_of_unit(const Volume& volume, std::uint64_t offset,
                                 std::span<std::byte> out, std::uint64_t number) const;

  Kind kind_ = Kind::resident;
  bool encrypted_ = false;
  std::uint16_t flags_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t initialized_ = 0;  ///< bytes behind it are zeros whatever lies on the volume
  std::uint64_t allocated_ = 0;
  std::uint64_t unit_clusters_ = 1;
  std::vector<std::byte> resident_;
  RunList runs_;
};

}  // namespace imgfs::ntfs
