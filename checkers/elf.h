#pragma once

#include <string>

#include "vfs/guest_files.h"

namespace imgfs::checkers {

/// The architecture of the guest's own programs: "x86_64", "i386", "aarch64" or what the ELF header's
/// machine number is. not_found where none of the usual programs is there.
Result<std::string> find_architecture(const GuestFiles& files);

/// The program that decided: the first of the usual ones that is there.
std::string architecture_evidence(const GuestFiles& files);

}  // namespace imgfs::checkers
