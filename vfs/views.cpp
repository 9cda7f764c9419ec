#include "vfs/views.h"

#include <algorithm>
#include <string>

#include "vfs/names.h"

namespace imgfs {

namespace {

constexpr std::size_t kLongestLink = 4095;  ///< bytes: the kernel's PATH_MAX without its NUL

Error no_such_entry() { return {Errc::not_found, "no such entry"}; }

Result<std::uint64_t> checked(std::uint64_t inode) {
  if (inode > kInodeMask) return corrupt("inode number above 2^56");
  return inode;
}

}  // namespace

Result<std::uint8_t> Views::add(View view) {
  if (slots_left() == 0) return Error{Errc::too_large, "more than 254 file systems"};
  TRY(checked(view.root));
  views_.push_back(std::move(view));
  return static_cast<std::uint8_t>(views_.size() - 1);
}

Result<std::uint8_t> Views::lay_over(NodeId point, View view) {
  view.over = point;
  const std::uint8_t slot = TRY(add(std::move(view)));
  views_[slot_of(point)].mounts.push_back({inode_of(point), slot});
  return slot;
}

Result<std::uint8_t> Views::add_drive(std::uint8_t slot, View view) {
  view.over = root(slot);
  return add(std::move(view));
}

void Views::name_drive(std::uint8_t slot, std::string name, std::uint8_t drive) {
  views_[slot].drives.push_back({std::move(name), drive});
}

NodeId Views::drive(NodeId directory, std::string_view name) const {
  const View& at = view(directory);
  if (at.drives.empty() || inode_of(directory) != at.root) return 0;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (const View::Drive& drive : at.drives)
    if (std::ranges::equal(drive.name, name, {}, lower, lower)) return root(drive.slot);
  return 0;
}

NodeId Views::top(NodeId node) const {
  while (view(node).over != 0) node = view(node).over;
  return root(slot_of(node));
}

NodeId Views::cross(NodeId node) const {
  // Bounded: a view is laid only over those before it.
  for (bool crossed = true; crossed;) {
    crossed = false;
    const auto& mounts = view(node).mounts;
    for (auto mount = mounts.rbegin(); mount != mounts.rend() && !crossed; ++mount) {
      if (mount->point != inode_of(node)) continue;
      node = root(mount->slot);
      crossed = true;
    }
  }
  return node;
}

void Views::show(Attributes& attributes, NodeId node) const {
  if (attributes.owned_by_mounter) {
    attributes.uid = uid_;
    attributes.gid = gid_;
  }
  // Two file systems of one tree may use the same numbers; under /root that would look like hard
  // links or loops. See docs/decisions/vfs-inode-numbers.md.
  if (view(node).over != 0) attributes.inode = node;
}

Result<Attributes> Views::stat(NodeId node) const {
  Attributes attributes = TRY(view(node).file_system->stat(inode_of(node)));
  show(attributes, node);
  return attributes;
}

Result<std::uint64_t> Views::find_coded(NodeId directory, std::string_view name) const {
  const auto code = parse_name_code(name);
  if (!code) return no_such_entry();
  const View& at = view(directory);
  const auto irregular =
      TRY(check_->check(*at.file_system, inode_of(directory), directory));
  std::uint64_t cookie = code->name ? 0 : code->cookie;
  std::optional<std::uint64_t> found;
  const auto visit = [&](const DirectoryEntry& entry) {
    const bool second =
        irregular && std::ranges::binary_search(irregular->second_names, cookie);
    const bool coded = second || !is_plain_name(entry.name);
    const std::string shown = !coded ? std::string()
                              : second ? place_code(cookie)
                                       : name_code(entry.name, cookie);
    if (shown == name) found = entry.inode;
    cookie = entry.next_cookie;
    return !found && code->name;
  };
  const auto listed = at.file_system->read_directory(inode_of(directory), cookie, visit);
  if (found) return *found;
  if (!listed) return listed.error();
  return no_such_entry();
}

Result<std::uint64_t> Views::find(NodeId directory, std::string_view name) const {
  if (!is_plain_name(name)) return find_coded(directory, name);
  const View& at = view(directory);
  auto found = at.file_system->lookup(inode_of(directory), name);
  if (!found && found.error().code == Errc::not_found && at.names == View::Case::ignored)
    return at.file_system->lookup_ignoring_case(inode_of(directory), name);
  return found;
}

Result<void> Views::check_home(NodeId directory, std::uint64_t inode) const {
  const View& at = view(directory);
  if (inode == at.root || inode == at.file_system->root())
    return corrupt("the file system's root is listed as an entry");
  const std::uint64_t home = TRY(at.file_system->parent(inode));
  if (home != inode_of(directory))
    return corrupt("directory " + std::to_string(inode) + " is listed in directory " +
                   std::to_string(inode_of(directory)) + ", but its parent is " +
                   std::to_string(home));
  return success();
}

Result<bool> Views::is_twin(NodeId directory, std::string_view name) const {
  const FileSystem& fs = *view(directory).file_system;
  const auto irregular = TRY(check_->check(fs, inode_of(directory), directory));
  if (!irregular || irregular->twins.empty()) return false;
  bool twin = false;
  const auto listed = list(directory, 0, [&](const ShownEntry& entry) {
    if (entry.name != name) return true;
    twin = entry.twin;
    return false;
  });
  return twin || !listed;
}

Result<Found> Views::child(NodeId directory, std::string_view name) const {
  const auto listed = find(directory, name);
  if (!listed && listed.error().code == Errc::not_found)
    if (const NodeId root = drive(directory, name); root != 0) return Found{root, TRY(stat(root))};
  const std::uint64_t inode = TRY(listed);
  TRY(checked(inode));
  NodeId node = node_of(slot_of(directory), inode);
  Attributes attributes = TRY(stat(node));
  if (attributes.type != FileType::directory) return Found{node, attributes};
  TRY(check_home(directory, inode));
  if (TRY(is_twin(directory, name)))
    return corrupt("directory " + std::to_string(inode) + " is listed twice");
  if (const NodeId crossed = cross(node); crossed != node) {
    node = crossed;
    attributes = TRY(stat(node));
  }
  return Found{node, attributes};
}

Result<NodeId> Views::parent(NodeId directory) const {
  for (NodeId node = directory;;) {
    const View& at = view(node);
    if (inode_of(node) != at.root) {
      const std::uint64_t home = TRY(at.file_system->parent(inode_of(node)));
      TRY(checked(home));
      return node_of(slot_of(node), home);
    }
    if (at.over == 0) return node;
    node = at.over;
  }
}

Result<void> Views::list(NodeId directory, std::uint64_t cookie,
                         FunctionRef<bool(const ShownEntry&)> visit) const {
  const View& at = view(directory);
  const auto irregular =
      TRY(check_->check(*at.file_system, inode_of(directory), directory));
  std::string code;
  const auto show_entry = [&](const DirectoryEntry& entry) {
    ShownEntry shown{entry.name, 0, entry.inode, entry.type, entry.next_cookie, false};
    bool second = false;
    if (irregular) {
      second = std::ranges::binary_search(irregular->second_names, cookie);
      shown.twin = std::ranges::binary_search(irregular->twins, cookie);
    }
    if (second || !is_plain_name(entry.name)) {
      code = second ? place_code(cookie) : name_code(entry.name, cookie);
      shown.name = code;
    }
    if (entry.inode <= kInodeMask) {
      shown.node = node_of(slot_of(directory), entry.inode);
      if (!at.mounts.empty() && !shown.twin) shown.node = cross(shown.node);
    }
    cookie = entry.next_cookie;
    return visit(shown);
  };
  return at.file_system->read_directory(inode_of(directory), cookie, show_entry);
}

Result<Attributes> Views::entry_attributes(NodeId directory, const ShownEntry& entry) const {
  TRY(checked(entry.inode));
  const Attributes attributes = TRY(stat(entry.node));
  if (attributes.type == FileType::directory) {
    if (entry.twin) return corrupt("a directory is listed twice");
    TRY(check_home(directory, entry.inode));
  }
  return attributes;
}

Result<std::string> Views::stored_link(NodeId node) const {
  std::string text = TRY(view(node).file_system->read_link(inode_of(node)));
  if (const auto end = text.find('\0'); end != std::string::npos) text.resize(end);
  if (text.empty()) return corrupt("symbolic link with an empty target");
  if (text.size() > kLongestLink)
    return corrupt("symbolic link of " + std::to_string(text.size()) + " bytes (at most 4095)");
  return text;
}

}  // namespace imgfs
