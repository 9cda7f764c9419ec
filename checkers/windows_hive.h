#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/hive_log.h"
#include "core/result.h"
#include "vfs/guest_files.h"

struct hive_h;

namespace imgfs::checkers {

/// Loads the character sets that hivex reads names with, which takes files of this machine: once, before
/// the process is locked up. Without, names are damage.
void prepare_hives();

/// A registry hive of the guest, read whole, its logs replayed in memory, decoded by hivex. One thread.
/// Key and value names are looked up as Windows does, without regard to case.
class Hive {
 public:
  using Key = std::size_t;

  /// Opens the hive at `path` with its logs beside it. Errors: not_found; corrupt where hivex refuses it;
  /// too_large above 256 MiB.
  static Result<Hive> open(const GuestFiles& files, const std::string& path);

  HiveState state() const { return state_; }
  /// The first thing that could not be read so far: what was "not there" since may be there after all.
  const std::optional<Error>& damage() const { return damage_; }
  const std::string& path() const { return path_; }

  Key root() const;
  /// The key at `path` ("A\\B") below `from`; nothing where a part is missing.
  std::optional<Key> find(Key from, std::string_view path) const;
  std::optional<Key> find(std::string_view path) const { return find(root(), path); }
  std::vector<Key> children(Key key) const;  ///< at most 100,000
  std::string name(Key key) const;
  bool has_value(Key key, std::string_view name) const;
  /// Values; nothing where there is none, or where it is of another type. "" is the default value.
  std::optional<std::uint32_t> number(Key key, std::string_view name) const;
  std::optional<std::string> text(Key key, std::string_view name) const;
  std::optional<std::string> bytes(Key key, std::string_view name) const;
  /// Names of all values of a key.
  std::vector<std::string> value_names(Key key) const;

 private:
  struct Close {
    void operator()(hive_h* hive) const;
  };
  Hive() = default;
  std::optional<std::size_t> value(Key key, std::string_view name) const;
  /// Notes what hivex says about the call that was just made.
  void note(const char* what, Key key) const;

  std::unique_ptr<hive_h, Close> hive_;
  HiveState state_ = HiveState::clean;
  std::string path_;
  mutable std::optional<Error> damage_;
};

}  // namespace imgfs::checkers
