#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "drivers/image_format.h"

namespace imgfs {
namespace {

// What `qemu-img convert -O qcow2` makes: version 3, clusters of 64 KiB, refcounts of 16 bits.
constexpr std::uint64_t kCluster = 65536;
constexpr std::uint64_t kPerTable = kCluster / 8;                   // clusters an L2 table maps
constexpr std::uint64_t kTableReach = kPerTable * kCluster;         // bytes of disk
constexpr std::uint64_t kPerRefcountBlock = kCluster / 2;           // clusters
constexpr std::uint64_t kPiece = std::uint64_t{4} << 20;            // scanned at a time
constexpr std::uint64_t kLongestScan = std::uint64_t{64} << 40;
constexpr std::uint64_t kMostRuns = std::uint64_t{1} << 24;         // looked at one by one

constexpr std::uint64_t pieces_of(std::uint64_t value, std::uint64_t unit) {
  return value / unit + (value % unit != 0 ? 1 : 0);
}

/// The size of a file with that many data clusters under that many L2 tables.
std::uint64_t file_size(std::uint64_t disk_size, std::uint64_t data, std::uint64_t tables) {
  const std::uint64_t l1 = std::max<std::uint64_t>(
      1, pieces_of(pieces_of(disk_size, kTableReach) * 8, kCluster));
  // The refcount blocks and their table count themselves: two rounds reach the fixed point.
  const std::uint64_t rest = 1 + l1 + tables + data;
  std::uint64_t refcounts = 2;
  for (int round = 0; round < 3; ++round) {
    const std::uint64_t blocks = pieces_of(rest + refcounts, kPerRefcountBlock);
    refcounts = blocks + std::max<std::uint64_t>(1, pieces_of(blocks * 8, kCluster));
  }
  return (rest + refcounts) * kCluster;
}

bool all_zero(std::span<const std::byte> bytes) {
  while (bytes.size() >= 64) {
    std::array<std::uint64_t, 8> words;
    std::memcpy(words.data(), bytes.data(), sizeof words);
    std::uint64_t any = 0;
    for (const std::uint64_t word : words) any |= word;
    if (any != 0) return false;
    bytes = bytes.subspan(64);
  }
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

/// Pieces of the disk handed out in order to the threads of one scan.
class Scan {
 public:
  explicit Scan(const BlockDevice& disk) : disk_(disk) {}

  /// Until the disk is done or something fails; calls `progress` with the bytes done.
  template <class Progress>
  void run(Progress progress) {
    std::vector<std::byte> buffer(kPiece);
    while (const auto piece = next()) {
      if (const auto found = count(*piece, buffer)) {
        add(*piece, found.value());
      } else {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = found.error();
      }
      progress(done_.load());
    }
  }

  Result<Qcow2Size> result() const {
    if (failure_) return *failure_;
    return Qcow2Size{file_size(disk_.size(), clusters_, tables_.size()), true};
  }

 private:
  struct Piece {
    std::uint64_t offset;
    std::uint64_t length;
  };

  /// The next piece that may hold data. Long holes are stepped over at once.
  std::optional<Piece> next() {
    const std::lock_guard lock(mutex_);
    while (!failure_ && next_ < disk_.size()) {
      const auto where = disk_.locate(next_, disk_.size() - next_);
      if (!where) {
        failure_ = where.error();
        break;
      }
      if (where.value().kind == Location::Kind::zero && where.value().length >= 2 * kPiece) {
        // Whole pieces only, so that each cluster stays in one piece.
        const std::uint64_t skipped = where.value().length / kPiece * kPiece;
        next_ += skipped;
        done_ += skipped;
        continue;
      }
      const Piece piece{next_, std::min(kPiece, disk_.size() - next_)};
      next_ += piece.length;
      return piece;
    }
    return std::nullopt;
  }

  /// Clusters of the piece that are not all zero.
  Result<std::uint64_t> count(Piece piece, std::span<std::byte> buffer) const {
    for (std::uint64_t at = 0; at < piece.length;) {
      const Location where = TRY(disk_.locate(piece.offset + at, piece.length - at));
      const auto target = buffer.subspan(static_cast<std::size_t>(at),
                                         static_cast<std::size_t>(where.length));
      if (where.kind == Location::Kind::zero)
        fill_zero(target);
      else
        TRY(disk_.read(piece.offset + at, target));
      at += where.length;
    }
    std::uint64_t clusters = 0;
    for (std::uint64_t at = 0; at < piece.length; at += kCluster) {
      const auto length = static_cast<std::size_t>(std::min(kCluster, piece.length - at));
      if (!all_zero(buffer.subspan(static_cast<std::size_t>(at), length))) ++clusters;
    }
    return clusters;
  }

  void add(Piece piece, std::uint64_t clusters) {
    const std::lock_guard lock(mutex_);
    done_ += piece.length;
    clusters_ += clusters;
    if (clusters != 0) tables_.insert(piece.offset / kTableReach);
  }

  const BlockDevice& disk_;
  std::mutex mutex_;
  std::uint64_t next_ = 0;
  std::atomic<std::uint64_t> done_ = 0;
  std::uint64_t clusters_ = 0;
  std::unordered_set<std::uint64_t> tables_;  ///< L2 tables that the clusters need
  std::optional<Error> failure_;
};

/// Counts the units of one size that ranges in rising order touch, each once.
class Units {
 public:
  explicit Units(std::uint64_t unit) : unit_(unit) {}
  void add(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t first = std::max(offset / unit_, end_);
    const std::uint64_t end = pieces_of(offset + length, unit_);
    if (end <= first) return;
    count_ += end - first;
    end_ = end;
  }
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t unit_;
  std::uint64_t end_ = 0;
  std::uint64_t count_ = 0;
};

static_assert(kTableReach % kPiece == 0 && kPiece % kCluster == 0);

}  // namespace

Result<Qcow2Size> qcow2_size_bound(const BlockDevice& disk) {
  Units clusters(kCluster);
  Units tables(kTableReach);
  std::uint64_t runs = 0;
  for (std::uint64_t offset = 0; offset < disk.size();) {
    Location where = TRY(disk.locate(offset, disk.size() - offset));
    // A table made to have more runs than any disk: the rest counts as full, still an upper bound.
    if (++runs > kMostRuns) where = {Location::Kind::decoded, disk.size() - offset};
    if (where.kind != Location::Kind::zero) {
      clusters.add(offset, where.length);
      tables.add(offset, where.length);
    }
    offset += where.length;
  }
  return Qcow2Size{file_size(disk.size(), clusters.count(), tables.count()), false};
}

Result<Qcow2Size> qcow2_size_exact(const BlockDevice& disk,
                                   FunctionRef<void(std::uint64_t)> progress) {
  const Qcow2Size bound = TRY(qcow2_size_bound(disk));
  if (bound.bytes > kLongestScan)
    return Error{Errc::too_large, "more than 64 TiB of data to scan for zeros", {}};
  Scan scan(disk);
  std::thread second;
  try {
    second = std::thread([&scan] { scan.run([](std::uint64_t) {}); });
  } catch (const std::system_error&) {
    // No second thread to be had: this one does it all.
  }
  scan.run(progress);
  if (second.joinable()) second.join();
  return scan.result();
}

}  // namespace imgfs
