#include "fat/file_map.h"

#include <algorithm>

namespace imgfs::fat {
namespace {

constexpr std::uint64_t kSmallWindow = 4U << 10;  ///< bytes of a FAT32 read at a time: at first,
constexpr std::uint64_t kWindow = 32U << 10;      ///< and further on in a chain
constexpr std::size_t kCacheLimit = 4U << 20;     ///< bytes of chains
constexpr std::uint32_t kMask32 = 0x0fffffff;     ///< the upper four bits are reserved

/// From the mark for bad clusters on, the chain has ended; as Linux.
std::uint32_t end_mark(unsigned bits) {
  return bits == 12 ? 0xff7 : bits == 16 ? 0xfff7 : 0x0ffffff7;
}

std::uint32_t entry_12(std::span<const std::byte> table, std::uint32_t cluster) {
  const std::uint32_t pair = get<le16>(table, cluster + cluster / 2)->value();
  return cluster % 2 == 0 ? pair & 0xfffU : pair >> 4;
}

/// Whether a cluster comes twice.
bool has_repetition(std::vector<ClusterChain::Run> runs) {
  std::ranges::sort(runs, {}, &ClusterChain::Run::cluster);
  for (std::size_t i = 1; i < runs.size(); ++i)
    if (runs[i].cluster < runs[i - 1].cluster + runs[i - 1].count) return true;
  return false;
}

/// Keeps the first `clusters`.
void cut(std::vector<ClusterChain::Run>& runs, std::uint64_t clusters) {
  while (!runs.empty() && runs.back().index >= clusters) runs.pop_back();
  if (!runs.empty())
    runs.back().count =
        std::min(runs.back().count, static_cast<std::uint32_t>(clusters) - runs.back().index);
}

}  // namespace

Result<Extent> ClusterChain::find(std::uint64_t logical) const {
  if (logical >= size())
    return corrupt(
        end_ == End::broken
            ? "the cluster chain is broken: it leads to a free, impossible or earlier cluster"
            : "the cluster chain ends before the file does",
        logical);
  const auto index = static_cast<std::uint32_t>(logical / boot_.cluster_size);
  const Run& run = *std::prev(std::ranges::upper_bound(runs_, index, {}, &Run::index));
  return Extent{std::uint64_t{run.index} * boot_.cluster_size,
                std::uint64_t{run.count} * boot_.cluster_size, boot_.cluster_offset(run.cluster),
                Extent::Kind::data};
}

Result<std::unique_ptr<FatTable>> FatTable::open(Device device, const BootSector& boot) {
  std::unique_ptr<FatTable> out(new FatTable(std::move(device), boot));
  if (boot.bits == 32) return out;
  const std::uint64_t used = (std::uint64_t{boot.cluster_limit} * boot.bits + 7) / 8 + 1;
  out->whole_.resize(static_cast<std::size_t>(std::min(used, boot.fat_size)));
  TRY(out->device_->read(boot.fat_offset, out->whole_));
  out->whole_.resize(
      static_cast<std::size_t>(used));  // the last 12-bit entry may be read as a pair of bytes
  return out;
}

Result<std::uint32_t> FatTable::next(std::uint32_t cluster, Window& window) const {
  if (boot_.bits == 12) return entry_12(whole_, cluster);
  if (boot_.bits == 16) return std::uint32_t{get<le16>(whole_, std::size_t{cluster} * 2)->value()};
  const std::uint64_t at = std::uint64_t{cluster} * 4;
  if (at < window.offset || at - window.offset >= window.bytes.size()) {
    const std::uint64_t size = window.bytes.empty() ? kSmallWindow : kWindow;
    window.offset = at / size * size;
    window.bytes.resize(static_cast<std::size_t>(std::min(size, boot_.fat_size - window.offset)));
    TRY(device_->read(boot_.fat_offset + window.offset, window.bytes));
  }
  return get<le32>(window.bytes, static_cast<std::size_t>(at - window.offset))->value() & kMask32;
}

/// How many clusters come before the first that comes again, in a chain with a loop of length
/// `loop`.
Result<std::uint64_t> FatTable::distinct(std::uint32_t first, std::uint64_t loop) const {
  Window windows[2];
  std::uint32_t ahead = first;
  for (std::uint64_t i = 0; i < loop; ++i) ahead = TRY(next(ahead, windows[0]));
  std::uint32_t behind = first;
  std::uint64_t before = 0;  // fewer than there are clusters
  for (; ahead != behind; ++before) {
    ahead = TRY(next(ahead, windows[0]));
    behind = TRY(next(behind, windows[1]));
  }
  return before + loop;
}

/// The length of the loop that the chain from `first` on runs into. There must be one.
Result<std::uint64_t> FatTable::loop_length(std::uint32_t first) const {
  Window window;
  std::uint32_t mark = first;
  std::uint32_t cluster = TRY(next(first, window));
  std::uint64_t power = 1;
  std::uint64_t length = 1;
  for (; cluster != mark; ++length) {
    if (length == power) {
      mark = cluster;
      power *= 2;
      length = 0;
    }
    cluster = TRY(next(cluster, window));
  }
  return length;
}

Result<FatTable::Chain> FatTable::follow(std::uint32_t first, std::uint64_t clusters) const {
  std::vector<ClusterChain::Run> runs;
  Window window;
  std::uint32_t cluster = first;
  const std::uint32_t end = end_mark(boot_.bits);
  auto how = ClusterChain::End::regular;
  bool loops = false;
  std::uint32_t mark =
      0;  // Brent's search for a loop: compared with a cluster up to 2^n steps back
  std::uint64_t next_mark = 1;
  for (std::uint32_t index = 0; index < clusters && (index == 0 || cluster < end); ++index) {
    const bool valid = boot_.is_cluster(cluster);
    loops = valid && cluster == mark;
    if (loops || !valid) {
      how = ClusterChain::End::broken;
      break;
    }
    if (index + 1U == next_mark) {
      mark = cluster;
      next_mark *= 2;
    }
    if (!runs.empty() && runs.back().cluster + runs.back().count == cluster)
      ++runs.back().count;
    else
      runs.push_back({index, cluster, 1});
    if (index + 1U == clusters) break;
    cluster = TRY(next(cluster, window));
  }
  if (loops || has_repetition(runs)) {
    const std::uint64_t loop = TRY(loop_length(first));
    cut(runs, TRY(distinct(first, loop)));
    how = ClusterChain::End::broken;
  }
  return std::make_shared<const ClusterChain>(boot_, std::move(runs), how);
}

Result<FatTable::Chain> FatTable::chain(std::uint32_t first, std::uint64_t limit) const {
  const std::uint64_t clusters =
      limit / boot_.cluster_size + (limit % boot_.cluster_size != 0 ? 1 : 0);
  const std::uint64_t key = clusters << 28 | (first & kMask32);
  if (Chain known = kept(key)) return known;
  Chain chain = TRY(follow(first, clusters));
  keep(key, chain);
  return chain;
}

FatTable::Chain FatTable::kept(std::uint64_t key) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return found->second->chain;
}

void FatTable::keep(std::uint64_t key, const Chain& chain) const {
  const std::lock_guard lock(mutex_);
  if (entries_.contains(key)) return;
  order_.push_front({key, chain});
  entries_[key] = order_.begin();
  used_ += chain->memory();
  for (; used_ > kCacheLimit && order_.size() > 1; order_.pop_back()) {
    used_ -= order_.back().chain->memory();
    entries_.erase(order_.back().key);
  }
}

Result<std::uint32_t> FatTable::count_free() const {
  std::uint32_t count = 0;
  Window window;
  for (std::uint32_t cluster = 2; cluster < boot_.cluster_limit; ++cluster)
    if (TRY(next(cluster, window)) == 0) ++count;
  return count;
}

}  // namespace imgfs::fat
