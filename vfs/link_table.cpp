#include "vfs/link_table.h"

#include "vfs/views.h"

namespace imgfs {

NodeId LinkTable::acquire(const Link& link) {
  const std::lock_guard lock(mutex_);
  const auto [known, added] = nodes_.try_emplace(link, 0);
  if (added) {
    known->second = node_of(kLinkSlot, ++last_);
    entries_.emplace(known->second, Entry{link, 0});
  }
  ++entries_.at(known->second).references;
  return known->second;
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

std::optional<LinkTable::Link> LinkTable::find(NodeId node) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(node);
  if (entry == entries_.end()) return std::nullopt;
  return entry->second.link;
}

std::size_t LinkTable::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace imgfs
