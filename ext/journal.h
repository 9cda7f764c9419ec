#pragma once

#include <cstdint>
#include <vector>

#include "ext/journal_device.h"
#include "ext/journal_log.h"

namespace imgfs::ext {

/// What a journal's transactions would have written.
struct JournalReplay {
  std::vector<JournaledBlock> blocks;  ///< ascending, each once
  std::uint32_t transactions = 0;
  bool ends_damaged =
      false;  ///< a commit's checksum did not match: it and what follows is not used
  std::uint32_t next_transaction = 0;  ///< the one that fast commits belong to
};

/// Goes over the log as the kernel's recovery does: finds its end, collects what was revoked,
/// replays the rest. Fails where the kernel would refuse to mount; then nothing of the log is to be
/// used.
Result<JournalReplay> replay_journal(const Storage& storage, const JournalLog& log);

}  // namespace imgfs::ext
