#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace imgfs::test {

/// A registry hive as keys and values; bytes() makes the file, written by hivex.
class HiveBuilder {
 public:
  using Binary = std::vector<unsigned char>;
  using Value = std::variant<std::uint32_t, std::string, Binary>;  ///< REG_DWORD, REG_SZ, REG_BINARY

  /// The key at `path` ("A\\B"), made with those above it.
  void key(const std::string& path) { keys_[path]; }
  void set(const std::string& path, const std::string& name, Value value) { keys_[path][name] = std::move(value); }
  /// Takes a key away with all below it.
  void remove(const std::string& path);
  std::string bytes() const;

 private:
  std::map<std::string, std::map<std::string, Value>> keys_;
};

/// `hive` as it is after a write that was cut off: sequence numbers that differ, checksum right.
std::string torn(std::string hive);
/// A log of the newer form whose entries, from the hive's own number on, make `before` into `after`.
std::string log_from(const std::string& before, const std::string& after);
/// The same in the form before Windows 8.1.
std::string old_log_from(const std::string& before, const std::string& after);

}  // namespace imgfs::test
