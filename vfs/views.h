#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "vfs/directory_check.h"
#include "vfs/tree.h"

namespace imgfs {

constexpr unsigned kSlotBits = 56;  ///< a node id's low bits: the inode
constexpr std::uint64_t kInodeMask = (std::uint64_t{1} << kSlotBits) - 1;
constexpr std::uint8_t kOwnSlot = 0;     ///< the tree's own nodes
constexpr std::uint8_t kLinkSlot = 255;  ///< contained symbolic links
constexpr std::uint8_t kLastViewSlot = 254;

constexpr std::uint8_t slot_of(NodeId node) { return static_cast<std::uint8_t>(node >> kSlotBits); }
constexpr std::uint64_t inode_of(NodeId node) { return node & kInodeMask; }
constexpr NodeId node_of(std::uint8_t slot, std::uint64_t inode) {
  return std::uint64_t{slot} << kSlotBits | inode;
}

/// A file system as it is seen at one place of the tree: a volume's directory, /root, or laid over
/// a directory of another view.
struct View {
  enum class Case { exact, ignored };

  FileSystemPtr file_system;
  std::size_t volume = 0;    ///< index into Tree::volumes()
  std::uint64_t root = 0;    ///< inode of the directory that is seen as its root
  Case names = Case::exact;  ///< how lookups compare
  NodeId over = 0;           ///< the directory over which it is laid; 0 where it is a top

  struct Mount {
    std::uint64_t point;  ///< inode of a directory here
    std::uint8_t slot;    ///< the view that is laid over it
  };
  std::vector<Mount> mounts;

  struct Drive {
    std::string name;   ///< "D:"
    std::uint8_t slot;  ///< the view that is found under that name in the root
  };
  std::vector<Drive> drives{};  ///< not listed, only found; the case of names does not matter
};

/// An entry under the name by which the tree shows it. Valid only during the visitor's call.
struct ShownEntry {
  std::string_view name;
  NodeId node;  ///< mounts crossed; 0 where the inode number is none that can be
  std::uint64_t inode;  ///< as the directory stores it
  FileType type;
  std::uint64_t next_cookie;
  bool twin;  ///< leads to a directory that is listed before in the same one
};

/// All views of a tree and the steps in them: names that no path can hold are coded, mounts are
/// crossed, and each directory is entered only from the one that it names as its parent, so that
/// each has exactly one path. Filled first; then constant and safe for any number of threads.
class Views {
 public:
  /// `uid`, `gid`: owner of what has no owner of its own.
  Views(std::uint32_t uid, std::uint32_t gid)
      : uid_(uid), gid_(gid), views_(1), check_(std::make_unique<DirectoryCheck>()) {}

  /// Adds a top; too_large where no slot is left.
  Result<std::uint8_t> add(View view);
  /// Lays `view` over the directory `point`.
  Result<std::uint8_t> lay_over(NodeId point, View view);

  /// Adds a view whose root's parent is the root of the top `slot`, and names that lead to it from there.
  Result<std::uint8_t> add_drive(std::uint8_t slot, View view);
  void name_drive(std::uint8_t slot, std::string name, std::uint8_t drive);

  bool has(NodeId node) const { return slot_of(node) != kOwnSlot && slot_of(node) < views_.size(); }
  const View& view(NodeId node) const { return views_[slot_of(node)]; }
  NodeId root(std::uint8_t slot) const { return node_of(slot, views_[slot].root); }
  /// The root of the view at the bottom of all that is laid over: what links of `node` see as "/".
  NodeId top(NodeId node) const;
  std::size_t slots_left() const { return kLastViewSlot + 1U - views_.size(); }

  Result<Attributes> stat(NodeId node) const;
  /// st_ino: as stored, but for views that are laid over others.
  std::uint64_t shown_inode(NodeId node) const {
    return node != 0 && view(node).over != 0 ? node : inode_of(node);
  }
  Result<Found> child(NodeId directory, std::string_view name) const;
  /// A top is its own parent.
  Result<NodeId> parent(NodeId directory) const;
  Result<void> list(NodeId directory, std::uint64_t cookie,
                    FunctionRef<bool(const ShownEntry&)> visit) const;
  /// Attributes of an entry of `directory`, checked as `child` does.
  Result<Attributes> entry_attributes(NodeId directory, const ShownEntry& entry) const;
  /// The stored target, up to the first NUL; corrupt where the kernel could not take it.
  Result<std::string> stored_link(NodeId node) const;

 private:
  Result<std::uint64_t> find(NodeId directory, std::string_view name) const;
  Result<std::uint64_t> find_coded(NodeId directory, std::string_view name) const;
  Result<void> check_home(NodeId directory, std::uint64_t inode) const;
  Result<bool> is_twin(NodeId directory, std::string_view name) const;
  NodeId cross(NodeId node) const;
  /// The root of the drive `name` of the top `directory`; 0 where there is none.
  NodeId drive(NodeId directory, std::string_view name) const;
  void show(Attributes& attributes, NodeId node) const;

  std::uint32_t uid_;
  std::uint32_t gid_;
  std::vector<View> views_;  ///< by slot; the first is not used
  std::unique_ptr<DirectoryCheck> check_;
};

}  // namespace imgfs
