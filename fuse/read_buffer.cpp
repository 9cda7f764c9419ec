#include "fuse/read_buffer.h"

#include <memory>

namespace imgfs {
namespace {

/// Grows and never shrinks: the kernel asks for at most a megabyte at a time.
template <class T>
class Buffer {
 public:
  std::span<T> of(std::size_t size) {
    if (size > size_) {
      bytes_ = std::make_unique_for_overwrite<T[]>(size);
      size_ = size;
    }
    return {bytes_.get(), size};
  }

 private:
  std::unique_ptr<T[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace

std::span<std::byte> read_buffer(std::size_t size) {
  thread_local Buffer<std::byte> buffer;
  return buffer.of(size);
}

std::span<char> listing_buffer(std::size_t size) {
  thread_local Buffer<char> buffer;
  return buffer.of(size);
}

}  // namespace imgfs
