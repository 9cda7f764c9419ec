#include <random>
#include <set>

#include <gmock/gmock.h>

#include "tests/vfs/fake_tree.h"
#include "vfs/walk.h"

namespace imgfs {
namespace {

using namespace test;

/// The kernel's own walk over the mounted tree: what a process sees that follows a path there. Says
/// whether it ever left the directory `top`.
struct Mounted {
  const Tree& tree;
  NodeId top;
  bool escaped = false;

  Result<Found> follow(NodeId from, std::string path, int& links, bool last = true) {
    NodeId here = from;
    Attributes attributes = TRY(tree.stat(here));
    while (true) {
      const bool slash = path.starts_with('/');
      path.erase(0, path.find_first_not_of('/'));
      if (path.empty()) {
        if (slash && attributes.type != FileType::directory) return Error{Errc::not_directory, ""};
        break;
      }
      const auto end = std::min(path.find('/'), path.size());
      const std::string name = path.substr(0, end);
      const std::string rest = path.substr(end);
      if (attributes.type != FileType::directory) return Error{Errc::not_directory, ""};
      path = rest;
      if (name == ".") continue;
      if (name == "..") {
        if (here == top) escaped = true;
        here = TRY(tree.parent(here));
        attributes = TRY(tree.stat(here));
        continue;
      }
      const Found found = TRY(tree.lookup(here, name));
      if (found.attributes.type == FileType::symlink && (last || !rest.empty())) {
        auto target = tree.read_link(found.node);
        tree.forget(found.node, 1);
        if (!target) return target.error();
        if (++links > kMostLinks) return Error{Errc::symlink_loop, ""};
        if (target.value().starts_with('/')) {
          escaped = true;
          return Error{Errc::denied, "absolute"};
        }
        path = target.value() + rest;
        continue;
      }
      here = found.node;
      attributes = found.attributes;
    }
    return Found{here, attributes};
  }
};

struct Row {
  const char* at;      ///< the link
  const char* target;  ///< as stored
  const char* shown;
};

TEST(Links, TextsAsShown) {
  const Row rows[] = {
      {"a/b/plain", "c/file", "c/file"},
      {"a/b/dots", "./c/../c//file", "./c/../c//file"},
      {"a/b/up", "../../top", "../../top"},
      {"a/b/absolute", "/a/b/c/file", "../../a/b/c/file"},
      {"a/b/root", "/", "../../"},
      {"a/b/climbs", "../../../../etc/passwd", "../../etc/passwd"},
      {"a/b/passwd", "/../../etc/passwd", "../../etc/passwd"},
      {"a/b/dangling", "/no/where", "../../no/where"},
      {"a/b/behind", "missing/../../../../../etc", "missing/./././././etc"},
      {"a/b/file", "c/file/../x", "c/file/./x"},
      {"a/b/through", "to-c/../../../x", "to-c/../../../x"},
      {"a/b/through2", "to-c/../../../../x", "to-c/../../../x"},
      {"a/b/slash", "/a/b/", "../../a/b/"},
      {"at-top", "../..", "."},
      {"at-top2", "/", "."},
  };
  for (const Row& row : rows) {
    auto fs = std::make_shared<FakeFileSystem>();
    fs->file("a/b/c/file");
    fs->link("a/b/to-c", "/a/b/c");
    fs->link(row.at, row.target);
    FakeDisk disk;
    disk.add(fs);
    const auto tree = disk.tree();
    const auto link = at(*tree, std::string("p1/") + row.at);
    ASSERT_TRUE(link);
    const auto text = tree->read_link(link.value().node);
    EXPECT_EQ(text ? text.value() : text.error().what, row.shown) << row.at;
    // Kernels that cache links cut the text at its size.
    const std::size_t length = std::string_view(row.shown).size();
    EXPECT_EQ(link.value().attributes.size, length) << row.at;
    EXPECT_EQ(tree->stat(link.value().node).value().size, length) << row.at;
  }
}

TEST(Links, RawTexts) {
  auto fs = std::make_shared<FakeFileSystem>();
  fs->link("up", "../../etc/passwd");
  FakeDisk disk;
  disk.add(fs);
  TreeOptions options;
  options.links = Links::raw;
  const auto tree = disk.tree(options);
  EXPECT_EQ(tree->read_link(at(*tree, "p1/up").value().node).value(), "../../etc/passwd");
}

TEST(Links, AHardLinkedLinkHasATextForEachDirectory) {
  auto fs = std::make_shared<FakeFileSystem>();
  const auto link = fs->link("link", "/target");
  fs->entry(fs->directory("a/b"), "link", link);
  FakeDisk disk;
  disk.add(fs);
  const auto tree = disk.tree();
  const auto first = at(*tree, "p1/link").value();
  const auto second = at(*tree, "p1/a/b/link").value();
  EXPECT_NE(first.node, second.node);
  EXPECT_EQ(first.attributes.inode, second.attributes.inode);
  EXPECT_EQ(tree->read_link(first.node).value(), "target");
  EXPECT_EQ(tree->read_link(second.node).value(), "../../target");
  EXPECT_EQ(at(*tree, "p1/link").value().node, first.node);
  EXPECT_EQ(tree->links_known(), 2U);
  tree->forget(first.node, 2);
  tree->forget(second.node, 1);
  EXPECT_EQ(tree->links_known(), 0U);
  EXPECT_FALSE(tree->read_link(first.node));
}

TEST(Links, ListingsCountReferencesOfWhatIsAccepted) {
  auto fs = std::make_shared<FakeFileSystem>();
  for (int i = 0; i < 10; ++i) fs->link("l" + std::to_string(i), "x");
  FakeDisk disk;
  disk.add(fs);
  const auto tree = disk.tree();
  std::vector<NodeId> nodes;
  ASSERT_TRUE(tree->read_directory(at(*tree, "p1").value().node, 0, Tree::Listing::attributes,
                                   [&](const TreeEntry& entry) {
                                     if (nodes.size() == 5) return false;
                                     nodes.push_back(entry.node);
                                     return true;
                                   }));
  EXPECT_EQ(tree->links_known(), 5U);
  for (const NodeId node : nodes) tree->forget(node, 1);
  EXPECT_EQ(tree->links_known(), 0U);
}

TEST(Links, FortyAndNoMore) {
  auto fs = std::make_shared<FakeFileSystem>();
  fs->file("end", "x");
  for (int i = 1; i <= 45; ++i)
    fs->link("l" + std::to_string(i), i == 1 ? "/end" : "/l" + std::to_string(i - 1));
  fs->link("loop", "/loop");
  FakeDisk disk;
  disk.add(fs);
  const auto tree = disk.tree();
  const NodeId top = at(*tree, "p1").value().node;
  const Views& views = tree->views();
  EXPECT_TRUE(resolve(views, top, "/l40"));
  EXPECT_EQ(resolve(views, top, "/l41").error().code, Errc::symlink_loop);
  EXPECT_EQ(resolve(views, top, "loop/x").error().code, Errc::symlink_loop);
  for (const auto& [path, good] : {std::pair("l40", true), {"l41", false}, {"loop", false}}) {
    Mounted mounted{*tree, top};
    int links = 0;
    EXPECT_EQ(bool(mounted.follow(top, path, links)), good) << path;
    EXPECT_FALSE(mounted.escaped);
  }
}

/// Thousands of hostile links over a random tree: the kernel's walk over the mounted tree never
/// leaves the volume, and leads where the stored text leads after a chroot.
TEST(Links, HostileLinksStayInsideAndLeadWhereChrootLeads) {
  std::mt19937 random(4711);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::size_t resolved = 0;
  for (int round = 0; round < 8; ++round) {
    auto fs = std::make_shared<FakeFileSystem>();
    std::vector<std::string> directories{""};
    std::vector<std::string> words{"etc", "proc", "self", "passwd", "..", ".", "", "missing", "file"};
    for (int i = 0; i < 60; ++i) {
      const std::string name = "d" + std::to_string(pick(12));
      const std::string& in = directories[pick(directories.size())];
      const std::string path = in.empty() ? name : in + "/" + name;
      fs->directory(path);
      directories.push_back(path);
      words.push_back(name);
    }
    fs->file("etc/passwd", "inside");
    for (const auto& directory : {"", "d1/", "etc/"}) fs->file(std::string(directory) + "file");
    std::vector<std::pair<std::string, std::string>> links;
    for (int i = 0; i < 400; ++i) {
      const std::string name = "l" + std::to_string(i);
      const std::string& in = directories[pick(directories.size())];
      std::string target = pick(3) == 0 ? "/" : "";
      if (pick(4) == 0)
        for (std::size_t up = pick(12); up > 0; --up) target += "../";
      for (std::size_t parts = 1 + pick(6); parts > 0; --parts) {
        target += pick(3) == 0 ? ".." : pick(2) == 0 && i > 0 ? "l" + std::to_string(pick(400))
                                                            : words[pick(words.size())];
        if (parts > 1 || pick(5) == 0) target += "/";
      }
      if (target.empty()) target = "..";
      fs->link((in.empty() ? "" : in + "/") + name, target);
      links.emplace_back((in.empty() ? "" : in + "/") + name, target);
      // The names of links are known at the top as well, so that links lead through links.
      if (pick(2) == 0 && !in.empty()) fs->link(name, "/" + in + "/" + name);
    }
    FakeDisk disk;
    disk.add(fs);
    const auto tree = disk.tree();
    const NodeId top = at(*tree, "p1").value().node;
    for (const auto& [path, target] : links) {
      Mounted mounted{*tree, top};
      int count = 0;
      const auto seen = mounted.follow(top, path, count);
      EXPECT_FALSE(mounted.escaped) << path << " -> " << target;
      const auto truth = resolve(tree->views(), top, path);
      ASSERT_EQ(bool(seen), bool(truth)) << path << " -> " << target;
      if (seen) {
        ++resolved;
        EXPECT_EQ(seen.value().node, truth.value().node) << path << " -> " << target;
      } else {
        EXPECT_EQ(seen.error().code, truth.error().code) << path << " -> " << target;
      }
    }
    EXPECT_EQ(tree->links_known(), 0U);
  }
  EXPECT_GT(resolved, 400U);
}

}  // namespace
}  // namespace imgfs
