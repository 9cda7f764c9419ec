#pragma once

#include <string>

#include "checkers/checker.h"

namespace imgfs::checkers {

/// What both forms of the report tell of the guest.
struct GuestDescription {
  std::string name;
  std::string version;
  std::string arch;
  std::string kernel;
};
GuestDescription describe_guest(const InstalledGuest& guest, const Facts& facts);

/// The report for people: at most 80 columns, UTF-8, no control characters but line ends.
std::string report_text(const ReportInput& input, const Report& report, const Facts& facts);

/// `text` broken into lines of at most `width` columns (characters), at spaces where there are any; all
/// lines but the first begin with `indent`.
std::string wrapped(std::string_view text, std::size_t width, std::string_view first,
                    std::string_view indent);

}  // namespace imgfs::checkers
