#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "drivers/image_format.h"

namespace imgfs {

/// Chains of parents longer than this are refused: no real one is, and a cyclic one would not end.
constexpr int kMaxParents = 64;

/// Puts into `names` how a parent with this path (of Windows, or with '/') may be called beside the
/// image: the path itself where it is relative, its last part, and last an absolute path that a
/// host like ours has. With '/', each name once.
void add_path(std::vector<std::string>& names, std::string_view path);

/// A parent's file, open.
struct ParentFile {
  std::string name;
  Device file;
  std::unique_ptr<SiblingOpener> siblings;
};

/// The first of `names` that exists and that the gate lets through; its refusal only where none is.
/// Too long a chain is refused; an empty list and a parent that is not there are errors that say
/// so.
Result<ParentFile> open_parent(const ImageSource& child, const std::vector<std::string>& names);

}  // namespace imgfs
