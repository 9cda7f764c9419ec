#include "ntfs/contents.h"

namespace imgfs::ntfs {
namespace {

constexpr std::size_t kEntries = 256;
constexpr std::size_t kBytes = std::size_t{8} << 20;

}  // namespace

Result<Content> open_content(File& file, const Nature& nature) {
  Content content;
  content.type = nature.type;
  const Attribute* const data = TRY(file.find(AttributeType::data));
  if (nature.wof) {
    const auto name = "WofCompressedData";
    const Attribute* const stored = TRY(file.find(AttributeType::data, name));
    if (stored == nullptr || data == nullptr)
      return corrupt("MFT record " + std::to_string(file.number()) +
                     " is compressed by WOF but has no stream " + name);
    content.wof.emplace(TRY(file.stream(*stored)), *nature.wof, data->size());
    return content;
  }
  if (data == nullptr) return content;
  // What a filter driver keeps elsewhere needs no run list here; an empty file is empty anyhow.
  if (nature.problem && !nature.problem_if_holes && data->size() != 0) {
    content.problem = nature.problem;
    return content;
  }
  content.data = TRY(file.stream(*data));
  if (nature.problem && nature.problem_if_holes && content.data->has_holes())
    content.problem = nature.problem;
  return content;
}

ContentCache::Entry ContentCache::find(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(number);
  if (found == entries_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return found->second->second;
}

void ContentCache::keep(std::uint64_t number, Entry content) {
  const std::lock_guard lock(mutex_);
  if (entries_.contains(number)) return;  // another thread was faster
  used_ += content->memory();
  order_.emplace_front(number, std::move(content));
  entries_[number] = order_.begin();
  while (order_.size() > 1 && (used_ > kBytes || order_.size() > kEntries)) {
    used_ -= order_.back().second->memory();
    entries_.erase(order_.back().first);
    order_.pop_back();
  }
}

}  // namespace imgfs::ntfs
