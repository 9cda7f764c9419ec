#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include "tests/vfs/fake_tree.h"

namespace imgfs {
namespace {

using namespace test;
using testing::ElementsAre;

TreeOptions with_report(std::atomic<int>& calls) {
  TreeOptions options;
  options.uid = 1000;
  options.gid = 1001;
  options.make_report = [&calls](ReportForm form) -> Result<std::string> {
    ++calls;
    return std::string(form == ReportForm::text ? "text report\n" : "{}\n");
  };
  return options;
}

TEST(Tree, RootShowsWhatInterfaceSays) {
  std::atomic<int> calls = 0;
  FakeDisk disk;
  disk.add(std::make_shared<FakeFileSystem>());
  disk.add(nullptr);
  disk.add(std::make_shared<FakeFileSystem>(), "cl-root");
  const auto tree = disk.tree(with_report(calls));
  EXPECT_THAT(names(*tree, kRootNode),
              ElementsAre(".import-report", ".import-report.json", ".raw", "p1", "cl-root"));
  EXPECT_THAT(names(*tree, at(*tree, ".raw").value().node),
              ElementsAre("disk", "p1", "p2", "cl-root"));
  const auto raw = at(*tree, ".raw/p2").value();
  EXPECT_EQ(raw.attributes.size, 4096U);
  EXPECT_EQ(raw.attributes.permissions, 0444);
  EXPECT_EQ(raw.attributes.uid, 1000U);
  EXPECT_EQ(at(*tree, "").value().attributes.links, 5U);
  EXPECT_EQ(tree->parent(at(*tree, "p1").value().node).value(), kRootNode);
  EXPECT_EQ(at(*tree, "p9").error().code, Errc::not_found);
  EXPECT_EQ(tree->lookup(raw.node, "x").error().code, Errc::not_directory);
  EXPECT_EQ(calls, 0);
}

TEST(Tree, WithoutReport) {
  FakeDisk disk;
  TreeOptions options;
  options.report = false;
  EXPECT_THAT(names(*disk.tree(options), kRootNode), ElementsAre(".raw"));
}

TEST(Tree, ReportIsMadeOnceAtTheFirstOpen) {
  std::atomic<int> calls = 0;
  FakeDisk disk;
  const auto tree = disk.tree(with_report(calls));
  const auto report = at(*tree, ".import-report").value();
  EXPECT_TRUE(tree->is_report(report.node));
  EXPECT_EQ(report.attributes.size, 0U);
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] { EXPECT_TRUE(tree->open(report.node)); });
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(tree->stat(report.node).value().size, 12U);
  std::array<std::byte, 100> bytes{};
  EXPECT_EQ(tree->read(report.node, 5, bytes).value(), 7U);
  EXPECT_EQ(as_chars(std::span(bytes).first(7)), "report\n");
}

TEST(Tree, CookiesGoOnWhereAListingStopped) {
  auto fs = std::make_shared<FakeFileSystem>();
  for (int i = 0; i < 5; ++i) fs->file("f" + std::to_string(i), "0123456789abcdefghijABC");
  FakeDisk disk;
  disk.add(fs);
  const auto tree = disk.tree();
  for (const NodeId directory : {kRootNode, at(*tree, "p1").value().node}) {
    std::vector<std::string> all = names(*tree, directory);
    std::vector<std::string> one_by_one;
    std::uint64_t cookie = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      int seen = 0;
      ASSERT_TRUE(tree->read_directory(directory, cookie, Tree::Listing::attributes,
                                       [&](const TreeEntry& entry) {
                                         if (seen++ == 1) return false;
                                         one_by_one.emplace_back(entry.name);
                                         cookie = entry.next_cookie;
                                         EXPECT_NE(entry.attributes, nullptr);
                                         return true;
                                       }));
    }
    EXPECT_EQ(one_by_one, all);
  }
  const NodeId file = at(*tree, "p1/f3").value().node;
  EXPECT_EQ(tree->seek(file, 0, Tree::Seek::hole).value(), 10U);
  EXPECT_EQ(tree->seek(file, 12, Tree::Seek::data).value(), 20U);
  EXPECT_EQ(tree->seek(file, 20, Tree::Seek::hole).value(), 23U);
  EXPECT_EQ(tree->seek(file, 23, Tree::Seek::data).error().code, Errc::no_more_data);
}

