#include "checkers/packages.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/bytes.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxStatus = 128 << 20;
constexpr std::size_t kMaxFound = kMaxFoundPackages;

/// The lines of one paragraph as keys and values; continuation lines are passed over.
template <class Visit>
void each_paragraph(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 2, text.size()));
  }
}

std::string_view line_value(std::string_view paragraph, std::string_view key) {
  while (!paragraph.empty()) {
    const std::size_t end = std::min(paragraph.find('\n'), paragraph.size());
    const std::string_view line = paragraph.substr(0, end);
    if (line.starts_with(key)) return trimmed(line.substr(key.size()));
    paragraph.remove_prefix(std::min(end + 1, paragraph.size()));
  }
  return {};
}

Result<Packages> text_database(const GuestFiles& files, const char* path, const char* kind,
                               void (*parse)(std::string_view, Packages&)) {
  const std::string text = TRY(files.read_text(path, kMaxStatus));
  Packages out;
  out.kind = kind;
  out.path = path;
  parse(text, out);
  return out;
}

/// One directory a package: NAME-VERSION-RELEASE.
Result<Packages> pacman_database(const GuestFiles& files, const char* path) {
  Packages out;
  out.kind = "pacman";
  out.path = path;
  for (const auto& name : TRY(files.list(path))) {
    std::size_t split = name.rfind('-');
    if (split == std::string::npos || split == 0) continue;
    split = name.rfind('-', split - 1);
    if (split == std::string::npos) continue;
    if (package_matters(name.substr(0, split)) && out.found.size() < kMaxFound)
      out.found.push_back({name.substr(0, split), name.substr(split + 1), ""});
  }
  return out;
}

struct RpmDatabase {
  const char* name;
  const char* kind;
  Result<void> (*read)(const GuestFiles&, std::string_view, Packages&);
};
constexpr RpmDatabase kRpm[] = {{"rpmdb.sqlite", "rpm (sqlite)", read_rpm_sqlite},
                                {"Packages.db", "rpm (ndb)", read_rpm_ndb},
                                {"Packages", "rpm (Berkeley DB)", read_rpm_berkeley}};

Result<Packages> rpm_database(const GuestFiles& files) {
  for (const std::string directory :
       {"/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/usr/share/rpm/"})
    for (const auto& database : kRpm) {
      Packages out;
      out.kind = database.kind;
      out.path = directory + database.name;
      const auto there = files.stat(out.path);
      if (!there) {
        if (there.error().code == Errc::not_found || there.error().code == Errc::not_directory) continue;
        return in_context(there.error(), out.path);
      }
      const auto done = database.read(files, out.path, out);
      if (!done) return in_context(done.error(), out.path);
      return out;
    }
  return Error{Errc::not_found, "no package database"};
}

}  // namespace

bool package_matters(std::string_view name) {
  for (const std::string_view prefix : {"kernel", "linux-", "tencent-linux", "cloud-init"})
    if (name.starts_with(prefix)) return true;
  return name == "linux" || name == "cloud-init";
}

void parse_dpkg_status(std::string_view text, Packages& packages) {
  each_paragraph(text, [&](std::string_view paragraph) {
    if (!paragraph.starts_with("Package:")) return;
    const std::string_view name = line_value(paragraph, "Package:");
    if (!package_matters(name) || packages.found.size() + packages.removed.size() > kMaxFound) return;
    const std::string_view status = line_value(paragraph, "Status:");
    Package package{std::string(name), std::string(line_value(paragraph, "Version:")), ""};
    if (status.ends_with(" installed") && !status.ends_with(" not-installed")) {
      packages.found.push_back(std::move(package));
    } else if (status.ends_with(" config-files") || status.find("deinstall") != std::string_view::npos) {
      packages.removed.push_back(std::move(package));
    }
  });
}

void parse_apk_installed(std::string_view text, Packages& packages) {
  each_paragraph(text, [&](std::string_view paragraph) {
    const std::string_view name = line_value(paragraph, "P:");
    if (package_matters(name) && packages.found.size() < kMaxFound)
      packages.found.push_back({std::string(name), std::string(line_value(paragraph, "V:")), ""});
  });
}

Result<Package> read_rpm_header(std::uint64_t size, HeaderBytes bytes) {
  constexpr std::uint32_t kName = 1000;
  constexpr std::uint32_t kVersion = 1001;
  constexpr std::uint32_t kRelease = 1002;
  constexpr std::uint32_t kVendor = 1011;
  constexpr std::uint32_t kArch = 1022;
  constexpr std::uint32_t kString = 6;
  constexpr std::uint32_t kMaxEntries = 65'536;
  std::array<std::byte, 8> head;
  if (TRY(bytes(0, head)) != head.size()) return corrupt("rpm header cut off");
  const std::uint64_t entries = get<be32>(head, 0)->value();
  const std::uint64_t store_size = get<be32>(head, 4)->value();
  if (entries == 0 || entries > kMaxEntries || 8 + entries * 16 + store_size > size)
    return corrupt("rpm header of " + std::to_string(entries) + " entries in " +
                   std::to_string(size) + " bytes");
  std::vector<std::byte> index(static_cast<std::size_t>(entries) * 16);
  if (TRY(bytes(8, index)) != index.size()) return corrupt("rpm header cut off");
  const std::uint64_t store = 8 + entries * 16;
  Package out;
  std::string release;
  std::string arch;
  std::vector<const std::string*> seen;  // the first of a tag counts: each costs one read at most
  for (std::size_t i = 0; i < entries; ++i) {
    const auto row = std::span(index).subspan(i * 16, 16);
    const std::uint32_t tag = get<be32>(row, 0)->value();
    std::string* into = tag == kName      ? &out.name
                        : tag == kVersion ? &out.version
                        : tag == kRelease ? &release
                        : tag == kVendor  ? &out.vendor
                        : tag == kArch    ? &arch
                                          : nullptr;
    if (into == nullptr || get<be32>(row, 4)->value() != kString || std::ranges::count(seen, into) != 0) continue;
    seen.push_back(into);
    // What is not asked for is not worth the reading.
    if (tag != kName && !out.name.empty() && !package_matters(out.name)) break;
    const std::uint64_t offset = get<be32>(row, 8)->value();
    if (offset >= store_size) return corrupt("rpm header entry outside its store");
    std::array<std::byte, 256> text;
    const std::size_t want =
        static_cast<std::size_t>(std::min<std::uint64_t>(text.size(), store_size - offset));
    const std::size_t got = TRY(bytes(store + offset, std::span(text).first(want)));
    const std::string_view value = as_chars(std::span(text).first(got));
    *into = std::string(value.substr(0, value.find('\0')));
  }
  if (out.name.empty()) return corrupt("rpm header without a name");
  if (!release.empty()) out.version += "-" + release;
  if (!arch.empty()) out.version += "." + arch;
  return out;
}

Result<Packages> find_packages(const GuestFiles& files) {
  const auto missing = [](const Error& error) {
    return error.code == Errc::not_found || error.code == Errc::not_directory;
  };
  auto found = text_database(files, "/var/lib/dpkg/status", "dpkg", parse_dpkg_status);
  if (found || !missing(found.error())) return found;
  found = rpm_database(files);
  if (found || !missing(found.error())) return found;
  found = text_database(files, "/lib/apk/db/installed", "apk", parse_apk_installed);
  if (found || !missing(found.error())) return found;
  return pacman_database(files, "/var/lib/pacman/local");
}

}  // namespace imgfs::checkers
