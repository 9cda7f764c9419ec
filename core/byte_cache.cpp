#include "core/byte_cache.h"

namespace imgfs {
namespace {
std::atomic<std::size_t> capacity_of_all{std::size_t{64} << 20};
}

std::size_t cache_capacity() { return capacity_of_all.load(); }
void set_cache_capacity(std::size_t bytes) { capacity_of_all.store(bytes); }

ByteCache::Bytes ByteCache::peek(std::uint64_t key) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return found->second->bytes;
}

Result<ByteCache::Bytes> ByteCache::get(std::uint64_t key, Load load) {
  {
    std::unique_lock lock(mutex_);
    while (true) {
      const auto found = entries_.find(key);
      if (found != entries_.end()) {
        order_.splice(order_.begin(), order_, found->second);
        return found->second->bytes;
      }
      if (loading_.insert(key).second) break;
      loaded_.wait(lock);  // another thread loads it; where that fails we try ourselves
    }
  }
  struct Done {
    ByteCache& cache;
    std::uint64_t key;
    ~Done() {
      const std::lock_guard lock(cache.mutex_);
      cache.loading_.erase(key);
      cache.loaded_.notify_all();
    }
  } const done{*this, key};
  auto bytes = load();
  if (!bytes) return bytes.error();
  auto piece = std::make_shared<const std::vector<std::byte>>(std::move(bytes.value()));
  keep(key, piece);
  return Bytes(std::move(piece));
}

void ByteCache::keep(std::uint64_t key, const Bytes& bytes) {
  const std::lock_guard lock(mutex_);
  order_.push_front({key, bytes});
  entries_[key] = order_.begin();
  used_ += bytes->size();
  while (used_ > capacity_ && order_.size() > 1) {
    used_ -= order_.back().bytes->size();
    entries_.erase(order_.back().key);
    order_.pop_back();
  }
}

}  // namespace imgfs
