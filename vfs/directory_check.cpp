#include "vfs/directory_check.h"

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_set>

namespace imgfs {

namespace {

/// Most entries of a directory that is checked: looking at more would take minutes.
constexpr std::uint64_t kMostEntries = 1U << 24;
/// Up to here one pass is enough, and any number of threads may make it.
constexpr std::uint64_t kFew = 1U << 18;
/// Most numbers that are held at a time: 32 MiB. Larger directories are passed over several times,
/// by one thread at a time.
constexpr std::size_t kMostNumbers = 4U << 20;
/// Most entries that may share a name or lead to one directory, and how many times the others: a
/// lookup for each may go over the whole directory.
constexpr std::uint64_t kMostRepeated = 1U << 15;
constexpr std::uint64_t kMostWork = std::uint64_t{1} << 29;

bool may_be_directory(FileType type) {
  return type == FileType::directory || type == FileType::unknown;
}

std::uint64_t hash_of(std::string_view name) { return std::hash<std::string_view>{}(name); }

/// Numbers of which only those matter that occur more than once. Its memory has a bound however
/// often one occurs.
class Repeated {
 public:
  void add(std::uint64_t number) {
    if (numbers_.size() >= limit_) gather();
    numbers_.push_back(number);
  }
  /// Those that occurred more than once since the last call go where all such are.
  void finish() {
    gather();
    numbers_.clear();
    limit_ = kMostNumbers;
  }
  const std::unordered_set<std::uint64_t>& found() const { return found_; }

 private:
  /// Keeps one of each.
  void gather() {
    std::ranges::sort(numbers_);
    for (std::size_t i = 1; i < numbers_.size() && found_.size() <= kMostRepeated; ++i)
      if (numbers_[i] == numbers_[i - 1]) found_.insert(numbers_[i]);
    numbers_.erase(std::unique(numbers_.begin(), numbers_.end()), numbers_.end());
    limit_ = std::max(kMostNumbers, 2 * numbers_.size());
  }

