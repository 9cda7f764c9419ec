#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkers/checker.h"
#include "checkers/windows_hive.h"

namespace imgfs::checkers {

/// What the registry and the files of a Windows guest tell, read once.
struct WindowsFacts {
  std::string system_directory = "/Windows";  ///< or "/WINNT"
  Result<Hive> system = Error{Errc::not_found, "not read", {}};
  Result<Hive> software = Error{Errc::not_found, "not read", {}};
  std::string control_set;   ///< "ControlSet001"; empty where SYSTEM's Select does not say
  bool other_default = false;  ///< Select's Current and Default differ

  std::string product;  ///< "Windows Server 2019 Datacenter", as ProductName or better
  std::string token;    ///< "2019", "2012 R2", "10": as policies list them; empty where not known
  std::string edition;
  unsigned major = 0;
  unsigned minor = 0;
  unsigned build = 0;

  /// "x86_64", "i386", "aarch64" by ntoskrnl.exe's PE header.
  Result<std::string> architecture = Error{Errc::not_found, "not read", {}};
};

/// Read at the first call and kept in the context's facts.
const WindowsFacts& windows_facts(const CheckContext& context);

/// The key `path` of the current control set.
std::optional<Hive::Key> current_control(const WindowsFacts& facts, std::string_view path);

/// The machine type of the PE file at `path`: "x86_64", "i386", "aarch64", or "0x…".
Result<std::string> pe_architecture(const GuestFiles& files, const std::string& path);

/// "SYSTEM\\ControlSet001\\Services\\viostor", for evidence.
std::string registry_path(const WindowsFacts& facts, std::string_view path);

/// A finding's words for a hive that is not up to date; empty where it is.
std::string hive_doubt(const Result<Hive>& hive);

}  // namespace imgfs::checkers
