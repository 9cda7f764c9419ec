#include "ext/ext.h"

namespace imgfs::ext {

FileSystemType file_system_type() {
  return {"ext", [](const BlockDevice&) { return false; },
          [](Device, Recovery) -> Result<FileSystemPtr> { return unsupported("ext"); }};
}

}  // namespace imgfs::ext
