#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/extent.h"
#include "fat/boot_sector.h"

namespace imgfs::fat {

/// The clusters of one file or directory as sorted runs.
class ClusterChain final : public ExtentMap {
 public:
  struct Run {
    std::uint32_t index;    ///< of its first cluster in the file
    std::uint32_t cluster;  ///< its first cluster
    std::uint32_t count;
  };
  enum class End {
    regular,  ///< the end mark, or as many clusters as were asked for
    broken,   ///< a free or impossible cluster number, or one that came before: the rest is lost
  };

  ClusterChain(const BootSector& boot, std::vector<Run> runs, End end)
      : boot_(boot), runs_(std::move(runs)), end_(end) {}

  /// The extent around a byte of the file; corrupt past the chain's end.
  Result<Extent> find(std::uint64_t logical) const override;
  /// In bytes.
  std::uint64_t size() const {
    return runs_.empty()
               ? 0
               : (std::uint64_t{runs_.back().index} + runs_.back().count) * boot_.cluster_size;
  }
  End end() const { return end_; }
  std::size_t memory() const { return runs_.size() * sizeof(Run) + sizeof(*this); }

 private:
  const BootSector& boot_;
  std::vector<Run> runs_;
  End end_;
};

/// The file allocation table. FAT12 and FAT16 are kept in memory (at most 128 KiB), FAT32 is read
/// in pieces. Chains that were followed are kept, the least recently used forgotten first.
class FatTable {
 public:
  using Chain = std::shared_ptr<const ClusterChain>;

  static Result<std::unique_ptr<FatTable>> open(Device device, const BootSector& boot);

  /// The chain from cluster `first` on, at most as much of it as `limit` bytes need. A loop is cut
  /// where it closes.
  Result<Chain> chain(std::uint32_t first, std::uint64_t limit) const;
  /// Counts the free clusters by reading the whole table.
  Result<std::uint32_t> count_free() const;

 private:
  FatTable(Device device, const BootSector& boot) : device_(std::move(device)), boot_(boot) {}
  /// A part of the table, for one walk.
  struct Window {
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes;
  };
  Result<std::uint32_t> next(std::uint32_t cluster, Window& window) const;
  Result<Chain> follow(std::uint32_t first, std::uint64_t clusters) const;
  Result<std::uint64_t> loop_length(std::uint32_t first) const;
  Result<std::uint64_t> distinct(std::uint32_t first, std::uint64_t loop) const;
  Chain kept(std::uint64_t key) const;
  void keep(std::uint64_t key, const Chain& chain) const;

  Device device_;
  const BootSector& boot_;
  std::vector<std::byte> whole_;  ///< FAT12 and FAT16

  struct Entry {
    std::uint64_t key;
    Chain chain;
  };
  mutable std::mutex mutex_;
  mutable std::list<Entry> order_;  ///< most recently used first
  mutable std::unordered_map<std::uint64_t, std::list<Entry>::iterator> entries_;
  mutable std::size_t used_ = 0;  ///< bytes
};

}  // namespace imgfs::fat
