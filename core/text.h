#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace imgfs {

/// `text` as valid UTF-8 without control characters: what is not is written as \xNN. Used for every
/// byte of an image that reaches the report, the log or a terminal.
std::string printable(std::string_view text);

/// Lower-case hexadecimal digits, two a byte.
std::string to_hex(std::string_view bytes);
/// The bytes that `hex` spells; nothing where it is not pairs of hexadecimal digits.
std::optional<std::string> from_hex(std::string_view hex);

/// 16 bytes in the usual spelling 8-4-4-4-12, in the order given (RFC 4122).
std::string uuid_text(std::span<const std::byte, 16> bytes);
/// The same for a GUID as Microsoft and GPT store it: the first three fields little-endian.
std::string guid_text(std::span<const std::byte, 16> bytes);

/// Without white space (and NUL) at both ends.
std::string_view trimmed(std::string_view text);

/// UTF-16LE to UTF-8. An unpaired surrogate is kept as its three-byte form (WTF-8), so that the
/// result can be turned back. An odd last byte is dropped.
std::string utf16le_to_wtf8(std::span<const std::byte> utf16);
/// The inverse; nothing where `text` is neither UTF-8 nor WTF-8.
std::optional<std::u16string> wtf8_to_utf16(std::string_view text);
/// UTF-16 code units to WTF-8.
std::string utf16_to_wtf8(std::u16string_view text);

}  // namespace imgfs
