#include "drivers/decode_ahead.h"

#include <algorithm>
#include <new>
#include <pthread.h>
#include <system_error>
#include <unordered_set>

namespace imgfs {
namespace {

constexpr std::size_t kAheadBytes = std::size_t{4} << 20;
constexpr std::uint64_t kReorder = 32;   // pieces: several readers of one stream overtake each other
constexpr std::uint64_t kStepsBefore = 2;  // forward steps before anything is decoded ahead

/// All objects that may have a thread, so that none has one while the process forks: a thread does
/// not live on in the child, and the mutexes that it held there would stay locked.
struct Everyone {
  std::mutex mutex;
  std::unordered_set<DecodeAhead*> objects;
};

Everyone& everyone() {
  static Everyone* const all = [] {
    ::pthread_atfork(
        [] {
          everyone().mutex.lock();
          for (DecodeAhead* const object : everyone().objects) object->pause();
        },
        [] { everyone().mutex.unlock(); }, [] { everyone().mutex.unlock(); });
    return new Everyone;  // never destroyed: devices may outlive any order of destruction
  }();
  return *all;
}

std::uint64_t furthest(std::size_t capacity, std::size_t piece_size) {
  return std::min(kAheadBytes, capacity / 4) / std::max<std::size_t>(piece_size, 1);
}

}  // namespace

DecodeAhead::DecodeAhead(std::size_t capacity, std::size_t piece_size, std::uint64_t piece_count,
                         Load load)
    : load_(std::move(load)),
      piece_count_(piece_count),
      furthest_(furthest(capacity, piece_size)),
      cache_(capacity) {
  const std::lock_guard lock(everyone().mutex);
  everyone().objects.insert(this);
}

DecodeAhead::~DecodeAhead() {
  {
    const std::lock_guard lock(everyone().mutex);
    everyone().objects.erase(this);
  }
  pause();
}

void DecodeAhead::pause() {
  std::thread ending;
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) return;
    stop_ = true;
    work_.notify_all();
    ending = std::move(thread_);
  }
  ending.join();
  const std::lock_guard lock(mutex_);
  stop_ = false;
}

Result<ByteCache::Bytes> DecodeAhead::get(std::uint64_t index) {
  Lock lock(mutex_);
  note(index);
  while (true) {
    if (auto bytes = cache_.peek(index)) return bytes;
    if (!decoding_.contains(index)) return decode(index, lock);
    if (const auto other = next_ahead())
      static_cast<void>(decode(*other, lock));  // who reads it will get the error
    else
      decoded_.wait(lock);
  }
}

/// Finds the stream that `index` continues, or begins one; and lets it reach further ahead.
void DecodeAhead::note(std::uint64_t index) {
  ++clock_;
  for (Stream& stream : streams_) {
    if (stream.used == 0 || index + kReorder < stream.front || index > stream.front + 2) continue;
    stream.used = clock_;
    if (index <= stream.front) return;
    stream.front = index;
    if (++stream.steps < kStepsBefore) return;
    const std::uint64_t ahead = std::min(furthest_, 4 * stream.steps);
    stream.next = std::max(stream.next, index + 1);
    stream.end = std::max(stream.end, std::min(piece_count_, index + 1 + ahead));
    if (stream.next >= stream.end) return;
    if (!thread_.joinable()) start_thread();
    work_.notify_one();
    return;
  }
  Stream& oldest = *std::ranges::min_element(streams_, {}, &Stream::used);
  oldest = {index, index + 1, index + 1, 0, clock_};
}

std::optional<std::uint64_t> DecodeAhead::next_ahead() {
  for (Stream& stream : streams_) {
    while (stream.next < stream.end) {
      const std::uint64_t index = stream.next++;
      if (!decoding_.contains(index) && !cache_.peek(index)) return index;
    }
  }
  return std::nullopt;
}

Result<ByteCache::Bytes> DecodeAhead::decode(std::uint64_t index, Lock& lock) {
  decoding_.insert(index);
  lock.unlock();
  struct Done {
    DecodeAhead& self;
    std::uint64_t index;
    Lock& lock;
    ~Done() {
      lock.lock();
      self.decoding_.erase(index);
      self.decoded_.notify_all();
    }
  } const done{*this, index, lock};
  auto bytes = load_(index);
  if (!bytes) return bytes.error();
  if (!bytes.value()) return corrupt("piece " + std::to_string(index) + " is not stored encoded");
  return cache_.get(index, [&]() -> Result<std::vector<std::byte>> { return std::move(*bytes.value()); });
}

void DecodeAhead::start_thread() {
  if (stop_) return;
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error&) {
    // No thread to be had: readers decode for themselves.
  }
}

void DecodeAhead::work() {
  Lock lock(mutex_);
  while (!stop_) {
    const auto index = next_ahead();
    if (!index) {
      work_.wait(lock);
      continue;
    }
    try {
      static_cast<void>(decode(*index, lock));
    } catch (const std::bad_alloc&) {
      // What could not be decoded ahead is decoded when it is read.
    }
  }
}

}  // namespace imgfs
