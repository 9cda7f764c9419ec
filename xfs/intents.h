#pragma once

#include "xfs/inode_changes.h"
#include "xfs/replay.h"
#include "xfs/volume.h"

namespace imgfs::xfs {

/// Finishes what the log says was begun and not done, where readers see it: maps of files (BUI, XMI) and
/// extended attributes (ATTRI). Freed space, reverse maps and reference counts (EFI, RUI, CUI) are seen by no
/// reader. `volume` is the file system after replay. unsupported names an intent that cannot be finished.
Result<InodeChanges> finish_intents(const Volume& volume, std::span<const Intent> intents);

}  // namespace imgfs::xfs
