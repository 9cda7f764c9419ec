#include "fuse/request_loop.h"

#include <linux/fuse.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

namespace imgfs {
namespace {

constexpr int kCrowdLasts = 200;  ///< requests

class Loop {
 public:
  explicit Loop(fuse_session* session) : session_(session) {}

  int run() {
    serve();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return threads_ == 0; });
    return result_;
  }

  /// The calling thread gives its turn away.
  void pass_on() {
    const std::lock_guard lock(mutex_);
    --turns_taken_;
    wake_or_start();
  }

  static thread_local Loop* holder;  ///< the loop of which this thread has a turn, or null

 private:
  /// With the mutex held: sees to it that a turn which is free is taken. Without a new thread requests
  /// still are served, by fewer.
  void wake_or_start() {
    if (waiting_ > 0) {
      changed_.notify_one();
      return;
    }
    if (threads_ >= most_threads_) return;
    try {
      std::thread([this] {
        serve();
        const std::lock_guard lock(mutex_);
        --threads_;
        changed_.notify_all();
      }).detach();
      ++threads_;
    } catch (const std::system_error&) {
    }
  }

  int turns() const { return crowd_.load(std::memory_order_relaxed) > 0 ? crowded_turns_ : 1; }

  bool take_turn() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait(lock, [&] { return turns_taken_ < turns() || ended_; });
    --waiting_;
    if (ended_) return false;
    ++turns_taken_;
    holder = this;
    return true;
  }

  /// After an answer: keeps the turn, or gives it back where there are too many now.
  bool keeps_turn() {
    if (holder != this) return false;
    if (turns() > 1) return true;  // the common case of a crowd: no lock
    const std::lock_guard lock(mutex_);
    if (turns_taken_ <= turns()) return true;
    --turns_taken_;
    holder = nullptr;
    return false;
  }

  /// No memory for this thread's buffer: the others go on, and no more are started. False for the last.
  bool leave_to_others() {
    const std::lock_guard lock(mutex_);
    if (threads_ == 0) return false;
    most_threads_ = 0;
    --turns_taken_;
    changed_.notify_one();
    return true;
  }

  void end(int result) {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    if (result_ == 0) result_ = result;
    changed_.notify_all();
  }

  bool more_is_waiting() const {
    pollfd device{::fuse_session_fd(session_), POLLIN, 0};
    return ::poll(&device, 1, 0) > 0;
  }

  /// Whether requests come from several processes, or faster than they are answered.
  bool is_crowded(const fuse_buf& buffer) {
    fuse_in_header head{};
    if (buffer.size < sizeof head || (buffer.flags & FUSE_BUF_IS_FD) != 0) return true;
    std::memcpy(&head, buffer.mem, sizeof head);
    return last_process_.exchange(head.pid, std::memory_order_relaxed) != head.pid || more_is_waiting();
  }

  /// Counts a crowd up at once and down slowly, and brings further threads when one begins.
  void watch_crowd(const fuse_buf& buffer) {
    const int before = crowd_.load(std::memory_order_relaxed);
    if (!is_crowded(buffer)) {
      if (before > 0) crowd_.store(before - 1, std::memory_order_relaxed);
      return;
    }
    crowd_.store(kCrowdLasts, std::memory_order_relaxed);
    if (before > 0) return;
    const std::lock_guard lock(mutex_);
    for (int free = crowded_turns_ - turns_taken_; free > 0; --free) wake_or_start();
  }

  void serve() {
    fuse_buf buffer{};
    while (keeps_turn() || take_turn()) {
      const int size = ::fuse_session_receive_buf(session_, &buffer);
      if (size == -EINTR) continue;
      if (size == -ENOMEM && buffer.mem == nullptr && leave_to_others()) break;
      if (size <= 0 || ::fuse_session_exited(session_) != 0) {
        holder = nullptr;
        end(size < 0 ? size : 0);
        break;
      }
      watch_crowd(buffer);
      ::fuse_session_process_buf(session_, &buffer);
    }
    holder = nullptr;
    std::free(buffer.mem);
  }

  fuse_session* session_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int turns_taken_ = 0;  ///< threads that wait for requests, or answer one and will then wait again
  bool ended_ = false;
  int waiting_ = 0;  ///< threads that want a turn
  int threads_ = 0;  ///< besides the first
  int most_threads_ = 64;
  int result_ = 0;
  const int crowded_turns_ = std::max(2, static_cast<int>(std::thread::hardware_concurrency()));
  std::atomic<int> crowd_{0};  ///< so many more requests are taken as a crowd's
  std::atomic<std::uint32_t> last_process_{0};
};

thread_local Loop* Loop::holder = nullptr;

}  // namespace

int serve_requests(fuse_session* session) { return Loop(session).run(); }

void let_others_be_served() {
  Loop* const loop = Loop::holder;
  if (loop == nullptr) return;
  Loop::holder = nullptr;
  loop->pass_on();
}

}  // namespace imgfs
