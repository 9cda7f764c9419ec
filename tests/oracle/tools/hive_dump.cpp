// hive_dump HIVE: all keys and values that the checkers' reader gives, logs beside it replayed.
//   K PATH                      a key; its parts are divided by "/", which is no part of a name
//   V PATH NAME HEX             a value of it, its bytes in hexadecimal
// hive_dump --single HIVE: the reader of single keys gives the same for each key; counts them.
// Names are in printable form. Exit code 1, with the reason, where the hive is refused.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "checkers/windows_hive.h"
#include "core/bytes.h"
#include "core/text.h"
#include "registry/regf.h"

namespace {

using namespace imgfs;
using checkers::Hive;

/// A directory of this machine as a guest's.
class HostFiles final : public GuestFiles {
 public:
  Result<Attributes> stat(std::string_view, LastLink) const override { return none(); }
  Result<std::string> read_text(std::string_view path, std::size_t limit) const override {
    std::ifstream in(std::filesystem::path(path), std::ios::binary);
    if (!in) return Error{Errc::not_found, "cannot be opened", {}};
    std::string text(std::istreambuf_iterator<char>(in), {});
    if (text.size() > limit) return Error{Errc::too_large, "too large", {}};
    return text;
  }
  Result<std::size_t> read(std::string_view, std::uint64_t, std::span<std::byte>) const override { return none(); }
  Result<std::vector<std::string>> list(std::string_view, std::size_t) const override { return none(); }
  Result<std::string> read_link(std::string_view) const override { return none(); }
  std::string shown(std::string_view path) const override { return std::string(path); }

 private:
  static Error none() { return {Errc::unsupported, "not needed here", {}}; }
};

std::string content;  // of the hive
std::size_t compared = 0;
std::size_t different = 0;

Result<std::size_t> read_hive(std::uint64_t offset, std::span<std::byte> out) {
  if (offset >= content.size()) return std::size_t{0};
  const auto from = as_bytes(content).subspan(static_cast<std::size_t>(offset));
  const std::size_t count = std::min(from.size(), out.size());
  copy_bytes(from.first(count), out);
  return count;
}

/// All values of the key, but for those that the reader of single keys leaves out.
void compare(const Hive& hive, Hive::Key key, const std::string& path, int depth) {
  const auto single = registry::key_values([](std::uint64_t offset, std::span<std::byte> out) { return read_hive(offset, out); }, path);
  std::vector<std::pair<std::string, std::string>> ours, theirs;
  if (single)
    for (const registry::Value& value : single.value()) ours.emplace_back(value.name, value.bytes);
  for (const std::string& name : hive.value_names(key))
    if (auto bytes = hive.bytes(key, name).value_or(""); bytes.size() <= registry::kLongestValue)
      theirs.emplace_back(name, std::move(bytes));
  ++compared;
  if (!single || ours != theirs) {
    if (++different < 10)
      std::printf("%s: %s\n", printable(path).c_str(), single ? "other values" : describe(single.error()).c_str());
  }
  if (depth >= 31) return;
  for (const Hive::Key child : hive.children(key)) {
    const std::string name = hive.name(child);
    // The names it is asked for are ASCII.
    if (std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
      compare(hive, child, path.empty() ? name : path + "\\" + name, depth + 1);
  }
}

void dump(const Hive& hive, Hive::Key key, const std::string& path, int depth) {
  std::printf("K %s\n", path.empty() ? "/" : path.c_str());
  for (const std::string& name : hive.value_names(key))
    std::printf("V %s/%s %s\n", path.c_str(), printable(name).c_str(),
                to_hex(hive.bytes(key, name).value_or("")).c_str());
  if (depth > 512) return;
  for (const Hive::Key child : hive.children(key)) dump(hive, child, path + "/" + printable(hive.name(child)), depth + 1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && argv[1] == std::string_view("--single")) {
    const auto hive = Hive::open(HostFiles(), argv[2]);
    if (!hive) return std::printf("refused: %s\n", describe(hive.error()).c_str()), 1;
    content = HostFiles().read_text(argv[2], SIZE_MAX).value();
    compare(hive.value(), hive.value().root(), "", 0);
    return std::printf("%zu single keys, %zu differences\n", compared, different), different == 0 ? 0 : 1;
  }
  if (argc != 2) return std::fprintf(stderr, "usage: hive_dump HIVE\n"), 2;
  const auto hive = Hive::open(HostFiles(), argv[1]);
  if (!hive) return std::printf("refused: %s\n", describe(hive.error()).c_str()), 1;
  const auto state = hive.value().state();
  std::printf("# %s\n", state == checkers::HiveState::clean ? "clean" : state == checkers::HiveState::dirty ? "dirty" : "replayed");
  dump(hive.value(), hive.value().root(), "", 0);
  if (const auto& damage = hive.value().damage())
    return std::printf("damaged: %s\n", describe(*damage).c_str()), 1;
  return 0;
}
