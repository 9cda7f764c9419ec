#include "vfs/link_table.h"

#include "vfs/views.h"

namespace imgfs {

LinkTable::Known LinkTable::acquire(const Link& link) {
  const std::lock_guard lock(mutex_);
  const auto [known, added] = nodes_.try_emplace(link, 0);
  if (added) {
    known->second = node_of(kLinkSlot, ++last_);
    entries_.emplace(known->second, Entry{link, 0, 0});
  }
  Entry& entry = entries_.find(known->second)->second;
  ++entry.references;
  return {known->second, entry.size};
}

void LinkTable::set_size(NodeId node, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  if (const auto entry = entries_.find(node); entry != entries_.end()) entry->second.size = size;
}

void LinkTable::release(NodeId node, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(node);
  if (entry == entries_.end()) return;
  if (entry->second.references > count) {
    entry->second.references -= count;
    return;
  }
  nodes_.erase(entry->second.link);
  entries_.erase(entry);
}

std::optional<LinkTable::Found> LinkTable::find(NodeId node) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(node);
  if (entry == entries_.end()) return std::nullopt;
  return Found{entry->second.link, entry->second.size};
}

std::size_t LinkTable::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace imgfs
