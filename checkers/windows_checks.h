#pragma once

#include "checkers/checker.h"

namespace imgfs::checkers {

// The same checks for a guest of the family `windows`: rows of the table in checks.cpp.
Finding check_windows_system(const CheckContext& context);
Finding check_windows_architecture(const CheckContext& context);
Finding check_windows_virtio(const CheckContext& context);
Finding check_windows_agent(const CheckContext& context);
Finding check_windows_kernel(const CheckContext& context);
Finding check_windows_device_names(const CheckContext& context);

}  // namespace imgfs::checkers
