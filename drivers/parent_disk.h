#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "drivers/image_format.h"

namespace imgfs {

/// Chains of parents longer than this are refused: no real one is, and a cyclic one would not end.
constexpr int kMaxParents = 64;

/// Puts into `names` how a parent that a Windows path names may be called beside the image: the
/// path itself where it is relative, and its last part. With '/', each name once.
void add_windows_path(std::vector<std::string>& names, std::string_view path);

/// A parent's file, open.
struct ParentFile {
  std::string name;
  Device file;
  std::unique_ptr<SiblingOpener> siblings;
};

/// The first of `names` that exists, through the gate. Too long a chain is refused; an empty list
/// and a parent that is not there are errors that say so.
Result<ParentFile> open_parent(const ImageSource& child, const std::vector<std::string>& names);

}  // namespace imgfs
