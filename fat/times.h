#pragma once

#include "core/file_system.h"

namespace imgfs::fat {

/// A time as FAT stores it, in 2 seconds, counted as UTC; out-of-range fields as Linux takes them.
Timestamp timestamp(std::uint16_t date, std::uint16_t time);

}  // namespace imgfs::fat
