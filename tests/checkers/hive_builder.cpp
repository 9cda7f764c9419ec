#include "tests/checkers/hive_builder.h"

#include <hivex.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "checkers/hive_format.h"
#include "checkers/hive_log.h"
#include "core/text.h"

namespace imgfs::test {
namespace {

using checkers::HiveBaseBlock;

void put(std::string& bytes, std::size_t at, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) bytes[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
}

/// Also used outside of test programs, so without GoogleTest.
void require(bool right, const char* what) {
  if (right) return;
  std::perror(what);
  std::abort();
}

/// A hive with a root key and its security descriptor, and nothing else.
std::string empty_hive() {
  std::string hive(8192, '\0');
  hive.replace(0, 4, "regf");
  put(hive, 4, 1, 4);
  put(hive, 8, 1, 4);
  put(hive, 20, 1, 4);      // version 1.5
  put(hive, 24, 5, 4);
  put(hive, 32, 1, 4);      // memory layout
  put(hive, 36, 32, 4);     // root cell
  put(hive, 40, 4096, 4);   // bins
  put(hive, 44, 1, 4);
  const std::size_t bin = 4096;
  hive.replace(bin, 4, "hbin");
  put(hive, bin + 8, 4096, 4);
  const std::size_t root = bin + 32;  // key cell: 4 + 76 + 8 bytes of name
  put(hive, root, static_cast<std::uint32_t>(-88), 4);
  hive.replace(root + 4, 2, "nk");
  put(hive, root + 6, 0x2c, 2);
  for (const std::size_t none : {32U, 36U, 44U, 52U}) put(hive, root + none, 0xffffffff, 4);
  put(hive, root + 48, 32 + 88, 4);  // security
  put(hive, root + 76, 4, 2);
  hive.replace(root + 80, 4, "ROOT");
  const std::size_t security = root + 88;
  put(hive, security, static_cast<std::uint32_t>(-48), 4);
  hive.replace(security + 4, 2, "sk");
  put(hive, security + 8, 32 + 88, 4);
  put(hive, security + 12, 32 + 88, 4);
  put(hive, security + 16, 1, 4);
  put(hive, security + 20, 20, 4);
  put(hive, security + 24, 1, 1);
  put(hive, security + 48, 4096 - 32 - 88 - 48, 4);  // the rest is free
  put(hive, 508, checkers::hive_checksum(hive), 4);
  return hive;
}

int memory_file(const std::string& bytes) {
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  require(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()), "write");
  return fd;
}

std::string path_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

/// Registry texts of the tests are ASCII.
std::string utf16(const std::string& text) {
  std::string out;
  for (const char c : text) (out += c) += '\0';
  return out + std::string(2, '\0');
}

void set_value(hive_h* hive, hive_node_h node, const std::string& name, const HiveBuilder::Value& value) {
  std::string bytes(4, '\0');
  hive_type type = hive_t_REG_DWORD;
  if (const auto* number = std::get_if<std::uint32_t>(&value)) {
    put(bytes, 0, *number, 4);
  } else if (const auto* binary = std::get_if<HiveBuilder::Binary>(&value)) {
    type = hive_t_REG_BINARY;
    bytes.assign(binary->begin(), binary->end());
  } else {
    type = hive_t_REG_SZ;
    bytes = utf16(std::get<std::string>(value));
  }
  std::string key = name;
  hive_set_value set{key.data(), type, bytes.size(), bytes.data()};
  require(hivex_node_set_value(hive, node, &set, 0) == 0, "hivex_node_set_value");
}

std::uint32_t sequence_of(const std::string& hive) { return get<le32>(as_bytes(hive), 8)->value(); }

std::string log_head(const std::string& hive, std::uint32_t type) {
  std::string head = hive.substr(0, 512);
  put(head, 8, get<le32>(as_bytes(hive), 4)->value(), 4);
  put(head, 28, type, 4);
  put(head, 40, hive.size() - HiveBaseBlock::kSize, 4);
  put(head, 508, checkers::hive_checksum(head), 4);
  return head;
}

/// Starts of the pieces of `size` bytes that differ.
std::vector<std::size_t> changed(const std::string& before, const std::string& after, std::size_t size) {
  std::vector<std::size_t> out;
  for (std::size_t at = HiveBaseBlock::kSize; at < after.size(); at += size)
    if (at >= before.size() || before.compare(at, size, after, at, size) != 0) out.push_back(at);
  return out;
}

}  // namespace

