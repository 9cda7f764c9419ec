#include "ntfs/ntfs.h"

namespace imgfs::ntfs {

FileSystemType file_system_type() {
  return {"ntfs", [](const BlockDevice&) { return false; },
          [](Device, Recovery) -> Result<FileSystemPtr> { return unsupported("ntfs"); }};
}

}  // namespace imgfs::ntfs