TEST(Tree, OwnerOfWhatHasNone) {
  auto fs = std::make_shared<FakeFileSystem>();
  fs->own_by_mounter();
  FakeDisk disk;
  disk.add(fs);
  EXPECT_EQ(at(*disk.tree(), "p1").value().attributes.uid, 1000U);
}

/// A few blocks can be a directory of millions of entries: what is looked up in it costs no more
/// memory or time than there is.
TEST(Tree, DirectoriesInWhichTooMuchIsListedTwiceAreErrors) {
  auto fs = std::make_shared<FakeFileSystem>();
  const std::uint64_t file = fs->file("few/name");
  const std::uint64_t few = fs->directory("few");
  for (int i = 0; i < 1000; ++i) fs->entry(few, "name", file);
  const std::uint64_t many = fs->directory("many");
  for (int i = 0; i < 40000; ++i) fs->entry(many, "name", file);
  const std::uint64_t pairs = fs->directory("pairs");
  for (int i = 0; i < 300000; ++i) fs->entry(pairs, std::to_string(i / 2), file);
  const std::uint64_t large = fs->directory("large");
  for (int i = 0; i < 300000; ++i) fs->entry(large, std::to_string(i % 299999), file);
  FakeDisk disk;
  disk.add(fs);
  const auto tree = disk.tree();
  const auto list = [&](const char* path) {
    return tree->read_directory(at(*tree, path).value().node, 0, Tree::Listing::names,
                                [](const TreeEntry&) { return true; });
  };
  EXPECT_TRUE(list("p1/few"));
  EXPECT_EQ(names(*tree, at(*tree, "p1/few").value().node).size(), 1001U);
  EXPECT_EQ(list("p1/many").error().code, Errc::corrupt);
  EXPECT_EQ(list("p1/pairs").error().code, Errc::corrupt);
  EXPECT_EQ(names(*tree, at(*tree, "p1/large").value().node).size(), 300000U);
}

/// Names that no path can hold.
TEST(Tree, NoEntryIsLostAndNoneHidesAnother) {
  auto fs = std::make_shared<FakeFileSystem>();
  const auto good = fs->file("twice", "first");
  std::vector<std::uint64_t> others;
  for (const std::string& name :
       {std::string("twice"), std::string(), std::string("."), std::string(".."),
        std::string("a/b"), std::string("a\0b", 3), std::string(".bad-name.612f62"),
        std::string("a/b"), std::string(2000, 'x')}) {
    others.push_back(fs->file("x", name));
    fs->node(2).entries.back().first = name;
  }
  FakeDisk disk;
  disk.add(fs);
  const auto tree = disk.tree();
  const NodeId directory = at(*tree, "p1").value().node;
  const auto listed = names(*tree, directory);
  EXPECT_THAT(listed, ElementsAre("twice", ".bad-name.@1", ".bad-name.", ".bad-name.2e",
                                  ".bad-name.2e2e", ".bad-name.612f62", ".bad-name.610062",
                                  ".bad-name.2e6261642d6e616d652e363132663632", ".bad-name.@8",
                                  ".bad-name.@9"));
  EXPECT_EQ(tree->lookup(directory, "twice").value().attributes.inode, good);
  for (std::size_t i = 0; i < others.size(); ++i) {
    const auto found = tree->lookup(directory, listed[i + 1]);
    ASSERT_TRUE(found) << listed[i + 1];
    EXPECT_EQ(found.value().attributes.inode, others[i]) << listed[i + 1];
  }
  for (const char* name : {".bad-name.@0", ".bad-name.@7", ".bad-name.@99", ".bad-name.2f", "", ".", "..", "a/b"})
    EXPECT_EQ(tree->lookup(directory, name).error().code, Errc::not_found) << name;
}

