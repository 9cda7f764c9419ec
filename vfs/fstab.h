#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vfs/tree.h"

namespace imgfs {

/// One line of an fstab, its escapes undone. Source: fstab(5).
struct FstabEntry {
  std::string source;
  std::string path;
  std::string type;
  std::vector<std::string> options;

  bool has(std::string_view option) const;
};

/// All lines that have at least a source and a path; comments and the rest are passed over.
std::vector<FstabEntry> parse_fstab(std::string_view text);

/// Whether the system would mount the entry at boot (or at first use) from a disk of its own: not
/// swap, not a bind mount, not from a network or memory, not only on demand.
bool mounts_a_disk(const FstabEntry& entry);

/// `path` with single slashes, without "." and ".." and a slash at its end; "/" for the root.
std::string normal_path(std::string_view path);

/// Which volume a source names: "UUID=…", "LABEL=…", "/dev/sda1", "/dev/mapper/cl-root", … Device
/// names of partitions count where their disk is `disk` ("sda"), or the first one where `disk` is
/// empty. Nothing where no volume has that name.
std::optional<std::size_t> find_volume(std::string_view source, const std::vector<TreeVolume>& volumes,
                                       std::string_view disk = {});

/// "sda" of "/dev/sda1", "nvme0n1" of "/dev/nvme0n1p2"; empty where it is no partition's name.
std::string disk_of(std::string_view source);

}  // namespace imgfs
