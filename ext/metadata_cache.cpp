#include "ext/metadata_cache.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace imgfs::ext {
namespace {

constexpr std::size_t kScratchSize = 65536;

struct Stock {
  static constexpr std::size_t kMax = 8;
  std::vector<std::unique_ptr<std::byte[]>> free;
};
thread_local Stock stock;

}  // namespace

MetadataCache::MetadataCache(Device device)
    : device_(std::move(device)), shards_(std::make_unique<std::array<Shard, kShards>>()) {
  for (auto& shard : *shards_) shard.piece.fill(kNone);
}

Result<void> MetadataCache::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > device_->size() || out.size() > device_->size() - offset)
    return corrupt("metadata past the end of the device", offset);
  while (!out.empty()) {
    const std::size_t skip = static_cast<std::size_t>(offset % kPiece);
    const std::size_t count = std::min(out.size(), kPiece - skip);
    TRY(read_piece(offset / kPiece, skip, out.first(count)));
    out = out.subspan(count);
    offset += count;
  }
  return success();
}

Result<void> MetadataCache::read_piece(std::uint64_t piece, std::size_t skip,
                                       std::span<std::byte> out) const {
  // Neighbouring pieces go to different shards; far ones are mixed.
  Shard& shard = (*shards_)[static_cast<std::size_t>((piece ^ piece >> 6 ^ piece >> 13) % kShards)];
  {
    const std::lock_guard lock(shard.mutex);
    for (std::size_t way = 0; way < kWays; ++way) {
      if (shard.piece[way] != piece) continue;
      std::memcpy(out.data(), shard.bytes[way].get() + skip, out.size());
      return success();
    }
  }
  Scratch fresh(kPiece);
  const std::uint64_t start = piece * kPiece;
  const auto whole = fresh.span().first(
      static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, device_->size() - start)));
  // Where the piece has a bad place, the part that was asked for may still be good.
  if (!device_->read(start, whole)) return device_->read(start + skip, out);
  std::memcpy(out.data(), whole.data() + skip, out.size());
  const std::lock_guard lock(shard.mutex);
  if (std::ranges::find(shard.piece, piece) != shard.piece.end()) return success();
  const std::size_t way = shard.next_victim++ % kWays;
  if (!shard.bytes[way]) shard.bytes[way].reset(new std::byte[kPiece]);
  std::memcpy(shard.bytes[way].get(), whole.data(), whole.size());
  shard.piece[way] = piece;
  return success();
}

Scratch::Scratch(std::size_t size) : size_(size) {
  if (size > kScratchSize) {
    bytes_.reset(new std::byte[size]);
  } else if (stock.free.empty()) {
    bytes_.reset(new std::byte[kScratchSize]);
  } else {
    bytes_ = std::move(stock.free.back());
    stock.free.pop_back();
  }
}

Scratch::~Scratch() {
  if (size_ <= kScratchSize && stock.free.size() < Stock::kMax)
    stock.free.push_back(std::move(bytes_));
}

}  // namespace imgfs::ext
