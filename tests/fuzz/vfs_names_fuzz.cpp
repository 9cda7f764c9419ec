// A file system whose directories and links are as the input says: any names, any entry leading
// anywhere, any parent. Whatever it is, the tree is finite, names are unique and lead to what was
// listed, and no link leads out.
#include <algorithm>
#include <set>

#include "tests/vfs/fake_tree.h"
#include "vfs/names.h"
#include "vfs/walk.h"

namespace {

using namespace imgfs;
using namespace imgfs::test;

constexpr std::uint64_t kNodes = 12;  // inodes 2 … 13

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  std::string text(std::size_t length) {
    static constexpr std::string_view kAlphabet("abl./\0.-", 8);
    std::string result;
    for (; length > 0; --length) result += kAlphabet[byte() % kAlphabet.size()];
    return result;
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

std::shared_ptr<FakeFileSystem> make(Bytes& bytes) {
  auto fs = std::make_shared<FakeFileSystem>();
  for (std::uint64_t inode = 3; inode < 2 + kNodes; ++inode) {
    const std::uint8_t kind = bytes.byte();
    auto& node = fs->node(inode);
    node.type = kind % 4 == 0 ? FileType::symlink : kind % 4 == 1 ? FileType::regular : FileType::directory;
    node.parent = 2 + kind / 4 % kNodes;
    if (node.type == FileType::symlink) node.content = bytes.text(bytes.byte() % 24);
  }
  if (bytes.byte() % 2 == 1) fs->without_types();
  while (!bytes.empty()) {
    const std::uint64_t in = 2 + bytes.byte() % kNodes;
    const std::uint64_t to = 2 + bytes.byte() % kNodes;
    if (fs->node(in).type != FileType::directory) continue;
    fs->entry(in, bytes.text(bytes.byte() % 12), to);
  }
  return fs;
}

void must(bool truth) {
  if (!truth) __builtin_trap();
}

/// Follows `path` as the kernel does; traps where it would leave `top`.
void follow(const Tree& tree, NodeId top, NodeId at, std::string path) {
  for (int links = 0; !path.empty();) {
    path.erase(0, std::min(path.find_first_not_of('/'), path.size()));
    const auto end = std::min(path.find('/'), path.size());
    const std::string name = path.substr(0, end);
    path.erase(0, end);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      must(at != top);
      const auto parent = tree.parent(at);
      if (!parent) return;
      at = parent.value();
      continue;
    }
    const auto found = tree.lookup(at, name);
    if (!found) return;
    if (found.value().attributes.type == FileType::symlink) {
      const auto target = tree.read_link(found.value().node);
      tree.forget(found.value().node, 1);
      if (!target || ++links > kMostLinks) return;
      must(!target.value().starts_with('/'));
      path = target.value() + path;
    } else if (found.value().attributes.type != FileType::directory) {
      return;
    } else {
      at = found.value().node;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  Bytes bytes(data, size);
  FakeDisk disk;
  disk.add(make(bytes));
  const auto tree = disk.tree();
  const NodeId top = at(*tree, "p1").value().node;
  std::vector<NodeId> open{top};
  std::set<NodeId> entered{top};
  while (!open.empty()) {
    const NodeId directory = open.back();
    open.pop_back();
    std::set<std::string, std::less<>> seen;
    const auto visit = [&](const TreeEntry& entry) {
      must(seen.emplace(entry.name).second);
      must(is_plain_name(entry.name) || parse_name_code(entry.name));
      const auto found = tree->lookup(directory, entry.name);
      must(bool(found) == (entry.attributes != nullptr));
      if (!found) return true;
      must(found.value().node == entry.node);
      if (entry.type == FileType::directory) {
        must(entered.insert(entry.node).second);  // one path for each directory
        open.push_back(entry.node);
      }
      if (entry.type == FileType::symlink) {
        follow(*tree, top, directory, std::string(entry.name));
        tree->forget(entry.node, 2);
      }
      return true;
    };
    static_cast<void>(tree->read_directory(directory, 0, Tree::Listing::attributes, visit));
  }
  must(tree->links_known() == 0);
  return 0;
}
