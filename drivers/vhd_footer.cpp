#include "drivers/vhd_footer.h"

#include <algorithm>
#include <cstdio>

#include "core/text.h"

namespace imgfs::vhd {
namespace {

std::string hex(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

/// A footer at one of its places: whether it is there at all, and whether its checksum holds.
struct Candidate {
  Footer footer{};
  bool present = false;
  bool valid = false;
  std::uint64_t offset = 0;
};

/// `length` is 512, or 511: then the last byte of the struct counts as 0.
Result<Candidate> read_candidate(const BlockDevice& file, std::uint64_t offset,
                                 std::size_t length) {
  Candidate out{.offset = offset};
  const auto bytes = std::as_writable_bytes(std::span(&out.footer, 1));
  TRY(file.read(offset, bytes.first(length)));
  out.present = std::string_view(out.footer.cookie, sizeof out.footer.cookie) == Footer::kCookie;
  out.valid =
      out.present && checksum(bytes, offsetof(Footer, checksum)) == out.footer.checksum.value();
  return out;
}

Result<Candidate> at_the_end(const BlockDevice& file) {
  const std::uint64_t size = file.size();
  const Candidate usual = TRY(read_candidate(file, size - sizeof(Footer), sizeof(Footer)));
  if (usual.present) return usual;
  const Candidate old = TRY(read_candidate(file, size - (sizeof(Footer) - 1), sizeof(Footer) - 1));
  return old.present ? old : usual;
}

bool same(const Footer& a, const Footer& b) {
  const auto bytes = [](const Footer& footer) { return std::as_bytes(std::span(&footer, 1)); };
  // The last byte is missing where the footer has 511.
  return std::ranges::equal(bytes(a).first(sizeof(Footer) - 1), bytes(b).first(sizeof(Footer) - 1));
}

Error no_footer(const Candidate& end, const Candidate& start) {
  const Candidate& damaged = end.present ? end : start;
  if (!damaged.present)
    return corrupt("no VHD footer: the last 512 bytes do not begin with \"conectix\"", end.offset);
  const auto bytes = std::as_bytes(std::span(&damaged.footer, 1));
  return corrupt("damaged VHD footer: its checksum is " + hex(damaged.footer.checksum.value()) +
                     ", its bytes give " + hex(checksum(bytes, offsetof(Footer, checksum))) +
                     ", and there is no good copy",
                 damaged.offset);
}

}  // namespace

std::uint32_t checksum(std::span<const std::byte> bytes, std::size_t field) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (i < field || i >= field + 4) sum += std::to_integer<std::uint32_t>(bytes[i]);
  return ~sum;
}

Result<FooterChoice> choose_footer(const BlockDevice& file) {
  if (file.size() < sizeof(Footer))
    return corrupt("file of " + std::to_string(file.size()) + " bytes: too short for a VHD footer");
  const Candidate end = TRY(at_the_end(file));
  const Candidate start = TRY(read_candidate(file, 0, sizeof(Footer)));
  const bool copy_holds = start.valid && start.footer.disk_type.value() != Footer::kFixed;
  FooterChoice choice;
  if (end.valid) {
    choice = {end.footer, end.offset, {}};
    if (end.footer.disk_type.value() != Footer::kFixed) {
      if (!copy_holds)
        choice.remarks.push_back(
            {Remark::Kind::damaged,
             "the copy of the footer at the start is damaged: the footer at the "
             "end is used, but other programs may refuse the image"});
      else if (!same(end.footer, start.footer))
        choice.remarks.push_back(
            {Remark::Kind::damaged, "footer and its copy at the start differ: the footer is used"});
    }
  } else if (copy_holds) {
    choice = {start.footer, end.present ? end.offset : file.size(), {}};
    choice.remarks.push_back(
        {Remark::Kind::damaged, end.present
                                    ? "the footer at the end is damaged: its copy at the start "
                                      "is used"
                                    : "there is no footer at the end (the file may be cut "
                                      "off): its copy at the start is used"});
  } else {
    return no_footer(end, start);
  }
  if (choice.footer.file_format_version.value() >> 16 != 1)
    return unsupported("VHD version " + hex(choice.footer.file_format_version.value()) +
                       ", known is 0x00010000");
  if (choice.footer.saved_state != 0)
    choice.remarks.push_back(
        {Remark::Kind::unclean,
         "the machine was saved while running: its disk may lack what was only "
         "in its memory"});
  return choice;
}

DiskSize disk_size(const Footer& footer) {
  constexpr std::string_view kByCurrentSize[] = {{"win ", 4},  {"qem2", 4}, {"d2v ", 4},
                                                 {"tap\0", 4}, {"CTXS", 4}, {"wa\0\0", 4}};
  constexpr std::uint64_t kMaxGeometry = std::uint64_t{65535} * 16 * 255;  // in sectors
  const std::uint64_t geometry =
      std::uint64_t{footer.cylinders.value()} * footer.heads * footer.sectors_per_track;
  const std::string_view creator(footer.creator_application, sizeof footer.creator_application);
  const bool by_current_size =
      std::ranges::find(kByCurrentSize, creator) != std::end(kByCurrentSize);
  if (by_current_size || geometry == kMaxGeometry)
    return {footer.current_size.value() / kSector * kSector, false};
  return {geometry * kSector, true};
}

}  // namespace imgfs::vhd
