#include "checkers/report_text.h"

#include <algorithm>

#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kWidth = 80;

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Columns of UTF-8 text, two for what is wide in East Asia (as a terminal shows it).
std::size_t columns(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text)
    if (!continues(c)) count += static_cast<unsigned char>(c) >= 0xe1 ? 2 : 1;
  return count;
}

/// How many bytes of `text` fit into `width` columns; at least one character.
std::size_t fitting(std::string_view text, std::size_t width) {
  std::size_t used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = at + 1;
    while (end < text.size() && continues(text[end])) ++end;
    used += columns(text.substr(at, end - at));
    if (used > width && at > 0) return at;
    at = end;
  }
  return text.size();
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

int rank(Status status) {
  switch (status) {
    case Status::fail: return 0;
    case Status::unknown: return 1;
    case Status::warn: return 2;
    case Status::not_evaluated: return 3;
    case Status::pass: return 4;
    case Status::not_applicable: return 5;
  }
  return 5;
}

std::string guest_line(const ReportInput& input, const Facts& facts) {
  const auto index = input.tree.guest();
  if (!index || *index >= input.tree.guests().size()) return "none found";
  const InstalledGuest& guest = input.tree.guests()[*index];
  const GuestDescription described = describe_guest(guest, facts);
  std::string line = described.name;
  if (!described.version.empty()) line += " " + described.version;
  if (!described.arch.empty()) line += ", " + described.arch;
  if (!described.kernel.empty()) line += ", kernel " + described.kernel;
  if (guest.volume < input.tree.volumes().size())
    line += ", root on " + input.tree.volumes()[guest.volume].directory;
  return printable(line);
}

void volume_lines(const Tree& tree, std::string& out) {
  for (const TreeVolume& volume : tree.volumes()) {
    std::string line = volume.volume.name + ": " + (volume.type.empty() ? "unknown" : volume.type) +
                       ", " + size_text(volume.volume.size);
    if (!volume.label.empty()) line += ", label " + volume.label;
    if (!volume.problem.empty()) line += "; " + volume.problem;
    out += wrapped(printable(line), kWidth, "Volume:   ", "          ");
  }
}

void finding_block(const Finding& finding, std::string& out) {
  std::string head = upper(status_name(finding.status)) + "  " + finding.check;
  if (finding.code) head += "  [" + printable(*finding.code) + "]";
  out += "\n" + wrapped(head, kWidth, "", "  ");
  out += wrapped(printable(finding.summary), kWidth, "  ", "  ");
  for (const Evidence& item : finding.evidence)
    out += wrapped(printable(item.path) + ": " + printable(item.detail), kWidth, "  - ", "    ");
  if (finding.fix) out += wrapped(printable(*finding.fix), kWidth, "  Fix: ", "       ");
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t width, std::string_view first,
                    std::string_view indent) {
  std::string out;
  std::string_view lead = first;
  do {
    const std::size_t room = width - std::min(width - 1, columns(lead));
    std::size_t end = fitting(text, room);
    std::size_t next = end;
    if (end < text.size()) {
      const std::size_t space = text.rfind(' ', end);
      if (space != std::string_view::npos && space > 0) {
        end = space;
        next = space + 1;
      }
    }
    out += std::string(lead) + std::string(text.substr(0, end)) + "\n";
    text.remove_prefix(next);
    lead = indent;
  } while (!text.empty());
  return out;
}

std::string report_text(const ReportInput& input, const Report& report, const Facts& facts) {
  const ImageInfo& image = input.tree.image();
  std::string out = "imgfs " IMGFS_VERSION " import report\n\n";
  const auto head = [&out](std::string_view name, const std::string& value) {
    std::string lead = std::string(name) + ":";
    lead.resize(10, ' ');
    out += wrapped(printable(value), kWidth, lead, "          ");
  };
  head("Image", input.image_path);
  std::string format = image.format + (image.variant.empty() ? "" : " (" + image.variant + ")") +
                       ", virtual size " + size_text(input.tree.disk().size()) + ", file " +
                       size_text(image.file_size);
  if (facts.size && *facts.size)
    format += std::string(", as QCOW2 ") + (facts.size->value().exact ? "" : "at most ") +
              size_text(facts.size->value().bytes);
  head("Format", format);
  head("Policy", input.policy.id + " (" + input.policy.source + ")");
  volume_lines(input.tree, out);
  head("Guest", guest_line(input, facts));
  head("Verdict", upper(report.verdict));
  Names codes = report.codes;
  head("Codes", codes.empty() ? "none" : join(codes));
  std::vector<const Finding*> order;
  for (const Finding& finding : report.findings) order.push_back(&finding);
  std::ranges::stable_sort(order, {}, [](const Finding* finding) { return rank(finding->status); });
  for (const Finding* finding : order) finding_block(*finding, out);
  return out;
}

}  // namespace imgfs::checkers
