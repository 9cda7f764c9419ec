#include "checkers/report.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "checkers/checker.h"
#include "checkers/report_text.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(printable(text));
}
Json optional_text(const std::optional<std::string>& text) {
  return text ? Json(printable(*text)) : Json(nullptr);
}

Json image_json(const ReportInput& input, const Facts& facts) {
  const ImageInfo& image = input.tree.image();
  Json out{{"path", printable(input.image_path)},
           {"format", printable(image.format)},
           {"variant", printable(image.variant)},
           {"virtual_size", input.tree.disk().size()},
           {"file_size", image.file_size},
           {"qcow2_size", nullptr},
           {"qcow2_size_bound", "upper"}};
  if (facts.size && *facts.size) {
    out["qcow2_size"] = facts.size->value().bytes;
    out["qcow2_size_bound"] = facts.size->value().exact ? "exact" : "upper";
  }
  return out;
}

Json volumes_json(const Tree& tree) {
  Json out = Json::array();
  for (const TreeVolume& volume : tree.volumes()) {
    const Volume& v = volume.volume;
    out.push_back({{"name", printable(v.name)},
                   {"offset", v.offset ? Json(*v.offset) : Json(nullptr)},
                   {"size", v.size},
                   {"type", volume.type.empty() ? "unknown" : printable(volume.type)},
                   {"label", text_or_null(volume.label)},
                   {"uuid", text_or_null(volume.uuid)},
                   {"directory", text_or_null(volume.directory)},
                   {"problem", text_or_null(volume.problem)}});
  }
  return out;
}

std::string volume_name(const Tree& tree, std::size_t index) {
  if (index >= tree.volumes().size()) return "";
  const TreeVolume& volume = tree.volumes()[index];
  return printable(volume.directory.empty() ? volume.volume.name : volume.directory);
}

Json guest_json(const Tree& tree, const Facts& facts) {
  const auto index = tree.guest();
  if (!index || *index >= tree.guests().size()) return nullptr;
  const InstalledGuest& guest = tree.guests()[*index];
  const GuestDescription described = describe_guest(guest, facts);
  Json mounts = Json::object();
  for (const GuestMount& mount : guest.mounts)
    mounts[printable(mount.path)] = volume_name(tree, mount.volume);
  return {{"family", family_name(guest.family)},
          {"name", printable(described.name)},
          {"version", printable(described.version)},
          {"arch", printable(described.arch)},
          {"kernel", text_or_null(described.kernel)},
          {"root", volume_name(tree, guest.volume)},
          {"mounts", std::move(mounts)}};
}

Json findings_json(const std::vector<Finding>& findings) {
  Json out = Json::array();
  for (const Finding& finding : findings) {
    Json evidence = Json::array();
    for (const Evidence& item : finding.evidence)
      evidence.push_back({{"path", printable(item.path)}, {"detail", printable(item.detail)}});
    out.push_back({{"check", finding.check},
                   {"status", status_name(finding.status)},
                   {"code", optional_text(finding.code)},
                   {"summary", printable(finding.summary)},
                   {"evidence", std::move(evidence)},
                   {"fix", optional_text(finding.fix)}});
  }
  return out;
}

std::string worst(const std::vector<Finding>& findings) {
  for (const Status status : {Status::fail, Status::unknown, Status::warn})
    if (std::ranges::any_of(findings, [&](const Finding& finding) { return finding.status == status; }))
      return std::string(status_name(status));
  return "pass";
}

}  // namespace

GuestDescription describe_guest(const InstalledGuest& guest, const Facts& facts) {
  GuestDescription out;
  out.name = guest.family == GuestFamily::windows   ? "Windows"
             : guest.family == GuestFamily::freebsd ? "FreeBSD"
                                                    : "Linux";
  if (facts.distribution && *facts.distribution) {
    out.name = facts.distribution->value().name;
    out.version = facts.distribution->value().version;
  }
  if (facts.architecture && *facts.architecture) out.arch = facts.architecture->value();
  if (facts.boot && *facts.boot) out.kernel = facts.boot->value().version;
  return out;
}

Report finish_report(const ReportInput& input, std::vector<Finding> findings, const Facts& facts) {
  Report report;
  report.findings = std::move(findings);
  report.verdict = worst(report.findings);
  for (const Finding& finding : report.findings)
    if (finding.status == Status::fail && finding.code && !contains(report.codes, *finding.code))
      report.codes.push_back(*finding.code);
  const Json json{{"schema", 1},
                  {"tool", "imgfs " IMGFS_VERSION},
                  {"image", image_json(input, facts)},
                  {"policy", {{"id", printable(input.policy.id)}, {"source", printable(input.policy.source)}}},
                  {"volumes", volumes_json(input.tree)},
                  {"guest", guest_json(input.tree, facts)},
                  {"verdict", report.verdict},
                  {"codes", report.codes},
                  {"findings", findings_json(report.findings)}};
  report.json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  report.text = report_text(input, report, facts);
  return report;
}

}  // namespace imgfs::checkers
