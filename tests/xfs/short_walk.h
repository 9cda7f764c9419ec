#pragma once

#include <set>
#include <vector>

#include "core/file_system.h"

namespace imgfs::xfs {

/// Looks at every object once, with all that it has; names of large directories are only looked up here and there.
inline void short_walk(const FileSystem& fs, std::size_t objects) {
  std::vector<std::uint64_t> stack{fs.root()};
  std::set<std::uint64_t> seen{fs.root()};
  static_cast<void>(fs.usage());
  std::vector<std::byte> buffer(40000);
  while (!stack.empty() && objects-- > 0) {
    const std::uint64_t inode = stack.back();
    stack.pop_back();
    const auto attributes = fs.stat(inode);
    if (const auto names = fs.list_attributes(inode))
      for (std::size_t i = 0; i < names.value().size(); i += 1 + i / 4) static_cast<void>(fs.attribute(inode, names.value()[i]));
    static_cast<void>(fs.attribute(inode, "system.posix_acl_access"));
    static_cast<void>(fs.read_link(inode));
    static_cast<void>(fs.parent(inode));
    const std::uint64_t size = attributes ? attributes.value().size : 0;
    for (const std::uint64_t offset : {std::uint64_t{0}, size / 2, size > 100 ? size - 100 : 0}) {
      static_cast<void>(fs.read(inode, offset, buffer));
      static_cast<void>(fs.extent(inode, offset));
      static_cast<void>(fs.locate(inode, offset, 65536));
    }
    std::size_t count = 0;
    static_cast<void>(fs.read_directory(inode, 0, [&](const DirectoryEntry& entry) {
      if (count % 64 == 0 || count < 4) static_cast<void>(fs.lookup(inode, entry.name));
      if (seen.insert(entry.inode).second) stack.push_back(entry.inode);
      return ++count < 5000;
    }));
    static_cast<void>(fs.lookup(inode, "no such name"));
  }
}

}  // namespace imgfs::xfs
