#pragma once

#include <optional>

#include "core/overlay_device.h"
#include "ext/journal_log.h"

namespace imgfs::ext {

/// What fast commits would have changed.
struct FastCommits {
  OverlayDevice::Blocks blocks;
  std::uint32_t operations = 0;
};

/// Replays the fast commits that belong to `transaction`, the first one that the log itself does
/// not have. `storage` is the file system with the log replayed. Fails where the kernel would
/// refuse to mount.
Result<FastCommits> replay_fast_commits(const Storage& storage, const JournalLog& log,
                                        std::uint32_t transaction);

}  // namespace imgfs::ext
