#include "drivers/vhdx_log.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "drivers/vhdx_patches.h"

namespace imgfs::vhdx {
namespace {

constexpr std::uint64_t kLogSector = 4096;
constexpr std::uint64_t kMaxLog =
    16 * kMiB;  ///< usual is 1 MiB; bounds the memory and work of a replay

/// The log's bytes as a ring, and the identity that its entries must carry.
class Log {
 public:
  Log(std::vector<std::byte> bytes, const Guid& id) : bytes_(std::move(bytes)), id_(id) {}

  std::uint64_t size() const { return bytes_.size(); }

  /// `length` bytes from `offset` on, around the end.
  std::vector<std::byte> copy(std::uint64_t offset, std::size_t length) const {
    std::vector<std::byte> out(length);
    const std::size_t first = std::min(length, bytes_.size() - static_cast<std::size_t>(offset));
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), first, out.begin());
    std::copy_n(bytes_.begin(), length - first, out.begin() + static_cast<std::ptrdiff_t>(first));
    return out;
  }

  /// The header of the entry at `offset` where the whole entry holds. `work` grows by the bytes that had
  /// to be read to know.
  std::optional<LogEntryHeader> valid_entry(std::uint64_t offset, std::uint64_t& work) const;

 private:
  std::vector<std::byte> bytes_;
  Guid id_;
};

/// Sectors that the descriptors of an entry take, its header included.
std::uint64_t descriptor_sectors(const LogEntryHeader& header) {
  const std::uint64_t bytes =
      sizeof(LogEntryHeader) +
      std::uint64_t{header.descriptor_count.value()} * sizeof(LogDescriptor);
  return (bytes + kLogSector - 1) / kLogSector;
}

bool descriptors_hold(std::span<const std::byte> entry, const LogEntryHeader& header) {
  const std::uint64_t sequence = header.sequence_number.value();
  std::uint64_t data = descriptor_sectors(header) * kLogSector;
  for (std::size_t i = 0; i < header.descriptor_count.value(); ++i) {
    const auto descriptor =
        get<LogDescriptor>(entry, sizeof(LogEntryHeader) + i * sizeof(LogDescriptor));
    if (!descriptor || descriptor->sequence_number.value() != sequence) return false;
    const std::string_view kind(descriptor->signature, sizeof descriptor->signature);
    if (kind == LogDescriptor::kZero) continue;
    const auto sector = get<LogDataSector>(entry, static_cast<std::size_t>(data));
    if (kind != LogDescriptor::kData || !sector) return false;
    if (std::string_view(sector->signature, sizeof sector->signature) !=
            LogDataSector::kSignature ||
        sector->sequence_high.value() != sequence >> 32 ||
        sector->sequence_low.value() != (sequence & 0xffffffff))
      return false;
    data += kLogSector;
  }
  return true;
}

std::optional<LogEntryHeader> Log::valid_entry(std::uint64_t offset, std::uint64_t& work) const {
  const auto header = get<LogEntryHeader>(bytes_, static_cast<std::size_t>(offset));
  if (!header ||
      std::string_view(header->signature, sizeof header->signature) != LogEntryHeader::kSignature)
    return std::nullopt;
  const std::uint64_t length = header->entry_length.value();
  if (length == 0 || length % kLogSector != 0 || length > size() || header->log_guid != id_ ||
      header->sequence_number.value() == 0 || header->tail.value() % kLogSector != 0 ||
      header->tail.value() >= size() || descriptor_sectors(*header) * kLogSector > length)
    return std::nullopt;
  work += length;
  const auto entry = copy(offset, static_cast<std::size_t>(length));
  if (checksum(entry, offsetof(LogEntryHeader, checksum)) != header->checksum.value() ||
      !descriptors_hold(entry, *header))
    return std::nullopt;
  return header;
}

/// Entries one behind the other with rising sequence numbers.
struct Sequence {
  struct Entry {
    std::uint64_t offset;
    LogEntryHeader header;
  };
  std::vector<Entry> entries;
  std::uint64_t number() const {
    return entries.empty() ? 0 : entries.back().header.sequence_number.value();
  }
};

/// All entries of the log that hold, by their offsets. Overlapping ones are all there: which count
/// is decided by the sequence. The checksums read at most `kMaxWork` bytes.
Result<std::map<std::uint64_t, LogEntryHeader>> valid_entries(const Log& log) {
  constexpr std::uint64_t kMaxWork = 16 * kMaxLog;
  std::map<std::uint64_t, LogEntryHeader> entries;
  std::uint64_t work = 0;
  for (std::uint64_t at = 0; at < log.size(); at += kLogSector) {
    const auto entry = log.valid_entry(at, work);
    if (work > kMaxWork) return corrupt("VHDX log whose entries overlap without end");
    if (entry) entries.emplace(at, *entry);
  }
  return entries;
}

/// The sequence that starts at `start`: it goes on as long as the numbers rise by one.
Sequence sequence_from(const std::map<std::uint64_t, LogEntryHeader>& entries, std::uint64_t start,
                       std::uint64_t log_size) {
  Sequence sequence;
  std::uint64_t at = start;
  for (auto found = entries.find(at); found != entries.end(); found = entries.find(at)) {
    if (!sequence.entries.empty() && found->second.sequence_number.value() != sequence.number() + 1)
      break;
    sequence.entries.push_back({at, found->second});
    at = (at + found->second.entry_length.value()) % log_size;
  }
  return sequence;
}

