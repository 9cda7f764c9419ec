#include "fat/fat.h"

namespace imgfs::fat {

FileSystemType file_system_type() {
  return {"fat", [](const BlockDevice&) { return false; },
          [](Device, Recovery) -> Result<FileSystemPtr> { return unsupported("fat"); }};
}

}  // namespace imgfs::fat
