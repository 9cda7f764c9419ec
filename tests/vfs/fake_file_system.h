#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file_system.h"

namespace imgfs::test {

/// A file system in memory that can be as wrong as a test needs it. Inodes from 2 (the root) on.
class FakeFileSystem final : public FileSystem {
 public:
  struct Node {
    FileType type = FileType::directory;
    std::vector<std::pair<std::string, std::uint64_t>> entries;
    std::uint64_t parent = 2;
    std::string content;  ///< bytes of a file, target of a link
    bool damaged = false;  ///< every call for it fails
  };

  explicit FakeFileSystem(std::string type = "fake") {
    info_.type = std::move(type);
    nodes_[2] = {};
  }

  // Building. Paths are relative to the root, without links; missing directories are made.
  std::uint64_t directory(std::string_view path) {
    std::uint64_t at = 2;
    while (!path.empty()) {
      const auto end = std::min(path.find('/'), path.size());
      const std::string name(path.substr(0, end));
      path.remove_prefix(std::min(end + 1, path.size()));
      const auto found = find(at, name);
      at = found != 0 ? found : add(at, name, {FileType::directory, {}, at, {}});
    }
    return at;
  }
  std::uint64_t file(std::string_view path, std::string content = {}) {
    return put(path, {FileType::regular, {}, 0, std::move(content)});
  }
  std::uint64_t link(std::string_view path, std::string target) {
    return put(path, {FileType::symlink, {}, 0, std::move(target)});
  }
  /// A further entry, whatever it leads to.
  void entry(std::uint64_t in, std::string name, std::uint64_t inode) {
    nodes_[in].entries.emplace_back(std::move(name), inode);
  }
  Node& node(std::uint64_t inode) { return nodes_[inode]; }
  FileSystemInfo& about() { return info_; }
  void ignore_case() { ignores_case_ = true; }
  void without_types() { types_ = false; }
  void own_by_mounter() { owned_ = true; }

  const FileSystemInfo& info() const override { return info_; }
  Result<SpaceUsage> usage() const override { return SpaceUsage{1024, 100, 50, 50, 20, 10}; }
  std::uint64_t root() const override { return 2; }

  Result<Attributes> stat(std::uint64_t inode) const override {
    const Node* node = TRY(at(inode));
    Attributes attributes;
    attributes.inode = inode;
    attributes.type = node->type;
    attributes.permissions = 0755;
    attributes.links = 1;
    attributes.uid = 7;
    attributes.size = node->content.size();
    attributes.owned_by_mounter = owned_;
    return attributes;
  }
  Result<std::uint64_t> lookup(std::uint64_t directory, std::string_view name) const override {
    const Node* node = TRY(in(directory));
    for (const auto& [entry, inode] : node->entries)
      if (entry == name) return inode;
    return Error{Errc::not_found, "no such entry"};
  }
  Result<std::uint64_t> lookup_ignoring_case(std::uint64_t directory,
                                             std::string_view name) const override {
    if (!ignores_case_) return lookup(directory, name);
    const Node* node = TRY(in(directory));
    for (const auto& [entry, inode] : node->entries)
      if (lower(entry) == lower(name)) return inode;
    return Error{Errc::not_found, "no such entry"};
  }
  Result<void> read_directory(std::uint64_t directory, std::uint64_t cookie,
                              EntryVisitor visit) const override {
    const Node* node = TRY(in(directory));
    ++listings;
    for (std::size_t i = static_cast<std::size_t>(cookie); i < node->entries.size(); ++i) {
      const auto& [name, inode] = node->entries[i];
      const auto known = nodes_.find(inode);
      const FileType type =
          types_ && known != nodes_.end() ? known->second.type : FileType::unknown;
      if (!visit({name, inode, type, i + 1})) break;
    }
    return success();
  }
  Result<std::uint64_t> parent(std::uint64_t directory) const override {
    const Node* node = TRY(in(directory));
    return node->parent;
  }
  Result<std::string> read_link(std::uint64_t inode) const override {
    const Node* node = TRY(at(inode));
    if (node->type != FileType::symlink) return Error{Errc::not_symlink, "no link"};
    return node->content;
  }
  Result<std::size_t> read(std::uint64_t inode, std::uint64_t offset,
                           std::span<std::byte> out) const override {
    const Node* node = TRY(at(inode));
    if (offset >= node->content.size()) return std::size_t{0};
    const std::size_t length =
        std::min<std::size_t>(out.size(), node->content.size() - static_cast<std::size_t>(offset));
    std::memcpy(out.data(), node->content.data() + offset, length);
    return length;
  }
  Result<Location> locate(std::uint64_t, std::uint64_t, std::uint64_t length) const override {
    return Location{Location::Kind::decoded, length};
  }
  Result<Extent> extent(std::uint64_t inode, std::uint64_t offset) const override {
    // Each 10 bytes are data or a hole by turns.
    TRY(at(inode));
    const std::uint64_t start = offset / 10 * 10;
    return Extent{start, 10, 0, start / 10 % 2 == 0 ? Extent::Kind::data : Extent::Kind::zero};
  }
  Result<std::vector<std::string>> list_attributes(std::uint64_t) const override {
    return std::vector<std::string>{"user.x"};
  }
  Result<std::string> attribute(std::uint64_t, std::string_view name) const override {
    if (name != "user.x") return Error{Errc::no_attribute, "none"};
    return std::string("value");
  }

  mutable std::size_t listings = 0;

 private:
  static std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
  }
  std::uint64_t find(std::uint64_t in, const std::string& name) const {
    for (const auto& [entry, inode] : nodes_.at(in).entries)
      if (entry == name) return inode;
    return 0;
  }
  std::uint64_t add(std::uint64_t in, std::string name, Node node) {
    const std::uint64_t inode = ++last_;
    nodes_[inode] = std::move(node);
    nodes_[in].entries.emplace_back(std::move(name), inode);
    return inode;
  }
  std::uint64_t put(std::string_view path, Node node) {
    const auto slash = path.rfind('/');
    const auto in = slash == std::string_view::npos ? 2 : directory(path.substr(0, slash));
    return add(in, std::string(slash == std::string_view::npos ? path : path.substr(slash + 1)),
               std::move(node));
  }
  Result<const Node*> at(std::uint64_t inode) const {
    const auto found = nodes_.find(inode);
    if (found == nodes_.end() || found->second.damaged) return corrupt("damaged inode");
    return &found->second;
  }
  Result<const Node*> in(std::uint64_t inode) const {
    const Node* node = TRY(at(inode));
    if (node->type != FileType::directory) return Error{Errc::not_directory, "no directory"};
    return node;
  }

  FileSystemInfo info_;
  std::map<std::uint64_t, Node> nodes_;
  std::uint64_t last_ = 10;
  bool ignores_case_ = false;
  bool types_ = true;
  bool owned_ = false;
};

}  // namespace imgfs::test