/// The active sequence: the one with the highest number whose last entry's tail lies in it. Entries
/// before that tail have been written out. Empty where there is none.
Sequence active_sequence(const std::map<std::uint64_t, LogEntryHeader>& entries,
                         std::uint64_t log_size) {
  Sequence active;
  std::set<std::uint64_t> seen;  // a later start inside a known sequence adds nothing
  const auto consider = [&](std::uint64_t start) {
    Sequence found = sequence_from(entries, start, log_size);
    for (const auto& entry : found.entries) seen.insert(entry.offset);
    const auto tail = std::ranges::find_if(found.entries, [&](const auto& entry) {
      return entry.offset == found.entries.back().header.tail.value();
    });
    if (tail == found.entries.end() || found.number() <= active.number()) return;
    found.entries.erase(found.entries.begin(), tail);
    active = std::move(found);
  };
  // First from the tails, where whole sequences begin, also those that go around the end.
  for (const auto& [offset, header] : entries) {
    const std::uint64_t tail = header.tail.value();
    if (entries.contains(tail) && !seen.contains(tail)) consider(tail);
  }
  for (const auto& [offset, header] : entries)
    if (!seen.contains(offset)) consider(offset);
  return active;
}

Result<void> apply(const Log& log, const Sequence::Entry& entry, Patches& patches) {
  const auto bytes = log.copy(entry.offset, entry.header.entry_length.value());
  std::uint64_t data = descriptor_sectors(entry.header) * kLogSector;
  for (std::size_t i = 0; i < entry.header.descriptor_count.value(); ++i) {
    const auto descriptor =
        *get<LogDescriptor>(bytes, sizeof(LogEntryHeader) + i * sizeof(LogDescriptor));
    const std::uint64_t target = descriptor.file_offset.value();
    const bool zero = std::string_view(descriptor.signature, 4) == LogDescriptor::kZero;
    const std::uint64_t length = zero ? descriptor.leading_bytes.value() : kLogSector;
    if (target % kLogSector != 0 || length % kLogSector != 0 || target > UINT64_MAX / 2 ||
        length > UINT64_MAX / 2)
      return corrupt("VHDX log entry that writes " + std::to_string(length) +
                         " bytes to a place that is not whole sectors",
                     target);
    if (zero) {
      patches.zero(target, length);
      continue;
    }
    auto sector = *get<LogDataSector>(bytes, static_cast<std::size_t>(data));
    std::vector<std::byte> content(kLogSector);
    const auto copy_to = [&](std::size_t at, std::span<const std::byte> from) {
      std::ranges::copy(from, content.begin() + static_cast<std::ptrdiff_t>(at));
    };
    copy_to(0, std::as_bytes(std::span(&descriptor.leading_bytes, 1)));
    copy_to(8, sector.data);
    copy_to(kLogSector - 4, std::as_bytes(std::span(&descriptor.trailing_bytes, 1)));
    patches.write(target, std::move(content));
    data += kLogSector;
  }
  return success();
}

}  // namespace

Result<Device> replay_log(Device file, const Header& header, std::vector<Remark>& remarks) {
  if (is_null(header.log_guid)) return file;
  const std::uint64_t length = header.log_length.value();
  const std::uint64_t offset = header.log_offset.value();
  if (length == 0 || length % kMiB != 0 || offset < kMiB || offset % kMiB != 0)
    return corrupt("VHDX log of " + std::to_string(length) + " bytes, expected whole MiB", offset);
  if (length > kMaxLog)
    return Error{Errc::too_large,
                 "VHDX log of " + std::to_string(length) + " bytes, at most 16 MiB are read",
                 offset};
  std::vector<std::byte> bytes;
  if (offset > file->size() || length > file->size() - offset)
    return corrupt("VHDX log ends past the end of the file", offset);
  bytes.resize(static_cast<std::size_t>(length));
  TRY(file->read(offset, bytes));
  const Log log(std::move(bytes), header.log_guid);
  const Sequence active = active_sequence(TRY(valid_entries(log)), log.size());
  if (active.entries.empty()) {
    remarks.push_back({Remark::Kind::unclean,
                       "the VHDX was not closed and its log holds no entry that counts: nothing to "
                       "replay"});
    return file;
  }
  Patches patches;
  std::uint64_t size = file->size();
  for (const auto& entry : active.entries) {
    if (entry.header.flushed_file_offset.value() > file->size())
      return corrupt("VHDX cut off: its log was written when the file had " +
                     std::to_string(entry.header.flushed_file_offset.value()) + " bytes, it has " +
                     std::to_string(file->size()));
    size = std::max(size, entry.header.last_file_offset.value());
    TRY(apply(log, entry, patches));
  }
  remarks.push_back({Remark::Kind::note, "log replayed in memory: " +
                                             std::to_string(active.entries.size()) + " entries"});
  return Device(std::make_shared<PatchedDevice>(std::move(file), size, std::move(patches)));
}

}  // namespace imgfs::vhdx
