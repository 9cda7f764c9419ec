#pragma once

#include <memory>
#include <vector>

#include "core/byte_cache.h"
#include "core/file_system.h"
#include "drivers/mapped_disk.h"
#include "drivers/vmdk_format.h"

namespace imgfs::vmdk {

/// Where a grain is: the byte offset in the file, or one of the two below.
using Grain = std::uint64_t;
constexpr Grain kUnallocated = 0;  ///< the parent has it
constexpr Grain kZeroed = 1;

/// The size and shape of an extent.
struct Geometry {
  std::uint64_t size = 0;        ///< bytes
  std::uint64_t grain_size = 0;  ///< bytes
  std::uint64_t entries = 0;     ///< grains in a table, at most kMaxEntries
  static constexpr std::uint64_t kMaxEntries = 8192;
  std::uint64_t table_span() const { return grain_size * entries; }  ///< bytes that a table covers
  std::uint64_t tables() const { return size / table_span() + (size % table_span() != 0 ? 1 : 0); }
};
/// Corrupt where the sizes (in sectors) make no sense or are beyond every real disk.
Result<Geometry> check_geometry(std::uint64_t capacity, std::uint64_t grain_size,
                                std::uint64_t entries);

/// A sparse extent: grains by a directory of tables. A derived class finds and decodes the tables;
/// here they are cached.
class GrainDisk : public MappedDisk {
 protected:
  /// `memory` in bytes, for tables.
  GrainDisk(Device file, Device parent, Geometry geometry, std::size_t memory)
      : MappedDisk(std::move(file), std::move(parent), geometry.size),
        geometry_(geometry),
        tables_(memory) {}

  const Geometry& geometry() const { return geometry_; }
  /// The grain `index` of the extent; kUnallocated also where its whole table is.
  Result<Grain> grain(std::uint64_t index) const;

 private:
  /// Whether the table `index` is there at all.
  virtual Result<bool> has_table(std::uint64_t index) const = 0;
  /// The table `index`, which is there: one value for each of its grains.
  virtual Result<std::vector<Grain>> load_table(std::uint64_t index) const = 0;
  virtual bool is_compressed() const { return false; }
  Result<Piece> find(std::uint64_t offset) const final;
  Result<Grain> entry(std::uint64_t table, std::uint64_t index) const;

  Geometry geometry_;
  mutable ByteCache tables_;
};

/// The memory that the grain tables of one of `extents` extents may take, in bytes.
std::size_t table_memory(std::size_t extents);

/// How an extent is to be opened.
struct ExtentOptions {
  std::uint64_t size = 0;   ///< bytes that the descriptor gives it; 0: as the header says
  Device parent;            ///< what lies under it in the parent disk, or null
  std::size_t extents = 1;  ///< of the disk, which share the memory
  std::uint64_t start = 0;  ///< byte offset of the extent on the disk
};

/// Hosted sparse, stream-optimised or COWD, by its magic. What is damaged but readable is remarked.
Result<Device> open_sparse(const Device& file, ExtentOptions options, std::vector<Remark>& remarks);
Result<Device> open_sesparse(const Device& file, ExtentOptions options);

/// The header of a hosted sparse extent; where its directory is at the end, the footer's.
Result<SparseHeader> read_sparse_header(const BlockDevice& file);

}  // namespace imgfs::vmdk
