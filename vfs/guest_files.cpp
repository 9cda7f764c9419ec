#include "vfs/guest_files.h"

#include <algorithm>

#include "vfs/joined_tree.h"
#include "vfs/walk.h"

namespace imgfs {

namespace {

class ViewFiles final : public GuestFiles {
 public:
  /// `root` 0: nothing there can be read, for the reason `problem`.
  ViewFiles(const Views* views, NodeId root, std::string shown_root, std::string problem)
      : views_(views), root_(root), shown_root_(std::move(shown_root)),
        problem_(std::move(problem)) {}

  Result<Attributes> stat(std::string_view path, LastLink last) const override {
    const Found found = TRY(find(path, last == LastLink::keep ? Follow::all_but_last : Follow::last));
    return found.attributes;
  }

  Result<std::string> read_text(std::string_view path, std::size_t limit) const override {
    const Found found = TRY(regular(path));
    if (found.attributes.size > limit)
      return Error{Errc::too_large, std::to_string(found.attributes.size) + " bytes (at most " +
                                        std::to_string(limit) + ")"};
    std::string text(static_cast<std::size_t>(found.attributes.size), '\0');
    const std::size_t length = TRY(read_node(found.node, 0, std::as_writable_bytes(std::span(text))));
    text.resize(length);
    return text;
  }

  Result<std::size_t> read(std::string_view path, std::uint64_t offset,
                           std::span<std::byte> out) const override {
    const Found found = TRY(regular(path));
    return read_node(found.node, offset, out);
  }

  Result<std::vector<std::string>> list(std::string_view path, std::size_t limit) const override {
    const Found found = TRY(find(path, Follow::last));
    if (found.attributes.type != FileType::directory)
      return Error{Errc::not_directory, "not a directory"};
    std::vector<std::string> names;
    bool full = false;
    TRY(views_->list(found.node, 0, [&](const ShownEntry& entry) {
      full = names.size() >= limit;
      if (!full) names.emplace_back(entry.name);
      return !full;
    }));
    if (full)
      return Error{Errc::too_large, "more than " + std::to_string(limit) + " names in a directory"};
    std::ranges::sort(names);
    return names;
  }

  Result<std::string> read_link(std::string_view path) const override {
    const Found found = TRY(find(path, Follow::all_but_last));
    if (found.attributes.type != FileType::symlink)
      return Error{Errc::not_symlink, "not a symbolic link"};
    return views_->stored_link(found.node);
  }

  std::string shown(std::string_view path) const override {
    return shown_root_ + (path.starts_with('/') ? "" : "/") + std::string(path);
  }

 private:
  Result<Found> find(std::string_view path, Follow follow) const {
    if (root_ == 0) return unsupported(problem_);
    return resolve(*views_, root_, path, follow);
  }
  Result<Found> regular(std::string_view path) const {
    const Found found = TRY(find(path, Follow::last));
    if (found.attributes.type == FileType::directory)
      return Error{Errc::is_directory, "a directory"};
    if (found.attributes.type != FileType::regular)
      return Error{Errc::invalid, "not a regular file"};
    return found;
  }
  Result<std::size_t> read_node(NodeId node, std::uint64_t offset, std::span<std::byte> out) const {
    const FileSystem& fs = *views_->view(node).file_system;
    std::size_t done = 0;
    while (done < out.size()) {
      const std::size_t length = TRY(fs.read(inode_of(node), offset + done, out.subspan(done)));
      if (length == 0) break;
      done += length;
    }
    return done;
  }

  const Views* views_;
  NodeId root_;
  std::string shown_root_;
  std::string problem_;
};

std::unique_ptr<GuestFiles> unreadable(std::string shown_root, std::string problem) {
  return std::make_unique<ViewFiles>(nullptr, 0, std::move(shown_root), std::move(problem));
}

}  // namespace

std::unique_ptr<GuestFiles> guest_files(const Tree& tree, std::size_t guest) {
  const auto* joined = dynamic_cast<const JoinedTree*>(&tree);
  if (joined == nullptr || guest >= joined->guests().size())
    return unreadable("/root", "there is no such installed system");
  const InstalledGuest& system = joined->guests()[guest];
  const TreeVolume& volume = joined->volumes()[system.volume];
  const std::uint8_t slot = joined->parts().guest_slots[guest];
  // Only one system is at /root; others are seen through their volume's directory.
  std::string shown = "/root";
  if (joined->guest() != guest)
    shown = "/" + volume.volume.name +
            (system.subdirectory.empty() ? "" : "/" + system.subdirectory);
  if (slot == 0)
    return unreadable(std::move(shown), volume.problem.empty() ? "no file system that can be read"
                                                               : volume.problem);
  return std::make_unique<ViewFiles>(&joined->views(), joined->views().root(slot),
                                     std::move(shown), "");
}

std::unique_ptr<GuestFiles> volume_files(const Tree& tree, std::size_t volume) {
  const auto* joined = dynamic_cast<const JoinedTree*>(&tree);
  if (joined == nullptr || volume >= joined->volumes().size())
    return unreadable("/", "there is no such volume");
  const TreeVolume& from = joined->volumes()[volume];
  const std::uint8_t slot = joined->parts().volume_slots[volume];
  if (slot == 0) return unreadable("/" + from.volume.name, from.problem);
  return std::make_unique<ViewFiles>(&joined->views(), joined->views().root(slot),
                                     "/" + from.directory, "");
}

}  // namespace imgfs
