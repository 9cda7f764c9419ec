#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "vfs/tree.h"

namespace imgfs {

/// Node ids of contained symbolic links, whose text depends on the directory in which they were
/// found. Each lives as long as it is referred to. Safe for any number of threads.
class LinkTable {
 public:
  struct Link {
    NodeId directory;
    NodeId link;  ///< the node that it would have anywhere else
  };

  struct Known {
    NodeId node;
    std::uint64_t size;  ///< bytes of its text; 0 where that is not known yet
  };
  /// The node of `link`, with one reference more.
  Known acquire(const Link& link);
  void set_size(NodeId node, std::uint64_t size);
  void release(NodeId node, std::uint64_t count);
  struct Found {
    Link link;
    std::uint64_t size;
  };
  std::optional<Found> find(NodeId node) const;
  std::size_t size() const;

 private:
  struct Hash {
    std::size_t operator()(const Link& link) const {
      return static_cast<std::size_t>((link.directory * 0x9E3779B97F4A7C15U ^ link.link) *
                                      0xC2B2AE3D27D4EB4FU >> 7);
    }
  };
  struct Same {
    bool operator()(const Link& a, const Link& b) const {
      return a.directory == b.directory && a.link == b.link;
    }
  };
  struct Entry {
    Link link;
    std::uint64_t references;
    std::uint64_t size;
  };

  mutable std::mutex mutex_;
  std::unordered_map<NodeId, Entry> entries_;
  std::unordered_map<Link, NodeId, Hash, Same> nodes_;
  std::uint64_t last_ = 0;
};

}  // namespace imgfs
