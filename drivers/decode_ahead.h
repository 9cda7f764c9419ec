#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <vector>

#include "core/byte_cache.h"

namespace imgfs {

/// Decoded pieces of an image (compressed clusters, grains) by their number on the virtual disk. A
/// piece is decoded once while it is in the cache. Behind a sequential reader a thread of our own
/// decodes what comes next, and a reader that would have to wait for a piece decodes another one
/// meanwhile: two cores are busy, whatever the size of the reads.
///
/// The thread starts at the first sequential reads, sleeps when it is not needed, is stopped before
/// a fork (both sides start their own when they need it) and joined by the destructor.
class DecodeAhead {
 public:
  /// Decodes one piece; nothing where that piece is not stored encoded. Called by several threads at
  /// a time, never twice at a time for one piece.
  using Load = std::function<Result<std::optional<std::vector<std::byte>>>(std::uint64_t)>;

  /// `capacity` (of the cache) and `piece_size` in bytes.
  DecodeAhead(std::size_t capacity, std::size_t piece_size, std::uint64_t piece_count, Load load);
  ~DecodeAhead();
  DecodeAhead(const DecodeAhead&) = delete;
  DecodeAhead& operator=(const DecodeAhead&) = delete;

  /// The decoded piece `index`, which must be stored encoded.
  Result<ByteCache::Bytes> get(std::uint64_t index);

  /// Stops the thread for now. For the time around a fork.
  void pause();

 private:
  /// A place where somebody reads onwards.
  struct Stream {
    std::uint64_t front = 0;  ///< the highest piece asked for
    std::uint64_t next = 0;   ///< not yet given out for decoding ahead
    std::uint64_t end = 0;    ///< how far ahead may be decoded
    std::uint64_t steps = 0;  ///< forward steps seen
    std::uint64_t used = 0;   ///< when last
  };
  using Lock = std::unique_lock<std::mutex>;

  void note(std::uint64_t index);
  std::optional<std::uint64_t> next_ahead();
  Result<ByteCache::Bytes> decode(std::uint64_t index, Lock& lock);
  void start_thread();
  void work();

  const Load load_;
  const std::uint64_t piece_count_;
  const std::uint64_t furthest_;  ///< pieces decoded ahead at most
  ByteCache cache_;
  std::mutex mutex_;
  std::condition_variable work_;     ///< there may be something to decode ahead, or it is the end
  std::condition_variable decoded_;  ///< a piece has been decoded, or could not be
  std::array<Stream, 4> streams_;
  std::uint64_t clock_ = 0;
  std::unordered_set<std::uint64_t> decoding_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace imgfs
