#include "checkers/checker.h"
#include "vfs/guest_files.h"

namespace imgfs {

using namespace checkers;

namespace {

const Surroundings& real_surroundings() {
  static const Surroundings surroundings = {guest_files, volume_files, qcow2_size_bound,
                                            qcow2_size_exact};
  return surroundings;
}

/// The bound is told also where the policy has no limit.
Report one_report(const ReportInput& input, Facts& facts) {
  std::vector<Finding> findings = run_checks(input, real_surroundings(), facts);
  if (!facts.size) {
    try {
      facts.size = real_surroundings().size_bound(input.tree.disk());
    } catch (const std::exception& exception) {
      facts.size = Error{Errc::io, exception.what()};
    }
  }
  return finish_report(input, std::move(findings), facts);
}

}  // namespace

Report make_report(const ReportInput& input) {
  Facts facts;
  return one_report(input, facts);
}

std::vector<Report> make_reports(const Tree& tree, const std::string& image_path,
                                 const std::vector<Policy>& policies,
                                 const std::function<void(std::uint64_t)>& progress) {
  Facts facts;
  std::vector<Report> reports;
  for (const Policy& policy : policies)
    reports.push_back(one_report({tree, image_path, policy, progress}, facts));
  return reports;
}

}  // namespace imgfs
