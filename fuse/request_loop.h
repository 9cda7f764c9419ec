#pragma once

#include <fuse_lowlevel.h>

namespace imgfs {

/// Serves the session's requests until the mount ends; 0, or a negative errno.
///
/// One thread waits for requests as long as they come one by one from one process, as from a walk or
/// a copy: it reads and answers them all, on the same core, with warm caches and no other thread to
/// wake. When several processes ask, or requests wait,
/// there is a thread for each core; and an answer that takes long gives its turn to another thread, so that
/// nobody waits for it.
int serve_requests(fuse_session* session);

/// To be called by an operation before work that may take long (decoding, a report): other requests
/// are served meanwhile. Costs nothing where another thread waits already; harmless outside the loop.
void let_others_be_served();

}  // namespace imgfs
