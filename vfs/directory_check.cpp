#include "vfs/directory_check.h"

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_set>

namespace imgfs {

namespace {

/// Most numbers that are held at a time: 32 MiB. Larger directories are passed over several times.
constexpr std::size_t kMostNumbers = 4U << 20;

bool may_be_directory(FileType type) {
  return type == FileType::directory || type == FileType::unknown;
}

std::uint64_t hash_of(std::string_view name) { return std::hash<std::string_view>{}(name); }

/// Moves what occurs more than once into `out`.
void keep_repeated(std::vector<std::uint64_t>& numbers, std::unordered_set<std::uint64_t>& out) {
  std::ranges::sort(numbers);
  for (std::size_t i = 1; i < numbers.size(); ++i)
    if (numbers[i] == numbers[i - 1]) out.insert(numbers[i]);
}

/// Hashes of names and numbers of subdirectories that occur more than once.
struct Suspects {
  std::unordered_set<std::uint64_t> names;
  std::unordered_set<std::uint64_t> inodes;
  bool empty() const { return names.empty() && inodes.empty(); }
};

Suspects find_suspects(const FileSystem& fs, std::uint64_t directory) {
  Suspects suspects;
  std::vector<std::uint64_t> names;
  std::vector<std::uint64_t> inodes;
  std::uint64_t parts = 1;
  for (std::uint64_t part = 0; part < parts; ++part) {
    names.clear();
    inodes.clear();
    bool full = false;
    // An error ends the pass; what was seen before it is looked at.
    static_cast<void>(fs.read_directory(directory, 0, [&](const DirectoryEntry& entry) {
      const std::uint64_t hash = hash_of(entry.name);
      if (hash % parts == part) names.push_back(hash);
      if (may_be_directory(entry.type) && entry.inode % parts == part)
        inodes.push_back(entry.inode);
      full = names.size() >= kMostNumbers && parts < (std::uint64_t{1} << 32);
      return !full;
    }));
    if (full) {
      suspects = {};
      parts *= 4;
      part = static_cast<std::uint64_t>(-1);  // from the first part on
      continue;
    }
    keep_repeated(names, suspects.names);
    keep_repeated(inodes, suspects.inodes);
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

Irregular examine(const FileSystem& fs, std::uint64_t directory, const Suspects& suspects) {
  Irregular result;
  Occurrences names;
  std::unordered_set<std::uint64_t> seen;
  std::vector<Occurrence> subdirectories;
  std::uint64_t cookie = 0;
  static_cast<void>(fs.read_directory(directory, 0, [&](const DirectoryEntry& entry) {
    if (suspects.names.contains(hash_of(entry.name)))
      names[std::string(entry.name)].push_back({cookie, entry.inode});
    if (may_be_directory(entry.type) && suspects.inodes.contains(entry.inode))
      subdirectories.push_back({cookie, entry.inode});
    cookie = entry.next_cookie;
    return true;
  }));
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

std::shared_ptr<const Irregular> DirectoryCheck::check(const FileSystem& fs,
                                                       std::uint64_t directory,
                                                       std::uint64_t key) const {
  auto& place = regular_[place_of(key, regular_.size())];
  if (place.load(std::memory_order_relaxed) == key) return nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = irregular_.find(key); known != irregular_.end()) return known->second;
  }
  const Suspects suspects = find_suspects(fs, directory);
  Irregular found = suspects.empty() ? Irregular{} : examine(fs, directory, suspects);
  if (found.second_names.empty() && found.twins.empty()) {
    place.store(key, std::memory_order_relaxed);
    return nullptr;
  }
  auto result = std::make_shared<const Irregular>(std::move(found));
  const std::lock_guard lock(mutex_);
  if (irregular_.size() >= kIrregular) irregular_.clear();
  irregular_.insert_or_assign(key, result);
  return result;
}

}  // namespace imgfs
