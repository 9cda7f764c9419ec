// A whole disk: volumes, file systems, the search for guests, and a walk over the mounted tree. The
// input is patches on a small disk with a guest on it: 4 bytes of offset, 1 of length, bytes.
#include <algorithm>

#include "core/memory_device.h"
#include "tests/vfs/small_disk.h"
#include "vfs/guest_files.h"

namespace {

using namespace imgfs;

std::vector<std::byte> patched(std::span<const std::byte> patches) {
  std::vector<std::byte> disk = test::small_disk();
  if (disk.empty()) __builtin_trap();
  while (patches.size() > 5) {
    const std::uint32_t at = get<le32>(patches)->value() % static_cast<std::uint32_t>(disk.size());
    std::size_t length = std::to_integer<std::size_t>(patches[4]);
    patches = patches.subspan(5);
    length = std::min({length, patches.size(), disk.size() - at});
    std::ranges::copy(patches.first(length), disk.begin() + at);
    patches = patches.subspan(length);
  }
  return disk;
}

void look_at(const Tree& tree, NodeId node, const Attributes& attributes) {
  static_cast<void>(tree.list_attributes(node));
  if (attributes.type == FileType::symlink) static_cast<void>(tree.read_link(node));
  if (attributes.type != FileType::regular || tree.is_report(node)) return;
  std::vector<std::byte> bytes(4096);
  static_cast<void>(tree.read(node, 0, bytes));
  static_cast<void>(tree.seek(node, 0, Tree::Seek::hole));
  static_cast<void>(tree.locate(node, 0, 1));
}

void walk_tree(const Tree& tree) {
  std::vector<NodeId> open{kRootNode};
  std::size_t left = 2000;
  while (!open.empty() && left > 0) {
    const NodeId directory = open.back();
    open.pop_back();
    static_cast<void>(tree.parent(directory));
    static_cast<void>(tree.usage(directory));
    const auto visit = [&](const TreeEntry& entry) {
      if (entry.attributes != nullptr) {
        look_at(tree, entry.node, *entry.attributes);
        if (entry.type == FileType::directory) open.push_back(entry.node);
      }
      tree.forget(entry.node, 1);
      return --left > 0;
    };
    static_cast<void>(tree.read_directory(directory, 0, Tree::Listing::attributes, visit));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65536) return 0;
  Image image;
  image.disk = std::make_shared<MemoryDevice>(patched(std::as_bytes(std::span(data, size))));
  TreeOptions options;
  options.make_report = [](ReportForm) -> Result<std::string> { return std::string("{}"); };
  const auto tree = open_tree(std::move(image), options);
  if (!tree) return 0;
  walk_tree(*tree.value());
  for (std::size_t guest = 0; guest < tree.value()->guests().size(); ++guest) {
    const auto files = guest_files(*tree.value(), guest);
    for (const char* path : {"/etc/fstab", "/etc/os-release", "/boot/grub/grub.cfg"})
      static_cast<void>(files->read_text(path, 65536));
    static_cast<void>(files->list("/"));
  }
  return 0;
}
