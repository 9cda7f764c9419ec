#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vfs/link_table.h"
#include "vfs/report_file.h"
#include "vfs/tree.h"
#include "vfs/views.h"

namespace imgfs {

/// What a tree is made of, found before it exists.
struct TreeParts {
  Image image;
  VolumeTable table;
  std::vector<TreeVolume> volumes;
  std::vector<std::uint8_t> volume_slots;  ///< of each volume's view; 0 where it has none
  std::vector<InstalledGuest> guests;
  std::vector<std::uint8_t> guest_slots;  ///< of each guest's root view; 0 where it has none
  std::optional<std::size_t> guest;       ///< the one that /root shows
  Views views;
};

/// The tree over `TreeParts`; see Tree for what its functions do.
class JoinedTree final : public Tree {
 public:
  JoinedTree(TreeParts parts, TreeOptions options);

  const ImageInfo& image() const override { return parts_.image.info; }
  const BlockDevice& disk() const override { return *parts_.image.disk; }
  const VolumeTable& table() const override { return parts_.table; }
  const std::vector<TreeVolume>& volumes() const override { return parts_.volumes; }
  const std::vector<InstalledGuest>& guests() const override { return parts_.guests; }
  std::optional<std::size_t> guest() const override { return parts_.guest; }

  Result<Found> lookup(NodeId directory, std::string_view name) const override;
  void forget(NodeId node, std::uint64_t count) const override;
  Result<Attributes> stat(NodeId node) const override;
  Result<void> read_directory(NodeId directory, std::uint64_t cookie, Listing listing,
                              FunctionRef<bool(const TreeEntry&)> visit) const override;
  Result<NodeId> parent(NodeId directory) const override;
  Result<std::string> read_link(NodeId node) const override;
  Result<void> open(NodeId node) const override;
  Result<std::size_t> read(NodeId node, std::uint64_t offset,
                           std::span<std::byte> out) const override;
  Result<Location> locate(NodeId node, std::uint64_t offset, std::uint64_t length) const override;
  Result<std::uint64_t> seek(NodeId node, std::uint64_t offset, Seek whence) const override;
  Result<SpaceUsage> usage(NodeId node) const override;
  Result<std::vector<std::string>> list_attributes(NodeId node) const override;
  Result<std::string> attribute(NodeId node, std::string_view name) const override;
  bool is_report(NodeId node) const override;
  bool without_attributes(NodeId node) const override;

  const Views& views() const { return parts_.views; }
  const TreeParts& parts() const { return parts_; }
  std::size_t links_known() const { return links_.size(); }

 private:
  /// A node of the tree's own: directories, reports, raw disks.
  struct OwnNode {
    enum class Kind { root, raw, report, device };
    Kind kind;
    const ReportFile* report = nullptr;
    Device device{};
  };
  struct OwnEntry {
    std::string name;
    NodeId node;
    FileType type;
  };

  void add_own_nodes(bool report);
  const OwnNode* own(NodeId node) const;
  const std::vector<OwnEntry>* own_entries(NodeId directory) const;
  Attributes own_attributes(NodeId node, const OwnNode& own) const;
  Result<void> list_own(const std::vector<OwnEntry>& entries, std::uint64_t cookie,
                        Listing listing, FunctionRef<bool(const TreeEntry&)> visit) const;
  /// Shows one entry of a file system; false where the visitor refused it.
  bool show_entry(NodeId directory, const ShownEntry& entry, Listing listing,
                  FunctionRef<bool(const TreeEntry&)> visit) const;
  /// The node of a contained link, with one reference more; its size becomes that of its text.
  NodeId acquire_link(NodeId directory, NodeId link, Attributes& attributes) const;
  /// The node in its view: what a contained link stands for, others themselves; not_found where
  /// there is no such node.
  Result<NodeId> in_view(NodeId node) const;

  TreeParts parts_;
  TreeOptions options_;
  ReportFile text_report_;
  ReportFile json_report_;
  std::vector<OwnNode> own_;  ///< by node id
  std::vector<OwnEntry> root_entries_;
  std::vector<OwnEntry> raw_entries_;
  Timestamp opened_;
  mutable LinkTable links_;
};

}  // namespace imgfs