void HiveBuilder::remove(const std::string& path) {
  for (auto at = keys_.lower_bound(path); at != keys_.end() && at->first.starts_with(path);)
    at = at->first == path || at->first[path.size()] == '\\' ? keys_.erase(at) : std::next(at);
}

std::string HiveBuilder::bytes() const {
  const int fd = memory_file(empty_hive());
  hive_h* const hive = hivex_open(path_of(fd).c_str(), HIVEX_OPEN_WRITE);
  require(hive != nullptr, "hivex_open");
  if (hive == nullptr) return "";
  for (const auto& [path, values] : keys_) {
    hive_node_h node = hivex_root(hive);
    for (std::size_t at = 0; at <= path.size();) {
      const std::size_t end = std::min(path.find('\\', at), path.size());
      const std::string part = path.substr(at, end - at);
      hive_node_h child = hivex_node_get_child(hive, node, part.c_str());
      if (child == 0) child = hivex_node_add_child(hive, node, part.c_str());
      require(child != 0, "hivex_node_add_child");
      node = child;
      at = end + 1;
    }
    for (const auto& [name, value] : values) set_value(hive, node, name, value);
  }
  const int out = memory_file("");
  require(hivex_commit(hive, path_of(out).c_str(), 0) == 0, "hivex_commit");
  hivex_close(hive);
  ::close(fd);
  std::string bytes(static_cast<std::size_t>(::lseek(out, 0, SEEK_END)), '\0');
  require(::pread(out, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "pread");
  ::close(out);
  put(bytes, 8, get<le32>(as_bytes(bytes), 4)->value(), 4);
  put(bytes, 508, checkers::hive_checksum(bytes), 4);
  return bytes;
}

std::string torn(std::string hive) {
  put(hive, 4, sequence_of(hive) + 1, 4);
  put(hive, 508, checkers::hive_checksum(hive), 4);
  return hive;
}

std::string log_from(const std::string& before, const std::string& after) {
  std::string log = log_head(before, HiveBaseBlock::kLogTypeNew);
  std::string pages, data;
  const auto dirty = changed(before, after, 4096);
  for (const std::size_t at : dirty) {
    std::string page(8, '\0');
    put(page, 0, at - HiveBaseBlock::kSize, 4);
    put(page, 4, 4096, 4);
    pages += page;
    data += after.substr(at, 4096);
  }
  std::string entry(40, '\0');
  entry.replace(0, 4, "HvLE");
  std::string body = pages + data;
  body.resize((40 + body.size() + 511) / 512 * 512 - 40);
  put(entry, 4, 40 + body.size(), 4);
  put(entry, 12, sequence_of(before), 4);
  put(entry, 16, after.size() - HiveBaseBlock::kSize, 4);
  put(entry, 20, dirty.size(), 4);
  put(entry, 24, checkers::marvin32(body), 8);
  put(entry, 32, checkers::marvin32(entry.substr(0, 32)), 8);
  return log + entry + body;
}

std::string old_log_from(const std::string& before, const std::string& after) {
  std::string log = log_head(after, 1);
  const std::size_t pieces = (after.size() - HiveBaseBlock::kSize) / 512;
  std::string bitmap(pieces / 8, '\0');
  std::string data;
  for (const std::size_t at : changed(before, after, 512)) {
    const std::size_t piece = (at - HiveBaseBlock::kSize) / 512;
    bitmap[piece / 8] = static_cast<char>(static_cast<unsigned char>(bitmap[piece / 8]) | 1U << (piece % 8));
    data += after.substr(at, 512);
  }
  log += "DIRT" + bitmap;
  log.resize((log.size() + 511) / 512 * 512);
  return log + data;
}

}  // namespace imgfs::test
