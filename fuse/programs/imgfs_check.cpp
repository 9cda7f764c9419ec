// imgfs-check IMAGE…: prints the import report without a mount.
#include <exception>
#include <iostream>

#include "core/text.h"
#include "fuse/check.h"

int main(int argc, char** argv) try {
  return imgfs::run_check(argc, argv);
} catch (const std::exception& exception) {  // a library threw
  std::cerr << "imgfs-check: " << imgfs::printable(exception.what()) << '\n';
  return 3;
}
