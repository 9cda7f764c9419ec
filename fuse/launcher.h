#pragma once

#include "fuse/options.h"

namespace imgfs {

/// The life of `imgfs`: opens the image file, starts the server and the reporter, goes to the
/// background when the mount is ready, and unmounts whatever happens to any of them. Gives the exit
/// code; a failure has been told on standard error.
int run_launcher(const Options& options);

}  // namespace imgfs
