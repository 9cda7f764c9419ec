#pragma once

#include "vfs/joined_tree.h"

namespace imgfs {

/// Finds the installed systems on `parts.volumes`, builds the view of each, and chooses the one that
/// /root shows.
void find_guests(TreeParts& parts);

}  // namespace imgfs
