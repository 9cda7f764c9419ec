#pragma once

#include <cstddef>
#include <span>

namespace imgfs {

/// This thread's buffer for one reply, at least `size` bytes, not cleared. Valid until the thread's
/// next call.
std::span<std::byte> read_buffer(std::size_t size);
/// The same for listings, as characters.
std::span<char> listing_buffer(std::size_t size);

}  // namespace imgfs
