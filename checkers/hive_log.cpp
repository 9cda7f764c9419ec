#include "checkers/hive_log.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

#include "checkers/hive_format.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kSector = 512;
constexpr std::uint32_t kBinsLimit = 1U << 30;

std::string_view base_of(std::string_view file) { return file.substr(0, sizeof(HiveBaseBlock)); }

/// A base block whose signature and checksum are right.
std::optional<HiveBaseBlock> sound_base(std::string_view file) {
  const auto base = get<HiveBaseBlock>(as_bytes(file));
  if (!base || std::string_view(base->signature, 4) != "regf") return std::nullopt;
  if (base->checksum.value() != hive_checksum(base_of(file))) return std::nullopt;
  return base;
}

bool is_settled(const HiveBaseBlock& base) {
  return base.primary_sequence.value() == base.secondary_sequence.value();
}

/// Writes the base block anew as after a finished write.
void settle(std::string& hive, std::uint32_t sequence, std::uint32_t bins_size) {
  HiveBaseBlock base;
  std::memcpy(&base, hive.data(), sizeof base);
  base.primary_sequence = sequence;
  base.secondary_sequence = sequence;
  base.bins_size = bins_size;
  std::memcpy(hive.data(), &base, sizeof base);
  base.checksum = hive_checksum(base_of(hive));
  std::memcpy(hive.data(), &base, sizeof base);
}

/// What a hive may grow to: new bins are dirty as a whole, so that a log has all their bytes. Eight times as
/// much leaves room for those that are not.
std::uint64_t growth_limit(std::string_view hive, std::size_t log_bytes) {
  return hive.size() + std::uint64_t{8} * log_bytes;
}

bool write_page(std::string& hive, std::uint64_t limit, std::uint64_t offset, std::string_view bytes) {
  const std::uint64_t start = HiveBaseBlock::kSize + offset;
  if (start > limit || bytes.size() > limit - start) return false;
  if (hive.size() < start + bytes.size()) hive.resize(start + bytes.size());
  bytes.copy(hive.data() + start, bytes.size());
  return true;
}

struct LogEntry {
  std::uint32_t sequence;
  std::uint32_t bins_size;
  std::string_view bytes;  ///< the whole entry
};

/// The entry at `offset`, both hashes checked.
std::optional<LogEntry> entry_at(std::string_view log, std::size_t offset) {
  const auto head = get<HiveLogEntry>(as_bytes(log), offset);
  if (!head || std::string_view(head->signature, 4) != "HvLE") return std::nullopt;
  const std::size_t size = head->size.value();
  if (size < sizeof(HiveLogEntry) || size % kSector != 0 || size > log.size() - offset) return std::nullopt;
  const std::string_view bytes = log.substr(offset, size);
  if (head->hash_of_pages.value() != marvin32(bytes.substr(sizeof(HiveLogEntry)))) return std::nullopt;
  if (head->hash_of_head.value() != marvin32(bytes.substr(0, 32))) return std::nullopt;
  if (head->bins_size.value() > kBinsLimit) return std::nullopt;
  return LogEntry{head->sequence.value(), head->bins_size.value(), bytes};
}

std::vector<LogEntry> entries_of(std::string_view log) {
  std::vector<LogEntry> out;
  const auto base = sound_base(log);
  if (!base || base->file_type.value() != HiveBaseBlock::kLogTypeNew) return out;
  for (std::size_t offset = kSector; offset < log.size();) {
    const auto entry = entry_at(log, offset);
    if (!entry) break;
    if (!out.empty() && entry->sequence != out.back().sequence + 1) break;
    out.push_back(*entry);
    offset += entry->bytes.size();
  }
  return out;
}

bool apply(std::string& hive, std::uint64_t limit, const LogEntry& entry) {
  const auto head = get<HiveLogEntry>(as_bytes(entry.bytes));
  const std::uint64_t pages = head->dirty_pages.value();
  std::uint64_t data = sizeof(HiveLogEntry) + pages * sizeof(HiveDirtyPage);
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto page = get<HiveDirtyPage>(as_bytes(entry.bytes),
                                         static_cast<std::size_t>(sizeof(HiveLogEntry) + i * sizeof(HiveDirtyPage)));
    if (!page || data > entry.bytes.size() || page->size.value() > entry.bytes.size() - data) return false;
    if (!write_page(hive, limit, page->offset.value(), entry.bytes.substr(data, page->size.value()))) return false;
    data += page->size.value();
  }
  return true;
}

