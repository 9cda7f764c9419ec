// make_hive HIVE <TEXT            a registry hive. A line is KEY, or KEY, NAME, KIND and VALUE with tabs
//                                 between them; KIND is dword, sz or hex.
// make_hive tear OLD NEW HIVE     HIVE is OLD after a write of NEW that was cut off; HIVE.LOG1 is the
//                                 log from which the write can be finished. "tear-old": as Windows 7 does.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "core/text.h"
#include "tests/checkers/hive_builder.cpp"  // a tool is one file

namespace {

using imgfs::test::HiveBuilder;

std::string read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

HiveBuilder::Value parse_value(const std::string& kind, const std::string& text) {
  if (kind == "dword") return static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 0));
  if (kind != "hex") return text;
  const std::string bytes = imgfs::from_hex(text).value_or("");
  return HiveBuilder::Binary(bytes.begin(), bytes.end());
}

int make(const char* path) {
  HiveBuilder hive;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream fields(line);
    std::string key, name, kind, value;
    std::getline(fields, key, '\t');
    if (!std::getline(fields, name, '\t')) {
      hive.key(key);
      continue;
    }
    std::getline(fields, kind, '\t');
    std::getline(fields, value);
    hive.set(key, name, parse_value(kind, value));
  }
  write_file(path, hive.bytes());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (argc == 2) return make(argv[1]);
  if (argc != 5 || !command.starts_with("tear")) return std::fprintf(stderr, "usage: make_hive HIVE, or make_hive tear OLD NEW HIVE\n"), 2;
  const std::string before = read_file(argv[2]);
  const std::string after = read_file(argv[3]);
  write_file(argv[4], imgfs::test::torn(before));
  write_file(argv[4] + std::string(".LOG1"), command == "tear" ? imgfs::test::log_from(before, after) : imgfs::test::old_log_from(before, after));
  return 0;
}
