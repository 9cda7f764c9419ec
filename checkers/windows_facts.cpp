#include "checkers/windows_facts.h"

#include <array>
#include <charconv>

#include "core/bytes.h"

namespace imgfs::checkers {
namespace {

unsigned to_number(const std::optional<std::string>& text) {
  unsigned value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

struct Version {
  unsigned major, minor, first_build;
  const char* server;
  const char* client;
};
/// Newest first; the first row whose build is not above the guest's. Server releases between the
/// long-term ones have no name of their own here. Source: the vendor's list of releases.
constexpr std::array<Version, 14> kVersions = {{
    {10, 0, 26100, "2025", "11"},
    {10, 0, 22000, "", "11"},
    {10, 0, 20348, "2022", "10"},
    {10, 0, 17764, "", "10"},
    {10, 0, 17763, "2019", "10"},
    {10, 0, 14394, "", "10"},
    {10, 0, 14393, "2016", "10"},
    {10, 0, 0, "", "10"},
    {6, 3, 0, "2012 R2", "8.1"},
    {6, 2, 0, "2012", "8"},
    {6, 1, 0, "2008 R2", "7"},
    {6, 0, 0, "2008", "Vista"},
    {5, 2, 0, "2003", "XP"},
    {5, 1, 0, "", "XP"},
}};

bool is_server(const Hive& software, Hive::Key version, const std::string& product) {
  const auto type = software.text(version, "InstallationType");
  if (type) return type->find("Server") != std::string::npos;
  return product.find("Server") != std::string::npos;  // NT 6.0 has no InstallationType
}

std::string token_of(const WindowsFacts& facts, bool server) {
  for (const Version& row : kVersions)
    if (row.major == facts.major && row.minor == facts.minor && facts.build >= row.first_build)
      return server ? row.server : row.client;
  return "";
}

void read_version(WindowsFacts& facts) {
  if (!facts.software) return;
  const Hive& software = facts.software.value();
  const auto version = software.find("Microsoft\\Windows NT\\CurrentVersion");
  if (!version) return;
  facts.product = software.text(*version, "ProductName").value_or("");
  facts.edition = software.text(*version, "EditionID").value_or("");
  facts.build = to_number(software.text(*version, "CurrentBuildNumber"));
  if (const auto major = software.number(*version, "CurrentMajorVersionNumber")) {
    facts.major = *major;
    facts.minor = software.number(*version, "CurrentMinorVersionNumber").value_or(0);
  } else if (const auto text = software.text(*version, "CurrentVersion")) {
    const std::size_t dot = std::min(text->find('.'), text->size());
    facts.major = to_number(text->substr(0, dot));
    facts.minor = dot < text->size() ? to_number(text->substr(dot + 1)) : 0;
  }
  const bool server = is_server(software, *version, facts.product);
  facts.token = token_of(facts, server);
  // Its own name stayed "Windows 10" when the next one came.
  if (!server && facts.token == "11" && facts.product.starts_with("Windows 10"))
    facts.product.replace(0, 10, "Windows 11");
}

void read_control_set(WindowsFacts& facts) {
  if (!facts.system) return;
  const Hive& system = facts.system.value();
  const auto select = system.find("Select");
  if (!select) return;
  const auto current = system.number(*select, "Current");
  if (!current || *current > 999) return;
  char name[16];
  std::snprintf(name, sizeof name, "ControlSet%03u", *current);
  facts.control_set = name;
  const auto fallback = system.number(*select, "Default");
  facts.other_default = fallback && *fallback != *current;
}

}  // namespace

Result<std::string> pe_architecture(const GuestFiles& files, const std::string& path) {
  std::array<std::byte, 4096> head;
  const std::size_t count = TRY(files.read(path, 0, head));
  const std::span<const std::byte> bytes = std::span(head).first(count);
  const auto offset = get<le32>(bytes, 0x3c);
  if (count < 2 || as_chars(bytes).substr(0, 2) != "MZ" || !offset) return corrupt("no program: MZ is missing");
  if (offset->value() > bytes.size()) return corrupt("PE header far behind the start", offset->value());
  const std::size_t at = offset->value();
  const auto magic = part(bytes, at, 4);
  const auto machine = get<le16>(bytes, at + 4);
  if (!magic || !machine || as_chars(*magic) != std::string_view("PE\0\0", 4))
    return corrupt("no program: PE signature is missing", at);
  switch (machine->value()) {
    case 0x8664: return std::string("x86_64");
    case 0x014c: return std::string("i386");
    case 0xaa64: return std::string("aarch64");
    default: break;
  }
  char text[16];
  std::snprintf(text, sizeof text, "0x%04x", unsigned{machine->value()});
  return std::string(text);
}

const WindowsFacts& windows_facts(const CheckContext& context) {
  if (context.facts.windows) return *context.facts.windows;
  auto facts = std::make_shared<WindowsFacts>();
  const GuestFiles& files = *context.guest;
  if (!files.stat("/Windows/System32/config") && files.stat("/WINNT/System32/config"))
    facts->system_directory = "/WINNT";
  const std::string config = facts->system_directory + "/System32/config/";
  facts->system = Hive::open(files, config + "SYSTEM");
  facts->software = Hive::open(files, config + "SOFTWARE");
  facts->architecture = pe_architecture(files, facts->system_directory + "/System32/ntoskrnl.exe");
  read_control_set(*facts);
  read_version(*facts);
  context.facts.windows = facts;
  return *facts;
}

std::optional<Hive::Key> current_control(const WindowsFacts& facts, std::string_view path) {
  if (!facts.system || facts.control_set.empty()) return std::nullopt;
  return facts.system.value().find(facts.control_set + "\\" + std::string(path));
}

std::string registry_path(const WindowsFacts& facts, std::string_view path) {
  return "HKLM\\SYSTEM\\" + facts.control_set + "\\" + std::string(path);
}

std::string hive_doubt(const Result<Hive>& hive) {
  if (hive && hive.value().state() == HiveState::dirty)
    return "the hive is dirty and its logs do not apply: newer values may be missing";
  if (hive && hive.value().damage()) return "the hive is damaged: " + describe(*hive.value().damage());
  return "";
}

}  // namespace imgfs::checkers
