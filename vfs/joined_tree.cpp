#include "vfs/joined_tree.h"

#include <algorithm>
#include <ctime>

#include "vfs/seek.h"
#include "vfs/walk.h"

namespace imgfs {

namespace {

/// Inode numbers of the tree's own nodes, away from those of any file system.
constexpr std::uint64_t kOwnInodes = std::uint64_t{0xFF} << kSlotBits;
constexpr std::uint32_t kBlockSize = 4096;

Error no_such_node() { return {Errc::not_found, "no such node"}; }

Error not_a_directory() { return {Errc::not_directory, "not a directory"}; }

}  // namespace

JoinedTree::JoinedTree(TreeParts parts, TreeOptions options)
    : parts_(std::move(parts)),
      options_(std::move(options)),
      text_report_(options_, ReportForm::text),
      json_report_(options_, ReportForm::json) {
  opened_.seconds = std::time(nullptr);
  add_own_nodes(options_.report && options_.make_report != nullptr);
}

void JoinedTree::add_own_nodes(bool report) {
  own_.push_back({OwnNode::Kind::root});  // not a node: ids begin at 1
  const auto add = [this](std::vector<OwnEntry>& directory, std::string name, OwnNode node) {
    const bool file = node.kind == OwnNode::Kind::report || node.kind == OwnNode::Kind::device;
    directory.push_back(
        {std::move(name), own_.size(), file ? FileType::regular : FileType::directory});
    own_.push_back(std::move(node));
  };
  own_.push_back({OwnNode::Kind::root});  // kRootNode
  if (report) {
    add(root_entries_, ".import-report", {OwnNode::Kind::report, &text_report_, nullptr});
    add(root_entries_, ".import-report.json", {OwnNode::Kind::report, &json_report_, nullptr});
  }
  add(root_entries_, ".raw", {OwnNode::Kind::raw});
  add(raw_entries_, "disk", {OwnNode::Kind::device, nullptr, parts_.image.disk});
  for (std::size_t i = 0; i < parts_.volumes.size(); ++i) {
    const TreeVolume& volume = parts_.volumes[i];
    if (volume.volume.device != nullptr)
      add(raw_entries_, volume.raw_name, {OwnNode::Kind::device, nullptr, volume.volume.device});
    if (!volume.directory.empty())
      root_entries_.push_back({volume.directory, parts_.views.root(parts_.volume_slots[i]),
                               FileType::directory});
  }
  if (parts_.guest)
    root_entries_.push_back(
        {"root", parts_.views.root(parts_.guest_slots[*parts_.guest]), FileType::directory});
}

const JoinedTree::OwnNode* JoinedTree::own(NodeId node) const {
  return node != 0 && node < own_.size() ? &own_[static_cast<std::size_t>(node)] : nullptr;
}

const std::vector<JoinedTree::OwnEntry>* JoinedTree::own_entries(NodeId directory) const {
  const OwnNode* node = own(directory);
  if (node == nullptr) return nullptr;
  if (node->kind == OwnNode::Kind::root) return &root_entries_;
  return node->kind == OwnNode::Kind::raw ? &raw_entries_ : nullptr;
}

Attributes JoinedTree::own_attributes(NodeId node, const OwnNode& own) const {
  Attributes attributes;
  attributes.inode = kOwnInodes | node;
  attributes.uid = options_.uid;
  attributes.gid = options_.gid;
  attributes.block_size = kBlockSize;
  attributes.accessed = attributes.modified = attributes.changed = opened_;
  if (const auto* entries = own_entries(node)) {
    attributes.type = FileType::directory;
    attributes.permissions = 0555;
    attributes.links = 2 + static_cast<std::uint32_t>(std::ranges::count(
                               *entries, FileType::directory, &OwnEntry::type));
    return attributes;
  }
  attributes.type = FileType::regular;
  attributes.permissions = 0444;
  attributes.links = 1;
  if (own.report != nullptr) {
    attributes.size = own.report->size();
    attributes.blocks = attributes.size / 512 + (attributes.size % 512 != 0 ? 1 : 0);
  } else {
    // Below its size by a block at least: copying programs ask for holes only where a file may have some.
    attributes.size = own.device->size();
    const std::uint64_t stored = std::min(attributes.size, parts_.image.info.file_size);
    attributes.blocks = (stored - std::min<std::uint64_t>(stored, kBlockSize)) / 512;
  }
  return attributes;
}

Result<NodeId> JoinedTree::in_view(NodeId node) const {
  if (slot_of(node) == kLinkSlot) {
    const auto link = links_.find(node);
    if (!link) return no_such_node();
    return link->link.link;
  }
  if (!parts_.views.has(node)) return no_such_node();
  return node;
}

NodeId JoinedTree::acquire_link(NodeId directory, NodeId link, Attributes& attributes) const {
  auto [node, size] = links_.acquire({directory, link});
  if (size == 0) {
    const auto text = contained_link(parts_.views, directory, link);
    size = text ? text.value().size() : attributes.size;
    links_.set_size(node, size);
  }
  attributes.size = size;
  return node;
}

Result<Found> JoinedTree::lookup(NodeId directory, std::string_view name) const {
  if (const auto* entries = own_entries(directory)) {
    const auto entry = std::ranges::find(*entries, name, &OwnEntry::name);
    if (entry == entries->end()) return Error{Errc::not_found, "no such entry"};
    const Attributes attributes = TRY(stat(entry->node));
    return Found{entry->node, attributes};
  }
  if (!parts_.views.has(directory)) return own(directory) ? not_a_directory() : no_such_node();
  Found found = TRY(parts_.views.child(directory, name));
  if (found.attributes.type == FileType::symlink && options_.links == Links::contained)
    found.node = acquire_link(directory, found.node, found.attributes);
  return found;
}

void JoinedTree::forget(NodeId node, std::uint64_t count) const {
  if (slot_of(node) == kLinkSlot) links_.release(node, count);
}

Result<Attributes> JoinedTree::stat(NodeId node) const {
  if (const OwnNode* mine = own(node)) return own_attributes(node, *mine);
  const NodeId at = TRY(in_view(node));
  Attributes attributes = TRY(parts_.views.stat(at));
  if (slot_of(node) == kLinkSlot)
    if (const auto link = links_.find(node); link && link->size != 0) attributes.size = link->size;
  return attributes;
}

Result<void> JoinedTree::list_own(const std::vector<OwnEntry>& entries, std::uint64_t cookie,
                                  Listing listing,
                                  FunctionRef<bool(const TreeEntry&)> visit) const {
  for (std::size_t i = static_cast<std::size_t>(std::min<std::uint64_t>(cookie, entries.size()));
       i < entries.size(); ++i) {
    const OwnEntry& entry = entries[i];
    const auto attributes = stat(entry.node);
    TreeEntry shown{entry.name, 0, attributes ? attributes.value().inode : entry.node,
                    entry.type, nullptr, i + 1};
    if (listing == Listing::attributes && attributes) {
      shown.node = entry.node;
      shown.attributes = &attributes.value();
    }
    if (!visit(shown)) break;
  }
  return success();
}

bool JoinedTree::show_entry(NodeId directory, const ShownEntry& entry, Listing listing,
                            FunctionRef<bool(const TreeEntry&)> visit) const {
  TreeEntry shown{entry.name, 0, parts_.views.shown_inode(entry.node), entry.type,
                  nullptr, entry.next_cookie};
  if (listing == Listing::names) return visit(shown);
  auto attributes = parts_.views.entry_attributes(directory, entry);
  if (!attributes) return visit(shown);
  shown.node = entry.node;
  shown.attributes = &attributes.value();
  shown.inode = attributes.value().inode;
  shown.type = attributes.value().type;
  if (shown.type != FileType::symlink || options_.links == Links::raw) return visit(shown);
  shown.node = acquire_link(directory, entry.node, attributes.value());
  const bool accepted = visit(shown);
  if (!accepted) links_.release(shown.node, 1);
  return accepted;
}

Result<void> JoinedTree::read_directory(NodeId directory, std::uint64_t cookie, Listing listing,
                                        FunctionRef<bool(const TreeEntry&)> visit) const {
  if (const auto* entries = own_entries(directory))
    return list_own(*entries, cookie, listing, visit);
  if (!parts_.views.has(directory)) return own(directory) ? not_a_directory() : no_such_node();
  return parts_.views.list(directory, cookie, [&](const ShownEntry& entry) {
    return show_entry(directory, entry, listing, visit);
  });
}

Result<NodeId> JoinedTree::parent(NodeId directory) const {
  if (own(directory) != nullptr)
    return own_entries(directory) ? Result<NodeId>(kRootNode) : not_a_directory();
  if (!parts_.views.has(directory)) return no_such_node();
  const NodeId above = TRY(parts_.views.parent(directory));
  return above == directory ? kRootNode : above;
}

Result<std::string> JoinedTree::read_link(NodeId node) const {
  if (slot_of(node) == kLinkSlot) {
    const auto link = links_.find(node);
    if (!link) return no_such_node();
    return contained_link(parts_.views, link->link.directory, link->link.link);
  }
  if (!parts_.views.has(node)) return Error{Errc::not_symlink, "not a symbolic link"};
  if (options_.links == Links::contained) {
    // Links are known by their table's nodes only: this one's directory is not known.
    return Error{Errc::not_symlink, "not a symbolic link"};
  }
  return parts_.views.stored_link(node);
}

Result<void> JoinedTree::open(NodeId node) const {
  const OwnNode* mine = own(node);
  if (mine == nullptr || mine->report == nullptr) return success();
  return mine->report->open();
}

Result<std::size_t> JoinedTree::read(NodeId node, std::uint64_t offset,
                                     std::span<std::byte> out) const {
  if (const OwnNode* mine = own(node)) {
    if (mine->report != nullptr) return mine->report->read(offset, out);
    if (mine->device == nullptr) return Error{Errc::is_directory, "a directory"};
    const std::uint64_t size = mine->device->size();
    if (offset >= size) return std::size_t{0};
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size - offset));
    TRY(mine->device->read(offset, out.first(length)));
    return length;
  }
  if (!parts_.views.has(node)) return no_such_node();
  return parts_.views.view(node).file_system->read(inode_of(node), offset, out);
}

