#include "ext/recovery.h"

#include "core/overlay_device.h"
#include "ext/fast_commit.h"
#include "ext/journal.h"

namespace imgfs::ext {
namespace {

void add(std::vector<Remark>& remarks, Remark::Kind kind, std::string text) {
  remarks.push_back({kind, std::move(text)});
}

void add_replayed(const JournalReplay& found, std::vector<Remark>& remarks) {
  if (found.transactions > 0)
    add(remarks, Remark::Kind::note,
        "journal replayed in memory: " + std::to_string(found.blocks.size()) + " blocks of " +
            std::to_string(found.transactions) + " transactions");
  if (found.ends_damaged)
    add(remarks, Remark::Kind::damaged,
        "journal: a transaction's checksum does not match; what came before it is replayed");
}

/// Lays fast commits over what the log gave.
void replay_fast(const JournalLog& log, std::uint32_t transaction, Recovered& now,
                 std::vector<Remark>& remarks) {
  std::vector<Remark> again;
  const Storage storage(now.device, now.super, again);
  auto commits = replay_fast_commits(storage, log, transaction);
  if (!commits) {
    now.complete = false;
    add(remarks, Remark::Kind::unclean, "fast commits not replayed: " + describe(commits.error()));
    return;
  }
  if (commits.value().blocks.empty()) return;
  add(remarks, Remark::Kind::note,
      "fast commits replayed in memory: " + std::to_string(commits.value().operations) +
          " operations");
  now.device = std::make_shared<OverlayDevice>(now.device, now.super.block_size,
                                               std::move(commits.value().blocks));
}

/// Replays the log, then the fast commits behind it.
Result<Recovered> replay(const Device& device, const Superblock& super,
                         std::vector<Remark>& remarks) {
  std::vector<Remark> again;  // the groups are looked at once more after the replay
  const Storage storage(device, super, again);
  const LeafCache leaves;
  const Inode inode = TRY(storage.inode(super.journal_inode));
  const JournalLog log = TRY(JournalLog::open(storage, leaves, inode));
  Recovered out{device, super};
  if (log.empty()) return out;
  JournalReplay found = TRY(replay_journal(storage, log));
  add_replayed(found, remarks);
  if (!found.blocks.empty()) {
    out.device = std::make_shared<JournalDevice>(device, super.block_size, std::move(found.blocks));
    std::vector<Remark> of_superblock;
    out.super = TRY(read_superblock(*out.device, of_superblock));
  }
  if (!found.ends_damaged) replay_fast(log, found.next_transaction, out, remarks);
  return out;
}

}  // namespace

Result<Recovered> recover(Device device, Superblock super, Recovery recovery,
                          std::vector<Remark>& remarks) {
  Recovered as_it_is{device, super};
  if (!super.has(kHasJournal) || !super.has(kRecover)) return as_it_is;
  as_it_is.complete = false;
  if (recovery == Recovery::none) {
    add(remarks, Remark::Kind::unclean, "journal not replayed, as was asked for");
    return as_it_is;
  }
  if (super.journal_inode == 0) {
    add(remarks, Remark::Kind::unclean, "journal not replayed: it lies on another device");
    return as_it_is;
  }
  auto recovered = replay(device, super, remarks);
  if (recovered) return recovered;
  add(remarks, Remark::Kind::unclean, "journal not replayed: " + describe(recovered.error()));
  return as_it_is;
}

}  // namespace imgfs::ext
