#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/memory_device.h"
#include "tests/vfs/fake_file_system.h"
#include "vfs/guest_search.h"
#include "vfs/joined_tree.h"

namespace imgfs::test {

/// Volumes as a disk would give them, each with a file system of ours.
class FakeDisk {
 public:
  /// p1, p2, … or `name`; null where there is nothing to read.
  TreeVolume& add(std::shared_ptr<FakeFileSystem> fs, std::string name = {}) {
    TreeVolume volume;
    volume.volume.name =
        name.empty() ? "p" + std::to_string(parts_.volumes.size() + 1) : std::move(name);
    volume.volume.device = std::make_shared<MemoryDevice>(std::vector<std::byte>(4096));
    volume.raw_name = volume.volume.name;
    if (fs != nullptr) {
      volume.directory = volume.volume.name;
      volume.type = fs->info().type;
      volume.label = fs->info().label;
      volume.uuid = fs->info().uuid;
    }
    volume.file_system = std::move(fs);
    parts_.volumes.push_back(std::move(volume));
    return parts_.volumes.back();
  }

  /// Ends the building.
  std::shared_ptr<JoinedTree> tree(TreeOptions options = {}) {
    parts_.image.disk = std::make_shared<MemoryDevice>(std::vector<std::byte>(65536));
    parts_.image.info.file_size = 4096;
    for (std::size_t i = 0; i < parts_.volumes.size(); ++i) {
      const auto& fs = parts_.volumes[i].file_system;
      parts_.volume_slots.push_back(
          fs ? parts_.views.add({fs, i, fs->root(), View::Case::exact, 0, {}}).value()
             : std::uint8_t{0});
    }
    find_guests(parts_);
    return std::make_shared<JoinedTree>(std::move(parts_), std::move(options));
  }

 private:
  TreeParts parts_{{}, {}, {}, {}, {}, {}, {}, Views(1000, 1001)};
};

/// Each name in a directory of the tree, as listed.
inline std::vector<std::string> names(const Tree& tree, NodeId directory) {
  std::vector<std::string> result;
  const auto listed =
      tree.read_directory(directory, 0, Tree::Listing::names, [&](const TreeEntry& entry) {
        result.emplace_back(entry.name);
        return true;
      });
  if (!listed) result.push_back("error: " + listed.error().what);
  return result;
}

/// The node that a path of plain names leads to, from the tree's root; links are not followed.
inline Result<Found> at(const Tree& tree, std::string_view path) {
  Found found{kRootNode, TRY(tree.stat(kRootNode))};
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    found = TRY(tree.lookup(found.node, path.substr(0, end)));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return found;
}

}  // namespace imgfs::test
