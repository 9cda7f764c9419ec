#include "xfs/recovery.h"

#include "core/text.h"
#include "xfs/intents.h"
#include "xfs/replay.h"
#include "xfs/superblock_format.h"

namespace imgfs::xfs {
namespace {

Result<void> check_features(const Superblock& sb) {
  if ((sb.log_incompat & ~kLogIncompatXattrs) != 0)
    return unsupported("a log with unknown features " + std::to_string(sb.log_incompat));
  if ((sb.ro_compat & ~kRoKnown) != 0)
    return unsupported("a log of a file system with unknown features " + std::to_string(sb.ro_compat & ~kRoKnown));
  return success();
}

Result<void> replay_log(Recovered& out, const Superblock& sb, const LogArea& log, const LogRange& range) {
  TRY(check_features(sb));
  ReplayImage image(out.device, sb.block_size, sb.blocks << sb.block_log);
  Replay replay(image, sb);
  TransactionReader reader(log, sb);
  std::size_t transactions = 0;
  TRY(reader.read(range, [&](Transaction& transaction) { return replay.first_pass(transaction); }));
  TRY(reader.read(range, [&](Transaction& transaction) {
    ++transactions;
    return replay.second_pass(transaction);
  }));
  TRY(replay.fix_checksums());
  std::string text = "log replayed in memory: " + std::to_string(transactions) + " transactions, " +
                     std::to_string(image.changed_blocks()) + " blocks";
  Device device = image.finish();
  const Superblock after = TRY(read_superblock(*device));
  InodeChanges changes = TRY(finish_intents(Volume(device, after), replay.take_unfinished()));
  if (!changes.empty()) text += ", unfinished changes to " + std::to_string(changes.size()) + " files finished";
  out.remarks.push_back({Remark::Kind::note, std::move(text)});
  out.device = std::move(device);
  out.changes = std::move(changes);
  out.replayed = true;
  return success();
}

}  // namespace

Recovered recover(Device device, const Superblock& sb, Recovery recovery) {
  Recovered out;
  out.device = std::move(device);
  const auto unclean = [&](std::string text) { out.remarks.push_back({Remark::Kind::unclean, std::move(text)}); };
  if (sb.log_start == 0) {
    out.remarks.push_back({Remark::Kind::note, "the log lies on another device: whether it is clean cannot be known"});
    return out;
  }
  const auto log = LogArea::open(out.device, sb);
  const auto range = log ? find_log_range(log.value()) : Result<LogRange>(log.error());
  if (!range) {
    out.clean = false;
    unclean("log not replayed: " + describe(range.error()));
    return out;
  }
  out.clean = range.value().clean;
  if (out.clean) return out;
  if (recovery == Recovery::none) {
    unclean("log not replayed: shown as it lies on disk");
    return out;
  }
  if (const auto done = replay_log(out, sb, log.value(), range.value()); !done)
    unclean("log not replayed: " + describe(done.error()));
  return out;
}

}  // namespace imgfs::xfs
