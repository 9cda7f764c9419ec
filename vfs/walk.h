#pragma once

#include <string>
#include <string_view>

#include "vfs/views.h"

namespace imgfs {

/// Most symbolic links that one path may go through, as Linux has it.
constexpr int kMostLinks = 40;

enum class Follow { last, all_but_last };

/// Where `path` leads from `directory`, as after a chroot to the directory's top: '/' is the top, and
/// ".." at the top stays there.
Result<Found> resolve(const Views& views, NodeId directory, std::string_view path,
                      Follow follow = Follow::last);

/// The text of the symbolic link `link` in `directory` that, followed by the kernel in the mounted
/// tree, leads where the stored one leads after a chroot to the top, and never above the top. It is
/// the stored text where that already does so.
Result<std::string> contained_link(const Views& views, NodeId directory, NodeId link);

}  // namespace imgfs
