#include "core/result.h"

#include <cerrno>
#include <cstdio>

#include "core/text.h"

namespace imgfs {

Error in_context(Error error, std::string_view name) {
  error.what = std::string(name) + ": " + error.what;
  return error;
}

std::string describe(const Error& error) {
  std::string line = printable(error.what);
  if (error.position) {
    char position[32];
    std::snprintf(position, sizeof position, ", at 0x%llx",
                  static_cast<unsigned long long>(*error.position));
    line += position;
  }
  return line;
}

int to_errno(const Error& error) {
  switch (error.code) {
    case Errc::io:
    case Errc::corrupt: return EIO;
    case Errc::unsupported: return EOPNOTSUPP;
    case Errc::denied: return EACCES;
    case Errc::no_key: return ENOKEY;
    case Errc::not_found: return ENOENT;
    case Errc::no_attribute: return ENODATA;
    case Errc::not_directory: return ENOTDIR;
    case Errc::is_directory: return EISDIR;
    case Errc::not_symlink: return EINVAL;
    case Errc::symlink_loop: return ELOOP;
    case Errc::read_only: return EROFS;
    case Errc::no_more_data: return ENXIO;
    case Errc::invalid: return EINVAL;
    case Errc::too_large: return EFBIG;
  }
  return EIO;
}

}  // namespace imgfs
