#include "vfs/walk.h"

#include <algorithm>
#include <optional>

namespace imgfs {

namespace {

constexpr std::size_t kLongestTarget = 4095;  ///< bytes that the kernel takes of a link
constexpr std::size_t kDeepest = 4096;        ///< directories above a link

/// Takes the components of a path from its front.
class Components {
 public:
  explicit Components(std::string_view path) : rest_(path) {}

  /// The next component; nothing at the end.
  std::optional<std::string_view> next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of('/'), rest_.size()));
    if (rest_.empty()) return std::nullopt;
    const std::string_view component = rest_.substr(0, rest_.find('/'));
    rest_.remove_prefix(component.size());
    return component;
  }
  /// What follows the last component that was taken, with its slashes.
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// A walk by chroot's rules, link by link.
class Walk {
 public:
  Walk(const Views& views, NodeId directory, int links)
      : views_(views), top_(views.top(directory)), links_(links), at_(directory) {}

  Result<Found> go(std::string_view path, Follow follow) {
    std::string pending(path);
    Components components(pending);
    attributes_ = TRY(views_.stat(at_));
    if (path.starts_with('/')) TRY(enter(top_));
    while (const auto component = components.next()) {
      if (attributes_.type != FileType::directory)
        return Error{Errc::not_directory, "a path goes on behind what is no directory"};
      if (*component == ".") continue;
      if (*component == "..") {
        TRY(enter(views_.parent(at_)));
        continue;
      }
      const Found found = TRY(views_.child(at_, *component));
      if (found.attributes.type == FileType::symlink &&
          (follow == Follow::last || !components.rest().empty())) {
        std::string target = TRY(read_link(found.node));
        const bool absolute = target.starts_with('/');
        target += components.rest();
        pending = std::move(target);
        components = Components(pending);
        if (absolute) TRY(enter(top_));
        continue;
      }
      at_ = found.node;
      attributes_ = found.attributes;
    }
    if (pending.ends_with('/') && attributes_.type != FileType::directory)
      return Error{Errc::not_directory, "a path ends in '/', but leads to no directory"};
    return Found{at_, attributes_};
  }

 private:
  Result<void> enter(const Result<NodeId>& node) {
    at_ = TRY(node);
    attributes_ = TRY(views_.stat(at_));
    return success();
  }

  Result<std::string> read_link(NodeId link) {
    if (++links_ > kMostLinks)
      return Error{Errc::symlink_loop, "more than 40 symbolic links in a path"};
    return views_.stored_link(link);
  }

  const Views& views_;
  NodeId top_;
  int links_;
  NodeId at_;
  Attributes attributes_;
};

/// How many directories lie above `directory` up to its top.
Result<std::size_t> depth(const Views& views, NodeId directory) {
  for (std::size_t depth = 0; depth < kDeepest; ++depth) {
    const NodeId parent = TRY(views.parent(directory));
    if (parent == directory) return depth;
    directory = parent;
  }
  return corrupt("more than 4096 directories above a symbolic link");
}

}  // namespace

Result<Found> resolve(const Views& views, NodeId directory, std::string_view path, Follow follow) {
  return Walk(views, directory, 0).go(path, follow);
}

Result<std::string> contained_link(const Views& views, NodeId directory, NodeId link) {
  std::string stored = TRY(views.stored_link(link));
  const bool absolute = stored.starts_with('/');
  // Without ".." a relative text cannot climb, and the links in it are contained themselves.
  if (!absolute && stored.find("..") == std::string::npos) return stored;

  std::string shown;
  NodeId at = directory;
  bool changed = absolute;
  bool lost = false;  // the walk cannot go on: the kernel's ends there as well
  if (absolute) {
    const std::size_t levels = TRY(depth(views, directory));
    if (levels * 3 + stored.size() > kLongestTarget)
      return Error{Errc::too_large, "symbolic link of more than 4095 bytes once it is contained"};
    for (std::size_t level = 0; level < levels; ++level) shown += "../";
    at = views.top(directory);
  }
  Components components(stored);
  while (const auto component = components.next()) {
    std::string_view kept = *component;
    if (kept == "..") {
      const auto parent = lost ? Result<NodeId>(at) : views.parent(at);
      lost = lost || !parent;
      if (lost) {
        kept = ".";  // behind a missing component: still none, but nothing that could climb
        changed = true;
      } else if (parent.value() == at) {
        changed = true;  // nothing is above the top
        continue;
      } else {
        at = parent.value();
      }
    } else if (kept != "." && !lost && components.rest().find("..") != std::string_view::npos) {
      // Where a ".." follows, it matters where this leads.
      const auto found = Walk(views, at, 1).go(*component, Follow::last);
      lost = !found || found.value().attributes.type != FileType::directory;
      if (!lost) at = found.value().node;
    }
    shown += kept;
    if (!components.rest().empty()) shown += '/';
  }
  if (!changed) return stored;
  return shown.empty() ? std::string(".") : shown;
}

}  // namespace imgfs
