#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>

namespace imgfs {

/// Why an operation failed. One word decides the errno and the report's wording.
enum class Errc {
  io,             ///< the host could not read the image file
  corrupt,        ///< the image breaks its own format's rules
  unsupported,    ///< valid, but a feature that this program does not have
  denied,         ///< refused by the user's options (the gate for other files) or by the host
  no_key,         ///< encrypted, and there is no key
  not_found,      ///< no such entry
  no_attribute,   ///< no such extended attribute
  not_directory,
  is_directory,
  not_symlink,
  symlink_loop,   ///< more links than a path may go through
  read_only,      ///< a write was asked for
  no_more_data,   ///< SEEK_DATA or SEEK_HOLE past the end (ENXIO)
  invalid,        ///< the caller's argument makes no sense
  too_large,      ///< a limit of ours, not of the format
};

/// What went wrong and where. `what` is a sentence for people without names of host files in it;
/// each layer that knows a name puts it in front with `in_context`.
struct Error {
  Errc code;
  std::string what;                         ///< "extent depth 9 (at most 5)"
  std::optional<std::uint64_t> position{};  ///< byte offset in what was being read, if known
};

template <class T>
using Result = boost::outcome_v2::basic_result<T, Error, boost::outcome_v2::policy::terminate>;

/// What a `Result<void>` returns when all went well.
inline auto success() { return boost::outcome_v2::success(); }

inline Error corrupt(std::string what, std::optional<std::uint64_t> position = {}) {
  return {Errc::corrupt, std::move(what), position};
}
inline Error unsupported(std::string what, std::optional<std::uint64_t> position = {}) {
  return {Errc::unsupported, std::move(what), position};
}

/// The same error with a name in front: in_context(error, "inode 12") says "inode 12: …".
Error in_context(Error error, std::string_view name);

/// The whole error as one line of valid UTF-8 without control characters: the sentence and, where
/// known, ", at 0x…".
std::string describe(const Error& error);

/// The only place where an Error becomes an errno (a positive number).
int to_errno(const Error& error);

/// Gives the value, or returns the error from the enclosing function. Don't nest it.
#define TRY(...)                                                                            \
  __extension__({                                                                           \
    auto&& try_result_ = (__VA_ARGS__);                                                     \
    if (!try_result_) return std::forward<decltype(try_result_)>(try_result_).as_failure(); \
    std::forward<decltype(try_result_)>(try_result_).assume_value();                        \
  })

}  // namespace imgfs
