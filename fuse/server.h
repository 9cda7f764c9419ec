#pragma once

#include "fuse/options.h"

namespace imgfs {

/// The life of the server process: opens the image from the descriptor `image`, mounts, locks itself
/// up, tells `status` ("R" when ready, else a sentence), and serves until the mount ends. Reports are
/// asked for on `requests`. Gives the process' exit code.
int run_server(const Options& options, int image, int status, int requests);

}  // namespace imgfs
