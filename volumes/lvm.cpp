#include "volumes/lvm.h"

namespace imgfs::volumes {

void list_logical_volumes(VolumeTable&) {}

}  // namespace imgfs::volumes
