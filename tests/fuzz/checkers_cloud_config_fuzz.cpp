#include <cstddef>
#include <cstdint>
#include <string_view>

#include "checkers/cloud_init.h"

/// Any text as cloud-init's configuration.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs::checkers;
  CloudConfig config;
  std::string problem;
  merge_cloud_config({reinterpret_cast<const char*>(data), size}, "/etc/cloud/cloud.cfg", config, problem);
  return 0;
}
