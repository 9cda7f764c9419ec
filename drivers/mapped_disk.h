#pragma once

#include <utility>

#include "core/block_device.h"

namespace imgfs {

/// What covers a run of a sparse virtual disk.
struct Piece {
  enum class Kind {
    file,     ///< at `offset` in the image file
    zero,     ///< reads as zeros
    parent,   ///< not in this image: the parent has it at the same place; zeros without a parent
    decoded,  ///< only `decode` can give it
  };
  Kind kind;
  std::uint64_t length;      ///< bytes from the asked offset on, at least 1
  std::uint64_t offset = 0;  ///< only for `file`
};

/// A virtual disk whose blocks lie somewhere in an image file or in a parent disk: the one read
/// loop of the sparse formats. Runs that lie one behind the other are read at once. A derived class
/// answers `find`. Safe for any number of threads.
class MappedDisk : public BlockDevice {
 public:
  std::uint64_t size() const final { return size_; }

 protected:
  /// `parent` may be null and may be shorter or longer than `size`, which is in bytes.
  MappedDisk(Device file, Device parent, std::uint64_t size)
      : file_(std::move(file)), parent_(std::move(parent)), size_(size) {}

  const Device& file() const { return file_; }

 private:
  /// What covers `offset` (inside the disk).
  virtual Result<Piece> find(std::uint64_t offset) const = 0;
  /// Fills `out` from `offset`: a range of which `find` said `decoded`.
  virtual Result<void> decode(std::uint64_t offset, std::span<std::byte> out) const;

  Result<Piece> find_inside(std::uint64_t offset) const;
  Result<Piece> run(std::uint64_t offset, std::uint64_t length) const;
  Result<void> read_parent(std::uint64_t offset, std::span<std::byte> out) const;
  Result<void> do_read(std::uint64_t offset, std::span<std::byte> out) const final;
  Result<Location> do_locate(std::uint64_t offset, std::uint64_t length) const final;

  Device file_;
  Device parent_;
  std::uint64_t size_;
};

}  // namespace imgfs