/// Windows 8.1 and later: entries of both logs in the order of their numbers, from the hive's own on.
HiveState replay_new(std::string& hive, const HiveBaseBlock& base, std::string_view log1, std::string_view log2) {
  std::vector<LogEntry> entries = entries_of(log1);
  const std::vector<LogEntry> second = entries_of(log2);
  entries.insert(entries.end(), second.begin(), second.end());
  std::sort(entries.begin(), entries.end(),
            [](const LogEntry& a, const LogEntry& b) { return a.sequence < b.sequence; });
  const std::uint64_t limit = growth_limit(hive, log1.size() + log2.size());
  std::string updated = hive;
  std::optional<std::uint32_t> last;
  for (const LogEntry& entry : entries) {
    if (entry.sequence < base.secondary_sequence.value()) continue;  // in the hive already
    if (last && entry.sequence != *last + 1) break;
    if (!apply(updated, limit, entry)) break;
    last = entry.sequence;
    settle(updated, *last + 1, entry.bins_size);
  }
  if (!last) return HiveState::dirty;
  hive = std::move(updated);
  return HiveState::replayed;
}

/// Before: a bitmap of the 512-byte pieces that changed, and then the pieces.
bool replay_old(std::string& hive, std::string_view log) {
  const auto base = sound_base(log);
  if (!base || !is_settled(*base) || base->file_type.value() > 2) return false;
  if (log.size() < kSector + 4 || log.substr(kSector, 4) != "DIRT") return false;
  const std::uint32_t bins = base->bins_size.value();
  if (bins > kBinsLimit || bins % 4096 != 0) return false;
  const std::size_t bitmap_size = bins / kSector / 8;
  if (log.size() - kSector - 4 < bitmap_size) return false;
  const std::string_view bitmap = log.substr(kSector + 4, bitmap_size);
  std::size_t data = (kSector + 4 + bitmap_size + kSector - 1) / kSector * kSector;
  const std::uint64_t limit = growth_limit(hive, log.size());
  std::string updated = hive;
  for (std::size_t piece = 0; piece < bitmap_size * 8; ++piece) {
    if ((unsigned{static_cast<unsigned char>(bitmap[piece / 8])} >> (piece % 8) & 1U) == 0) continue;
    if (data > log.size() || log.size() - data < kSector) return false;
    if (!write_page(updated, limit, piece * kSector, log.substr(data, kSector))) return false;
    data += kSector;
  }
  settle(updated, base->primary_sequence.value(), bins);
  hive = std::move(updated);
  return true;
}

}  // namespace

std::uint64_t marvin32(std::string_view bytes, std::uint64_t seed) {
  std::uint32_t low = static_cast<std::uint32_t>(seed);
  std::uint32_t high = static_cast<std::uint32_t>(seed >> 32);
  const auto mix = [&](std::uint32_t word) {
    low += word;
    high ^= low;
    low = std::rotl(low, 20) + high;
    high = std::rotl(high, 9) ^ low;
    low = std::rotl(low, 27) + high;
    high = std::rotl(high, 19);
  };
  while (bytes.size() >= 4) {
    mix(get<le32>(as_bytes(bytes))->value());
    bytes.remove_prefix(4);
  }
  std::uint32_t last = 0x80;
  for (std::size_t i = bytes.size(); i > 0; --i)
    last = last << 8 | static_cast<unsigned char>(bytes[i - 1]);
  mix(last);
  mix(0);
  return std::uint64_t{high} << 32 | low;
}

std::uint32_t hive_checksum(std::string_view base_block) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at + 4 <= offsetof(HiveBaseBlock, checksum); at += 4)
    sum ^= get<le32>(as_bytes(base_block), at)->value();
  if (sum == 0) return 1;
  return sum == 0xffffffffU ? 0xfffffffeU : sum;
}

HiveState replay_hive_logs(std::string& hive, std::string_view log1, std::string_view log2) {
  const auto base = get<HiveBaseBlock>(as_bytes(hive));
  if (!base || hive.size() < HiveBaseBlock::kSize) return HiveState::dirty;
  const bool sound = base->checksum.value() == hive_checksum(base_of(hive));
  if (sound && is_settled(*base)) return HiveState::clean;
  if (!sound) return HiveState::dirty;
  const HiveState state = replay_new(hive, *base, log1, log2);
  if (state == HiveState::replayed) return state;
  return replay_old(hive, log1) || replay_old(hive, log2) ? HiveState::replayed : HiveState::dirty;
}

}  // namespace imgfs::checkers