  std::vector<std::uint64_t> numbers_;
  std::size_t limit_ = kMostNumbers;
  std::unordered_set<std::uint64_t> found_;
};

/// Hashes of names and numbers of subdirectories that occur more than once.
struct Suspects {
  Repeated names;
  Repeated inodes;
  std::uint64_t entries = 0;  ///< of the whole directory
  bool empty() const { return names.found().empty() && inodes.found().empty(); }
  /// How many entries may be among them.
  std::uint64_t limit() const {
    return std::min(kMostRepeated, kMostWork / std::max<std::uint64_t>(entries, 1));
  }
};

Error too_many_repeated(const Suspects& suspects) {
  return corrupt("directory of " + std::to_string(suspects.entries) + " entries of which more than " +
                 std::to_string(suspects.limit()) + " are listed twice");
}

void add(Suspects& suspects, const DirectoryEntry& entry, std::uint64_t part, std::uint64_t parts) {
  const std::uint64_t hash = hash_of(entry.name);
  if (hash % parts == part) suspects.names.add(hash);
  if (may_be_directory(entry.type) && entry.inode % parts == part) suspects.inodes.add(entry.inode);
}

/// Ends a pass over the directory.
Result<void> finish(Suspects& suspects) {
  suspects.names.finish();
  suspects.inodes.finish();
  if (suspects.names.found().size() + suspects.inodes.found().size() > suspects.limit())
    return too_many_repeated(suspects);
  return success();
}

/// An error of the file system ends a pass; what was seen before it is looked at.
Result<Suspects> find_suspects(const FileSystem& fs, std::uint64_t directory, std::mutex& large) {
  Suspects suspects;
  static_cast<void>(fs.read_directory(directory, 0, [&](const DirectoryEntry& entry) {
    if (++suspects.entries <= kFew) add(suspects, entry, 0, 1);
    return suspects.entries <= kMostEntries;
  }));
  if (suspects.entries > kMostEntries)
    return Error{Errc::too_large,
                 "directory of more than " + std::to_string(kMostEntries) + " entries"};
  TRY(finish(suspects));
  if (suspects.entries <= kFew) return suspects;
  const std::lock_guard lock(large);
  const std::uint64_t parts = suspects.entries / kMostNumbers + 1;
  for (std::uint64_t part = 0; part < parts; ++part) {
    static_cast<void>(fs.read_directory(directory, 0, [&](const DirectoryEntry& entry) {
      add(suspects, entry, part, parts);
      return true;
    }));
    TRY(finish(suspects));
  }
  return suspects;
}

struct Occurrence {
  std::uint64_t cookie;
  std::uint64_t inode;
};
using Occurrences = std::unordered_map<std::string, std::vector<Occurrence>>;

/// Of entries with the same name the one that a lookup finds keeps it.
void choose_names(const FileSystem& fs, std::uint64_t directory, const Occurrences& names,
                  std::vector<std::uint64_t>& second) {
  for (const auto& [name, entries] : names) {
    if (entries.size() < 2) continue;
    const auto found = fs.lookup(directory, name);
    auto kept = found ? std::ranges::find(entries, found.value(), &Occurrence::inode)
                      : entries.begin();
    if (kept == entries.end()) kept = entries.begin();
    for (auto entry = entries.begin(); entry != entries.end(); ++entry)
      if (entry != kept) second.push_back(entry->cookie);
  }
  std::ranges::sort(second);
}

Result<Irregular> examine(const FileSystem& fs, std::uint64_t directory, const Suspects& suspects) {
  Irregular result;
  Occurrences names;
  std::unordered_set<std::uint64_t> seen;
  std::vector<Occurrence> subdirectories;
  std::uint64_t cookie = 0;
  std::uint64_t left = suspects.limit();
  static_cast<void>(fs.read_directory(directory, 0, [&](const DirectoryEntry& entry) {
    const bool name = suspects.names.found().contains(hash_of(entry.name));
    const bool twin = may_be_directory(entry.type) && suspects.inodes.found().contains(entry.inode);
    if ((name || twin) && left-- == 0) return false;
    if (name) names[std::string(entry.name)].push_back({cookie, entry.inode});
    if (twin) subdirectories.push_back({cookie, entry.inode});
    cookie = entry.next_cookie;
    return true;
  }));
  if (left > suspects.limit()) return too_many_repeated(suspects);  // counted below zero
  choose_names(fs, directory, names, result.second_names);
  for (const Occurrence& entry : subdirectories) {
    const auto attributes = fs.stat(entry.inode);
    if (!attributes || attributes.value().type != FileType::directory) continue;
    if (!seen.insert(entry.inode).second) result.twins.push_back(entry.cookie);
  }
  std::ranges::sort(result.twins);
  return result;
}

std::size_t place_of(std::uint64_t key, std::size_t places) {
  return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> 32) % places;
}

}  // namespace

Result<std::shared_ptr<const Irregular>> DirectoryCheck::check(const FileSystem& fs,
                                                               std::uint64_t directory,
                                                               std::uint64_t key) const {
  auto& place = regular_[place_of(key, regular_.size())];
  if (place.load(std::memory_order_relaxed) == key) return std::shared_ptr<const Irregular>();
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = irregular_.find(key); known != irregular_.end()) return known->second;
  }
  const Suspects suspects = TRY(find_suspects(fs, directory, large_));
  Irregular found;
  if (!suspects.empty()) found = TRY(examine(fs, directory, suspects));
  if (found.second_names.empty() && found.twins.empty()) {
    place.store(key, std::memory_order_relaxed);
    return std::shared_ptr<const Irregular>();
  }
  std::shared_ptr<const Irregular> result = std::make_shared<const Irregular>(std::move(found));
  const std::lock_guard lock(mutex_);
  if (irregular_.size() >= kIrregular) irregular_.clear();
  irregular_.insert_or_assign(key, result);
  return result;
}

}  // namespace imgfs
