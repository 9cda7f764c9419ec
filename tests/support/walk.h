#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/file_system.h"

namespace imgfs {

/// Limits of a walk over a file system that may be hostile. Reaching one ends the walk: success.
struct WalkLimits {
  std::size_t entries = 10'000;
  std::size_t bytes = 16U << 20;
  int depth = 16;
};

/// Looks at everything a file system gives: attributes, entries, links, contents, extents, extended
/// attributes. Errors are expected and passed over. For fuzz targets and replays.
inline void walk(const FileSystem& fs, WalkLimits limits) {
  struct Item {
    std::uint64_t inode;
    int depth;
  };
  std::vector<Item> stack{{fs.root(), 0}};
  static_cast<void>(fs.usage());
  std::vector<std::byte> buffer(65536);
  while (!stack.empty() && limits.entries > 0) {
    const Item item = stack.back();
    stack.pop_back();
    --limits.entries;
    const auto attributes = fs.stat(item.inode);
    if (const auto names = fs.list_attributes(item.inode))
      for (const auto& name : names.value()) static_cast<void>(fs.attribute(item.inode, name));
    if (!attributes) continue;
    if (attributes.value().type == FileType::symlink) static_cast<void>(fs.read_link(item.inode));
    if (attributes.value().type == FileType::regular) {
      const std::uint64_t size = attributes.value().size;
      for (const std::uint64_t offset : {std::uint64_t{0}, size / 2, size > 100 ? size - 100 : 0}) {
        if (limits.bytes < buffer.size()) break;
        limits.bytes -= buffer.size();
        static_cast<void>(fs.read(item.inode, offset, buffer));
        if (offset >= size) continue;
        static_cast<void>(fs.extent(item.inode, offset));
        static_cast<void>(fs.locate(item.inode, offset, std::min<std::uint64_t>(size - offset, 65536)));
      }
    }
    if (attributes.value().type != FileType::directory || item.depth >= limits.depth) continue;
    static_cast<void>(fs.parent(item.inode));
    std::size_t left = limits.entries;
    static_cast<void>(fs.read_directory(item.inode, 0, [&](const DirectoryEntry& entry) {
      static_cast<void>(fs.lookup(item.inode, entry.name));
      stack.push_back({entry.inode, item.depth + 1});
      return --left > 0;
    }));
    if (stack.size() > limits.entries) stack.resize(limits.entries);
  }
}

}  // namespace imgfs
