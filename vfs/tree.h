#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "drivers/image_format.h"
#include "vfs/guests.h"
#include "volumes/volume.h"

namespace imgfs {

/// A node of the mounted tree: 8 bits of volume, 56 bits of inode. 1 is the tree's own root. The same
/// after a remount, but for contained symbolic links, which live until they are forgotten.
using NodeId = std::uint64_t;
constexpr NodeId kRootNode = 1;

enum class Links { contained, raw };
enum class ReportForm { text, json };

struct TreeOptions {
  Links links = Links::contained;
  Recovery recovery = Recovery::log;
  bool report = true;         ///< whether /.import-report is there
  std::uint32_t uid = 0;      ///< the mounting user: owner of what has no owner of its own
  std::uint32_t gid = 0;
  /// Makes the report's text; called at most once for each form, at the first open.
  std::function<Result<std::string>(ReportForm)> make_report;
};

/// A volume and the file system on it.
struct TreeVolume {
  Volume volume;
  FileSystemPtr file_system;  ///< null where there is none that can be read
  std::string type;           ///< as the report's "type": "ext4", "swap", "luks", …, "unknown"
  std::string label;
  std::string uuid;
  std::string directory;      ///< in the tree; empty where it has none
  std::string raw_name;       ///< of its bytes in /.raw; empty where they cannot be had
  std::string problem;        ///< why it has no directory, or what is wrong; empty where all is well
};

struct Found {
  NodeId node;
  Attributes attributes;
};

struct TreeEntry {
  std::string_view name;
  NodeId node;        ///< 0 where attributes were not asked for
  std::uint64_t inode;
  FileType type;
  const Attributes* attributes;  ///< null where not asked for, or where they cannot be read
  std::uint64_t next_cookie;
};

/// The image as one tree of files, as INTERFACE section 2 says. Safe for any number of threads.
class Tree {
 public:
  virtual ~Tree() = default;

  virtual const ImageInfo& image() const = 0;
  virtual const BlockDevice& disk() const = 0;
  virtual const VolumeTable& table() const = 0;
  virtual const std::vector<TreeVolume>& volumes() const = 0;
  /// All installed systems that were found, and which of them /root shows.
  virtual const std::vector<InstalledGuest>& guests() const = 0;
  virtual std::optional<std::size_t> guest() const = 0;

  /// Each success counts one reference to the node, until `forget`.
  virtual Result<Found> lookup(NodeId directory, std::string_view name) const = 0;
  virtual void forget(NodeId node, std::uint64_t count) const = 0;
  virtual Result<Attributes> stat(NodeId node) const = 0;
  /// Without "." and "..". With attributes, each entry that the visitor accepts counts a reference.
  enum class Listing { names, attributes };
  virtual Result<void> read_directory(NodeId directory, std::uint64_t cookie, Listing listing,
                                      FunctionRef<bool(const TreeEntry&)> visit) const = 0;
  virtual Result<NodeId> parent(NodeId directory) const = 0;
  virtual Result<std::string> read_link(NodeId node) const = 0;
  /// Called at a file's open: makes the report where it is one. Nothing to do for others.
  virtual Result<void> open(NodeId node) const = 0;
  virtual Result<std::size_t> read(NodeId node, std::uint64_t offset,
                                   std::span<std::byte> out) const = 0;
  virtual Result<Location> locate(NodeId node, std::uint64_t offset, std::uint64_t length) const = 0;
  enum class Seek { data, hole };
  virtual Result<std::uint64_t> seek(NodeId node, std::uint64_t offset, Seek whence) const = 0;
  virtual Result<SpaceUsage> usage(NodeId node) const = 0;
  virtual Result<std::vector<std::string>> list_attributes(NodeId node) const = 0;
  virtual Result<std::string> attribute(NodeId node, std::string_view name) const = 0;

  /// True for the report's files: their attributes must not be cached before they are computed.
  virtual bool is_report(NodeId node) const = 0;
  /// True where the node's file system has no extended attributes at all.
  virtual bool without_attributes(NodeId node) const = 0;
};

/// Joins volumes and file systems of an open image under one root. Fails only where the image's
/// bytes cannot be read at all; whatever else is damaged is said in the volumes' problems.
Result<std::shared_ptr<Tree>> open_tree(Image image, TreeOptions options);

}  // namespace imgfs