TEST(Tree, DirectoriesAreRealOnlyWhereTheirParentPointerSays) {
  for (const bool types : {true, false}) {
    auto fs = std::make_shared<FakeFileSystem>();
    const auto home = fs->directory("a/home");
    const auto other = fs->directory("b");
    fs->entry(other, "elsewhere", home);     // second place
    fs->entry(home, "up", fs->directory("a"));  // cycle
    fs->entry(home, "root", 2);
    fs->entry(2, "self", 2);
    fs->entry(fs->directory("a"), "again", home);  // a second name in its real parent
    if (!types) fs->without_types();
    FakeDisk disk;
    disk.add(fs);
    const auto tree = disk.tree();
    EXPECT_EQ(at(*tree, "p1/a/home").value().attributes.inode, home);
    for (const char* path : {"p1/b/elsewhere", "p1/a/home/up", "p1/a/home/root", "p1/self", "p1/a/again"}) {
      EXPECT_EQ(at(*tree, path).error().code, Errc::corrupt) << path;
      const std::string_view whole = path;
      const auto slash = whole.rfind('/');
      bool listed = false;
      ASSERT_TRUE(tree->read_directory(at(*tree, whole.substr(0, slash)).value().node, 0,
                                       Tree::Listing::attributes, [&](const TreeEntry& entry) {
                                         if (entry.name != whole.substr(slash + 1)) return true;
                                         listed = true;
                                         EXPECT_EQ(entry.node, 0U) << path;
                                         EXPECT_EQ(entry.attributes, nullptr) << path;
                                         return true;
                                       }));
      EXPECT_TRUE(listed) << path;
    }
  }
}

TEST(Tree, ADirectoryIsCheckedOnce) {
  auto fs = std::make_shared<FakeFileSystem>();
  for (int i = 0; i < 100; ++i) fs->directory("d" + std::to_string(i));
  FakeDisk disk;
  disk.add(fs);
  const auto tree = disk.tree();
  fs->listings = 0;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(at(*tree, "p1/d" + std::to_string(i)));
  EXPECT_EQ(fs->listings, 1U);
}

TEST(Tree, DamagedEntriesAreListedAndFail) {
  auto fs = std::make_shared<FakeFileSystem>();
  fs->node(fs->file("broken")).damaged = true;
  fs->entry(2, "far", std::uint64_t{1} << 60);
  fs->file("fine");
  FakeDisk disk;
  disk.add(fs);
  const auto tree = disk.tree();
  EXPECT_THAT(names(*tree, at(*tree, "p1").value().node), ElementsAre("broken", "far", "fine"));
  EXPECT_EQ(at(*tree, "p1/broken").error().code, Errc::corrupt);
  EXPECT_EQ(at(*tree, "p1/far").error().code, Errc::corrupt);
}

TEST(Tree, AttributesOfItsOwnNodes) {
  FakeDisk disk;
  disk.add(std::make_shared<FakeFileSystem>());
  const auto tree = disk.tree();
  EXPECT_TRUE(tree->without_attributes(kRootNode));
  EXPECT_EQ(tree->attribute(kRootNode, "user.x").error().code, Errc::no_attribute);
  const NodeId volume = at(*tree, "p1").value().node;
  EXPECT_FALSE(tree->without_attributes(volume));
  EXPECT_EQ(tree->attribute(volume, "user.x").value(), "value");
  EXPECT_EQ(tree->usage(volume).value().blocks, 100U);
  EXPECT_EQ(tree->usage(kRootNode).value().blocks, 16U);
  EXPECT_FALSE(tree->stat(node_of(9, 1)));
  EXPECT_FALSE(tree->stat(node_of(kLinkSlot, 1)));
  EXPECT_FALSE(tree->stat(0));
}

}  // namespace
}  // namespace imgfs
