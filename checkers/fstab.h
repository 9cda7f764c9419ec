#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace imgfs::checkers {

/// A line of fstab.
struct FstabEntry {
  int line;            ///< from 1
  std::string source;  ///< as written: "UUID=…", "/dev/sda1"
  std::string target;
  std::string type;
  std::vector<std::string> options;

  bool has(std::string_view option) const;
};

/// All entries; comments and lines of fewer than two fields are passed over. Octal escapes (\040) are
/// resolved. At most 1,000.
std::vector<FstabEntry> parse_fstab(std::string_view text);

/// How a disk or file system is named.
enum class NameKind {
  none,       ///< no disk: proc, tmpfs, nfs
  by_content, ///< UUID, LABEL, PARTUUID, PARTLABEL, /dev/disk/by-uuid/…, a logical volume
  by_device,  ///< /dev/sda1: depends on the machine's disk controller
  by_place,   ///< /dev/disk/by-id, by-path: bound to the old machine's hardware
};
struct DiskName {
  NameKind kind = NameKind::none;
  std::string tag;    ///< "uuid", "label", "partuuid", "partlabel", "mapper"; for by_device "sd", "vd"
  std::string value;  ///< what the tag is compared with
};
/// What fstab's first field, or `root=`, names.
DiskName disk_name(std::string_view source);

}  // namespace imgfs::checkers
