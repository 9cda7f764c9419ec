#include "drivers/parent_disk.h"

#include <algorithm>
#include <optional>

#include "core/text.h"

namespace imgfs {
namespace {

void add(std::vector<std::string>& names, std::string name) {
  if (!name.empty() && std::ranges::find(names, name) == names.end())
    names.push_back(std::move(name));
}

bool is_absolute(std::string_view path) {
  return path.starts_with('/') || (path.size() > 1 && path[1] == ':');
}

}  // namespace

void add_path(std::vector<std::string>& names, std::string_view path) {
  std::string host(path.substr(0, path.find('\0')));
  std::ranges::replace(host, '\\', '/');
  const bool relative = !is_absolute(host);
  while (host.starts_with("./")) host.erase(0, 2);
  const std::string last = host.substr(host.rfind('/') + 1);
  if (relative) add(names, host);
  add(names, last);
  if (host.starts_with('/') && !host.starts_with("//")) add(names, std::move(host));
}

Result<ParentFile> open_parent(const ImageSource& child, const std::vector<std::string>& names) {
  if (child.depth >= kMaxParents)
    return corrupt("chain of more than " + std::to_string(kMaxParents) + " parent disks");
  if (names.empty()) return corrupt("differencing disk that does not name its parent");
  std::optional<Error> refused;
  for (const std::string& name : names) {
    auto file = child.siblings.open(name);
    if (file) return ParentFile{name, std::move(file.value()), child.siblings.beside(name)};
    const Errc code = file.error().code;
    if (code != Errc::not_found && code != Errc::denied)
      return in_context(file.error(), "parent disk " + printable(name));
    if (code == Errc::denied && !refused) refused = in_context(file.error(), "parent disk");
  }
  if (refused) return *refused;
  return Error{Errc::not_found,
               "the parent disk " + printable(names.front()) +
                   " is not there, and without it this image is incomplete",
               {}};
}

}  // namespace imgfs
