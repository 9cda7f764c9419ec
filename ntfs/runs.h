#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"

namespace imgfs::ntfs {

/// Clusters of a stream that lie in one piece, or a hole in it.
struct Run {
  static constexpr std::uint64_t kHole = UINT64_MAX;
  std::uint64_t vcn;     ///< first cluster, counted in the stream
  std::uint64_t length;  ///< clusters, at least 1
  std::uint64_t lcn;     ///< first cluster on the volume, or kHole

  bool is_hole() const { return lcn == kHole; }
  std::uint64_t end() const { return vcn + length; }
};

/// Where the clusters of a non-resident attribute lie, in order and without gaps. Built piece by
/// piece at open, then immutable.
class RunList {
 public:
  /// Decodes the mapping pairs of the clusters [lowest_vcn, highest_vcn] (highest_vcn may be -1 for
  /// none), which must go on where the list ends. Every run must lie on a volume of
  /// `volume_clusters`.
  Result<void> append(std::span<const std::byte> mapping_pairs, std::uint64_t lowest_vcn,
                      std::uint64_t highest_vcn, std::uint64_t volume_clusters);

  /// The run that covers `vcn`; null past the end.
  const Run* find(std::uint64_t vcn) const;
  std::uint64_t clusters() const { return runs_.empty() ? 0 : runs_.back().end(); }
  const std::vector<Run>& runs() const { return runs_; }

 private:
  Result<void> add(std::uint64_t length, std::uint64_t lcn, std::uint64_t highest_vcn);
  std::vector<Run> runs_;
};

}  // namespace imgfs::ntfs
