#pragma once

namespace imgfs {

/// The life of `imgfs-check`. Exit codes: 0 no failure, 1 an image fails, 2 undecided, 3 usage, or an
/// image could not be opened; over several the highest.
int run_check(int argc, char** argv);

}  // namespace imgfs
