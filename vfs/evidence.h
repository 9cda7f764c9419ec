#pragma once

#include <string>
#include <vector>

#include "vfs/guests.h"
#include "vfs/look.h"

namespace imgfs {

/// Paths that make a file system a Linux system's root; empty where it is none.
std::vector<std::string> linux_evidence(const Look& look);

/// The same for Windows; names are compared as Windows does.
std::vector<std::string> windows_evidence(const FileSystem& fs);

/// Whether the partition's type says that FreeBSD's own file systems are on it.
bool is_freebsd_partition(const Volume& volume);

/// One deployment of an OSTree system.
struct Deployment {
  std::string path;     ///< below the file system's root: "ostree/deploy/OS/deploy/HASH.0"
  std::string os_path;  ///< "ostree/deploy/OS"
};

/// All deployments on a file system, at most 100; empty where it has none.
std::vector<Deployment> find_deployments(const Look& look);

/// The one that boots by default: named by "ostree=" in a boot entry under `boots`, or else the
/// newest. `deployments` must not be empty.
const Deployment& choose_deployment(const Views& views, const Look& look,
                                    const std::vector<Deployment>& deployments,
                                    const std::vector<Look>& boots);

}  // namespace imgfs
