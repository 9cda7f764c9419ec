#pragma once

#include <memory>
#include <vector>

#include "core/byte_cache.h"
#include "drivers/qcow2_header.h"

namespace imgfs::qcow2 {

/// What a run of guest bytes is made of.
struct Run {
  enum class Kind {
    data,        ///< at `host` in the file that holds the data
    zero,
    backing,     ///< as in the backing file; zeros where there is none
    compressed,  ///< `host` is the L2 entry of its first cluster
  };
  Kind kind;
  std::uint64_t length;  ///< from the asked offset on, at least 1
  std::uint64_t host = 0;

  bool operator==(const Run&) const = default;
};

/// L1 in memory, pieces of L2 tables through a cache. Safe for any number of threads.
class ClusterMap {
 public:
  /// `cache_size` in bytes, for L2 tables.
  static Result<std::unique_ptr<ClusterMap>> open(Device file, const Header& header,
                                                  std::size_t cache_size);

  /// The run around `offset`, at most `length` bytes (not 0): neighbours of one kind, and for data
  /// also contiguous in the host file, are one run, up to the end of a piece of the table.
  Result<Run> find(std::uint64_t offset, std::uint64_t length) const;

  /// The highest end of an L2 table, in bytes of the file.
  std::uint64_t tables_end() const;

 private:
  ClusterMap(Device file, const Header& header, std::size_t cache_size);
  struct Unit;
  class Slice;

  Result<std::vector<std::byte>> read_slice(std::uint64_t place) const;
  Result<Run> find_without_table(std::uint64_t l1_index, std::uint64_t offset,
                                 std::uint64_t length) const;
  Result<Unit> unit(const Slice& slice, std::uint64_t unit_index) const;
  Result<Unit> plain_unit(std::uint64_t entry, std::uint64_t cluster) const;
  Result<Unit> subcluster(const ExtendedL2Entry& entry, std::uint64_t unit_index) const;
  Result<std::uint64_t> data_offset(std::uint64_t entry, std::uint64_t cluster) const;

  Device file_;
  Header header_;
  std::vector<be64> l1_;
  unsigned unit_bits_;   ///< log2 of the bytes of a cluster, or of a subcluster
  unsigned slice_bits_;  ///< log2 of the clusters that one piece of an L2 table maps
  mutable ByteCache tables_;
};

}  // namespace imgfs::qcow2
