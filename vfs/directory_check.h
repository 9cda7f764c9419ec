#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/file_system.h"
#include "core/result.h"

namespace imgfs {

/// What is wrong with a directory as a whole. Entries are known by their own cookies: the one from
/// which a listing would begin with them.
struct Irregular {
  std::vector<std::uint64_t> second_names;  ///< whose name an entry elsewhere in it has; sorted
  std::vector<std::uint64_t> twins;  ///< that lead to a directory that is listed before; sorted
};

/// Finds names and subdirectories that are listed twice in one directory. Costs one pass over the
/// directory (more where it is large) the first time that it is asked for; the answer is kept. Safe for any number of threads.
class DirectoryCheck {
 public:
  DirectoryCheck() : regular_(kRemembered) {}

  /// Null for a directory like all others. `key` names it, never 0. What cannot be read is left
  /// out: whoever lists the directory meets the same error. A directory that is so large, or in
  /// which so much is listed twice, that looking would take minutes or all memory is an error.
  Result<std::shared_ptr<const Irregular>> check(const FileSystem& fs, std::uint64_t directory,
                                                 std::uint64_t key) const;

 private:
  static constexpr std::size_t kRemembered = 8192;
  static constexpr std::size_t kIrregular = 256;

  /// The keys of regular directories, each in the one place that its hash gives it.
  mutable std::vector<std::atomic<std::uint64_t>> regular_;
  mutable std::mutex large_;  ///< held while a large directory is looked at
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::uint64_t, std::shared_ptr<const Irregular>> irregular_;
};

}  // namespace imgfs
