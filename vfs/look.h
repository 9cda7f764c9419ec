#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vfs/walk.h"

namespace imgfs {

/// Looks for files below one directory by path, as after a chroot there. What cannot be read counts as
/// absent: for evidence, not for answers.
class Look {
 public:
  Look(const Views& views, NodeId root) : views_(views), root_(root) {}

  NodeId root() const { return root_; }
  bool is_directory(std::string_view path) const {
    const auto found = resolve(views_, root_, path);
    return found && found.value().attributes.type == FileType::directory;
  }
  bool is_file(std::string_view path) const {
    const auto found = resolve(views_, root_, path);
    return found && found.value().attributes.type == FileType::regular;
  }
  /// Anything of that name, a dangling link as well.
  bool exists(std::string_view path) const {
    return static_cast<bool>(resolve(views_, root_, path, Follow::all_but_last));
  }
  std::optional<NodeId> directory(std::string_view path) const;
  /// The text of a regular file of at most 1 MiB.
  std::optional<std::string> text(std::string_view path) const;
  /// Up to 1000 names in a directory, sorted.
  std::vector<std::string> names(std::string_view path) const;

 private:
  const Views& views_;
  NodeId root_;
};

}  // namespace imgfs
