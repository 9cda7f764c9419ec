#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/function_ref.h"
#include "core/result.h"

namespace imgfs {

/// Decoded pieces (decompressed clusters, grain tables, compression units) by a number, the least
/// recently used thrown away first. Bounded in bytes. Safe for any number of threads; the mutex is
/// never held while a piece is loaded, and two threads that want the same piece load it once.
class ByteCache {
 public:
  using Bytes = std::shared_ptr<const std::vector<std::byte>>;
  using Load = FunctionRef<Result<std::vector<std::byte>>()>;

  explicit ByteCache(std::size_t capacity) : capacity_(capacity) {}  ///< in bytes

  /// The piece `key`, from the cache or made by `load`. A failure is not kept.
  Result<Bytes> get(std::uint64_t key, Load load);
  /// The piece where it is there already; null where it is not.
  Bytes peek(std::uint64_t key);
  std::size_t capacity() const { return capacity_; }

 private:
  struct Entry {
    std::uint64_t key;
    Bytes bytes;
  };
  using Order = std::list<Entry>;
  void keep(std::uint64_t key, const Bytes& bytes);

  std::mutex mutex_;
  std::condition_variable loaded_;
  Order order_;  ///< most recently used first
  std::unordered_map<std::uint64_t, Order::iterator> entries_;
  std::unordered_set<std::uint64_t> loading_;
  std::size_t used_ = 0;
  const std::size_t capacity_;
};

/// The share of memory that caches of decoded data may take, in bytes: the option cache_mb. Set once
/// before an image is opened; the default is 64 MiB.
std::size_t cache_capacity();
void set_cache_capacity(std::size_t bytes);

}  // namespace imgfs
