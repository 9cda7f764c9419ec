// Text from an image on its way to a terminal: always valid and printable; UTF-16 and back is the same.
#include <cstdlib>
#include <string>

#include "core/bytes.h"
#include "core/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::string shown = printable(as_chars(bytes));
  for (const char c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
  if (printable(shown) != shown) std::abort();
  const std::string wtf8 = utf16le_to_wtf8(bytes);
  const auto units = wtf8_to_utf16(wtf8);
  if (!units || units->size() != size / 2 || utf16_to_wtf8(*units) != wtf8) std::abort();
  const auto raw = from_hex(to_hex(as_chars(bytes)));
  if (!raw || *raw != as_chars(bytes)) std::abort();
  static_cast<void>(trimmed(as_chars(bytes)));
  return 0;
}