Result<Location> JoinedTree::locate(NodeId node, std::uint64_t offset,
                                    std::uint64_t length) const {
  if (const OwnNode* mine = own(node)) {
    if (mine->device != nullptr) {
      const std::uint64_t size = mine->device->size();
      if (offset >= size) return Error{Errc::invalid, "past the end"};
      return mine->device->locate(offset, std::min(length, size - offset));
    }
    if (mine->report == nullptr) return Error{Errc::is_directory, "a directory"};
    return Location{Location::Kind::decoded, length};
  }
  if (!parts_.views.has(node)) return no_such_node();
  return parts_.views.view(node).file_system->locate(inode_of(node), offset, length);
}

Result<std::uint64_t> JoinedTree::seek(NodeId node, std::uint64_t offset, Seek whence) const {
  if (const OwnNode* mine = own(node)) {
    if (mine->device != nullptr) return seek_device(*mine->device, offset, whence);
    if (mine->report == nullptr) return Error{Errc::is_directory, "a directory"};
    TRY(mine->report->open());
    const std::uint64_t size = mine->report->size();
    if (offset >= size) return Error{Errc::no_more_data, "seek past the end"};
    return whence == Seek::data ? offset : size;
  }
  if (!parts_.views.has(node)) return no_such_node();
  const Attributes attributes = TRY(parts_.views.stat(node));
  if (attributes.type != FileType::regular) return Error{Errc::invalid, "not a regular file"};
  return seek_file(*parts_.views.view(node).file_system, inode_of(node), attributes.size, offset,
                   whence);
}

