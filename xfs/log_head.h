#pragma once

#include "xfs/log_area.h"

namespace imgfs::xfs {

/// Where the part of the log lies that has to be replayed: from `tail` on, up to but not with `head`.
struct LogRange {
  bool clean = true;
  std::uint32_t head = 0;
  std::uint32_t tail = 0;
};

/// Finds the log's head by its cycle numbers, steps back over records that were not written whole, and
/// takes the tail from the last good one. corrupt where that cannot be.
Result<LogRange> find_log_range(const LogArea& log);

}  // namespace imgfs::xfs
