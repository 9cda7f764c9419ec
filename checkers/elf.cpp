#include "checkers/elf.h"

#include <array>
#include <cstddef>
#include <optional>

#include "core/bytes.h"

namespace imgfs::checkers {
namespace {

constexpr const char* kPrograms[] = {"/bin/sh",      "/usr/bin/sh",  "/bin/bash",  "/bin/ls",
                                     "/bin/echo",    "/bin/rm",      "/sbin/init", "/usr/lib/systemd/systemd",
                                     "/lib/systemd/systemd", "/bin/busybox"};

struct Machine {
  unsigned number;
  const char* name;
};
// Source: System V gABI, e_machine.
constexpr Machine kMachines[] = {{3, "i386"},   {62, "x86_64"}, {183, "aarch64"}, {40, "arm"},
                                 {21, "ppc64"}, {20, "ppc"},    {243, "riscv64"}, {22, "s390x"},
                                 {8, "mips"},   {258, "loongarch64"}};

}  // namespace

std::string architecture_evidence(const GuestFiles& files) {
  for (const char* path : kPrograms)
    if (files.stat(path)) return path;
  return "/bin/sh";
}

Result<std::string> find_architecture(const GuestFiles& files) {
  std::optional<Error> problem;
  for (const char* path : kPrograms) {
    std::array<std::byte, 20> head;
    const auto count = files.read(path, 0, head);
    if (!count) {
      if (count.error().code != Errc::not_found && !problem) problem = in_context(count.error(), path);
      continue;
    }
    if (count.value() < head.size() || as_chars(head).substr(0, 4) != "\177ELF") continue;
    const bool big = head[5] == std::byte{2};
    const unsigned machine = big ? get<be16>(head, 18)->value() : get<le16>(head, 18)->value();
    for (const auto& known : kMachines)
      if (known.number == machine) {
        // An x32 program is 32-bit for the same machine; the kernel is what counts.
        if (machine == 21 && !big) return std::string("ppc64le");
        return std::string(known.name);
      }
    return "ELF machine " + std::to_string(machine);
  }
  if (problem) return *problem;
  return Error{Errc::not_found, "no ELF program at /bin/sh, /bin/bash, /sbin/init"};
}

}  // namespace imgfs::checkers
