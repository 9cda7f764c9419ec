#include "vfs/guest_search.h"

namespace imgfs {

void find_guests(TreeParts& parts) { parts.guest.reset(); }

}  // namespace imgfs
