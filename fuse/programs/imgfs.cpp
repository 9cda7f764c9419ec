// imgfs IMAGE MOUNTPOINT: mounts a disk image read-only.
#include <cstdio>
#include <exception>

#include "core/text.h"
#include "fuse/launcher.h"
#include "fuse/sandbox.h"

int main(int argc, char** argv) try {
  using namespace imgfs;
  const auto options = parse_options({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr, "imgfs: %s\n", describe(options.error()).c_str());
    return 2;
  }
  if (options.value().help) {
    std::fputs(usage_text().c_str(), stdout);
    return 0;
  }
  if (options.value().version) {
    std::puts("imgfs " IMGFS_VERSION);
    if (options.value().verbose) std::printf("sandbox: %s\n", sandbox_support().c_str());
    return 0;
  }
  std::string problem;
  if (!start_log(options.value().log, problem)) {
    std::fprintf(stderr, "imgfs: %s\n", problem.c_str());
    return 1;
  }
  return run_launcher(options.value());
} catch (const std::exception& exception) {  // a library threw
  std::fprintf(stderr, "imgfs: %s\n", imgfs::printable(exception.what()).c_str());
  return 1;
}
