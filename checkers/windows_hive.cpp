#include "checkers/windows_hive.h"

#include <fcntl.h>
#include <hivex.h>
#include <iconv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/bytes.h"
#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kHiveLimit = std::size_t{256} << 20;
constexpr std::size_t kLogLimit = std::size_t{128} << 20;
constexpr std::size_t kChildLimit = 100'000;

template <class T>
struct Freed {
  T* array;
  explicit Freed(T* given) : array(given) {}
  ~Freed() { std::free(array); }
  Freed(const Freed&) = delete;
  Freed& operator=(const Freed&) = delete;
};

std::string optional_log(const GuestFiles& files, const std::string& path) {
  auto log = files.read_text(path, kLogLimit);
  return log ? std::move(log.value()) : std::string();
}

/// hivex wants a file's name: a memory file has one, and needs no place on a disk.
Result<hive_h*> open_in_memory(const std::string& bytes) {
  const int fd = ::memfd_create("hive", MFD_CLOEXEC);
  if (fd < 0) return Error{Errc::io, std::string("no memory file: ") + std::strerror(errno), {}};
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd, rest.data(), rest.size());
    if (count <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  const std::string name = "/proc/self/fd/" + std::to_string(fd);
  hive_h* const hive = rest.empty() ? ::hivex_open(name.c_str(), 0) : nullptr;
  const int number = errno;
  ::close(fd);
  if (hive == nullptr) return corrupt(std::string("hivex refuses the hive: ") + std::strerror(number));
  return hive;
}

}  // namespace

void prepare_hives() {
  // Never closed: while one is open, glibc keeps its module, and opening it again needs no file.
  static const iconv_t kept[] = {::iconv_open("UTF-8", "LATIN1"), ::iconv_open("LATIN1", "UTF-8"),
                                 ::iconv_open("UTF-8", "UTF-16LE"), ::iconv_open("UTF-16LE", "UTF-8")};
  static_cast<void>(kept);
}

void Hive::Close::operator()(hive_h* hive) const { ::hivex_close(hive); }

Result<Hive> Hive::open(const GuestFiles& files, const std::string& path) {
  std::string bytes = TRY(files.read_text(path, kHiveLimit));
  Hive out;
  out.path_ = path;
  std::string log1 = optional_log(files, path + ".LOG1");
  if (log1.empty()) log1 = optional_log(files, path + ".LOG");
  out.state_ = replay_hive_logs(bytes, log1, optional_log(files, path + ".LOG2"));
  out.hive_.reset(TRY(open_in_memory(bytes)));
  if (::hivex_root(out.hive_.get()) == 0) return corrupt("the hive has no root key");
  return out;
}

Hive::Key Hive::root() const { return ::hivex_root(hive_.get()); }

std::optional<Hive::Key> Hive::find(Key from, std::string_view path) const {
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('\\'), path.size());
    const std::string part(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
    errno = 0;
    const Key child = ::hivex_node_get_child(hive_.get(), from, part.c_str());
    if (child == 0) {
      note("list of subkeys", from);
      return std::nullopt;
    }
    from = child;
  }
  return from;
}

void Hive::note(const char* what, Key key) const {
  // Zero: the call found no such thing, and all is well.
  if (errno != 0 && !damage_)
    damage_ = corrupt(std::string(what) + " of a registry key cannot be read: " + std::strerror(errno), key);
}

std::vector<Hive::Key> Hive::children(Key key) const {
  errno = 0;
  const Freed<hive_node_h> list(::hivex_node_children(hive_.get(), key));
  if (list.array == nullptr) note("list of subkeys", key);
  std::vector<Key> out;
  for (std::size_t i = 0; list.array != nullptr && list.array[i] != 0 && i < kChildLimit; ++i)
    out.push_back(list.array[i]);
  return out;
}

std::string Hive::name(Key key) const {
  errno = 0;
  const Freed<char> name(::hivex_node_name(hive_.get(), key));
  if (name.array == nullptr) note("name", key);
  return name.array == nullptr ? "" : name.array;
}

std::optional<std::size_t> Hive::value(Key key, std::string_view name) const {
  errno = 0;
  const std::size_t found = ::hivex_node_get_value(hive_.get(), key, std::string(name).c_str());
  if (found == 0) note("list of values", key);
  return found == 0 ? std::nullopt : std::optional(found);
}

bool Hive::has_value(Key key, std::string_view name) const { return value(key, name).has_value(); }

std::optional<std::string> Hive::bytes(Key key, std::string_view name) const {
  const auto found = value(key, name);
  if (!found) return std::nullopt;
  hive_type type{};
  std::size_t length = 0;
  errno = 0;
  const Freed<char> data(::hivex_value_value(hive_.get(), *found, &type, &length));
  if (data.array == nullptr) {
    note("value", key);
    return std::nullopt;
  }
  return std::string(data.array, length);
}

std::optional<std::uint32_t> Hive::number(Key key, std::string_view name) const {
  const auto raw = bytes(key, name);
  if (!raw || raw->size() != 4) return std::nullopt;
  return get<le32>(as_bytes(*raw))->value();
}

std::optional<std::string> Hive::text(Key key, std::string_view name) const {
  const auto raw = bytes(key, name);
  if (!raw) return std::nullopt;
  std::string out = utf16le_to_wtf8(as_bytes(*raw));
  return out.substr(0, out.find('\0'));
}

std::vector<std::string> Hive::value_names(Key key) const {
  errno = 0;
  const Freed<hive_value_h> list(::hivex_node_values(hive_.get(), key));
  if (list.array == nullptr) note("list of values", key);
  std::vector<std::string> out;
  for (std::size_t i = 0; list.array != nullptr && list.array[i] != 0 && i < kChildLimit; ++i) {
    errno = 0;
    const Freed<char> name(::hivex_value_key(hive_.get(), list.array[i]));
    if (name.array == nullptr) note("name of a value", key);
    if (name.array != nullptr) out.emplace_back(name.array);
  }
  return out;
}

}  // namespace imgfs::checkers
