#include "xfs/xfs.h"

namespace imgfs::xfs {

FileSystemType file_system_type() {
  return {"xfs", [](const BlockDevice&) { return false; },
          [](Device, Recovery) -> Result<FileSystemPtr> { return unsupported("xfs"); }};
}

}  // namespace imgfs::xfs