Result<SpaceUsage> JoinedTree::usage(NodeId node) const {
  if (own(node) != nullptr) {
    SpaceUsage usage;
    usage.block_size = kBlockSize;
    usage.blocks = parts_.image.disk->size() / kBlockSize;
    return usage;
  }
  const NodeId at = TRY(in_view(node));
  return parts_.views.view(at).file_system->usage();
}

Result<std::vector<std::string>> JoinedTree::list_attributes(NodeId node) const {
  if (own(node) != nullptr) return std::vector<std::string>();
  const NodeId at = TRY(in_view(node));
  return parts_.views.view(at).file_system->list_attributes(inode_of(at));
}

Result<std::string> JoinedTree::attribute(NodeId node, std::string_view name) const {
  if (own(node) != nullptr) return Error{Errc::no_attribute, "no such attribute"};
  const NodeId at = TRY(in_view(node));
  return parts_.views.view(at).file_system->attribute(inode_of(at), name);
}

bool JoinedTree::is_report(NodeId node) const {
  const OwnNode* mine = own(node);
  return mine != nullptr && mine->report != nullptr;
}

bool JoinedTree::without_attributes(NodeId node) const {
  if (own(node) != nullptr) return true;
  const auto at = in_view(node);
  return at && parts_.views.view(at.value()).file_system->without_attributes();
}

}  // namespace imgfs
