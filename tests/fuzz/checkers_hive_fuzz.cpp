// A registry hive with its two transaction logs, checksums made right where asked: the logs are replayed, hivex
// opens the outcome, and keys and values are looked at. Input: what to make right (1 the hive's base block,
// 2 the logs), le16 bytes of each log, the logs, the hive.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "checkers/hive_format.h"
#include "checkers/windows_hive.h"
#include "core/bytes.h"

namespace {

using namespace imgfs;
using namespace imgfs::checkers;

class HiveFiles final : public GuestFiles {
 public:
  std::string hive, log1, log2;

  Result<Attributes> stat(std::string_view, LastLink) const override { return Error{Errc::not_found, "", {}}; }
  Result<std::string> read_text(std::string_view path, std::size_t) const override {
    if (path == "/H") return hive;
    if (path == "/H.LOG1") return log1;
    if (path == "/H.LOG2") return log2;
    return Error{Errc::not_found, "", {}};
  }
  Result<std::size_t> read(std::string_view, std::uint64_t, std::span<std::byte>) const override {
    return Error{Errc::not_found, "", {}};
  }
  Result<std::vector<std::string>> list(std::string_view, std::size_t) const override {
    return Error{Errc::not_found, "", {}};
  }
  Result<std::string> read_link(std::string_view) const override { return Error{Errc::not_found, "", {}}; }
  std::string shown(std::string_view path) const override { return std::string(path); }
};

void fix_base(std::string& file) {
  if (file.size() < sizeof(HiveBaseBlock)) return;
  const le32 sum(hive_checksum(file));
  std::memcpy(file.data() + offsetof(HiveBaseBlock, checksum), &sum, sizeof sum);
}

/// The base block's checksum, and both hashes of each entry that has a possible size.
void fix_log(std::string& log) {
  fix_base(log);
  for (std::size_t at = 512; at + sizeof(HiveLogEntry) <= log.size();) {
    HiveLogEntry head;
    std::memcpy(&head, log.data() + at, sizeof head);
    const std::size_t size = head.size.value();
    if (size < sizeof head || size > log.size() - at) return;
    head.hash_of_pages = marvin32(std::string_view(log).substr(at + sizeof head, size - sizeof head));
    std::memcpy(log.data() + at, &head, sizeof head);
    head.hash_of_head = marvin32(std::string_view(log).substr(at, offsetof(HiveLogEntry, hash_of_head)));
    std::memcpy(log.data() + at, &head, sizeof head);
    at += size;
  }
}

/// At most `left` keys below `key`, values with them.
void look(const Hive& hive, Hive::Key key, int depth, int& left) {
  for (const std::string& name : hive.value_names(key)) {
    if (--left < 0) return;
    static_cast<void>(hive.number(key, name));
    static_cast<void>(hive.text(key, name));
  }
  for (const Hive::Key child : hive.children(key)) {
    if (--left < 0 || depth == 0) return;
    static_cast<void>(hive.find(key, hive.name(child)));
    look(hive, child, depth - 1, left);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 5) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto length = [&](std::size_t at) { return std::size_t{get<le16>(as_bytes(rest), at)->value()}; };
  const std::size_t size1 = length(1);
  const std::size_t size2 = length(3);
  rest.remove_prefix(5);
  HiveFiles files;
  files.log1 = rest.substr(0, size1);
  rest.remove_prefix(files.log1.size());
  files.log2 = rest.substr(0, size2);
  rest.remove_prefix(files.log2.size());
  files.hive = rest;
  if ((data[0] & 1U) != 0) fix_base(files.hive);
  if ((data[0] & 2U) != 0) {
    fix_log(files.log1);
    fix_log(files.log2);
  }
  if (const auto hive = Hive::open(files, "/H")) {
    int left = 200;
    look(hive.value(), hive.value().root(), 8, left);
    static_cast<void>(hive.value().find("Select"));
  }
  return 0;
}
