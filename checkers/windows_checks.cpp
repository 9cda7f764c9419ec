#include "checkers/windows_checks.h"

namespace imgfs::checkers {
namespace {

Finding not_read(const CheckContext& context, const char* what) {
  return make_finding(Status::unknown, std::string(what) + " of a Windows guest is not read by this version",
                      {{context.guest->shown("/Windows/System32/config"), "the registry decides"}});
}

}  // namespace

Finding check_windows_system(const CheckContext& context) { return not_read(context, "the version"); }
Finding check_windows_architecture(const CheckContext& context) {
  return not_read(context, "the architecture");
}
Finding check_windows_virtio(const CheckContext& context) {
  return not_read(context, "the driver registration");
}
Finding check_windows_agent(const CheckContext& context) {
  return not_read(context, "the cloudbase-init service");
}
Finding check_windows_kernel(const CheckContext&) {
  return make_finding(Status::not_applicable, "the rule is about Linux kernels");
}
Finding check_windows_device_names(const CheckContext& context) {
  return not_read(context, "the boot configuration");
}

}  // namespace imgfs::checkers
