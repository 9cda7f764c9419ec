#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_set>

#include <fuse_lowlevel.h>

#include "vfs/tree.h"

namespace imgfs {

/// What the operations know; the session's user data. Outlives the session.
struct Served {
  std::shared_ptr<const Tree> tree;
  std::atomic<std::uint32_t> opens{0};
  std::mutex logged_mutex;
  std::unordered_set<std::uint64_t> logged;  ///< nodes whose failure is in the log already
};

/// The table of the low-level operations, for a session whose user data is a Served.
const fuse_lowlevel_ops& operations();

}  // namespace imgfs
