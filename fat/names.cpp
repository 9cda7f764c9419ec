#include "fat/names.h"

#include <algorithm>

#include "core/text.h"

namespace imgfs::fat {
namespace {

/// Code page 437 from 0x80 on. Source: the Unicode Consortium's mapping table CP437.TXT.
constexpr char16_t kCodePage437[129] =
    u"\u00c7\u00fc\u00e9\u00e2\u00e4\u00e0\u00e5\u00e7\u00ea\u00eb\u00e8\u00ef\u00ee\u00ec\u00c4"
    u"\u00c5"
    u"\u00c9\u00e6\u00c6\u00f4\u00f6\u00f2\u00fb\u00f9\u00ff\u00d6\u00dc\u00a2\u00a3\u00a5\u20a7"
    u"\u0192"
    u"\u00e1\u00ed\u00f3\u00fa\u00f1\u00d1\u00aa\u00ba\u00bf\u2310\u00ac\u00bd\u00bc\u00a1\u00ab"
    u"\u00bb"
    u"\u2591\u2592\u2593\u2502\u2524\u2561\u2562\u2556\u2555\u2563\u2551\u2557\u255d\u255c\u255b"
    u"\u2510"
    u"\u2514\u2534\u252c\u251c\u2500\u253c\u255e\u255f\u255a\u2554\u2569\u2566\u2560\u2550\u256c"
    u"\u2567"
    u"\u2568\u2564\u2565\u2559\u2558\u2552\u2553\u256b\u256a\u2518\u250c\u2588\u2584\u258c\u2590"
    u"\u2580"
    u"\u03b1\u00df\u0393\u03c0\u03a3\u03c3\u00b5\u03c4\u03a6\u0398\u03a9\u03b4\u221e\u03c6\u03b5"
    u"\u2229"
    u"\u2261\u00b1\u2265\u2264\u2320\u2321\u00f7\u2248\u00b0\u2219\u00b7\u221a\u207f\u00b2\u25a0"
    u"\u00a0";

/// The same letter in lower case, in the code page.
unsigned char lower(unsigned char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned char>(c + 32);
  constexpr unsigned char kPairs[][2] = {{0x80, 0x87}, {0x8e, 0x84}, {0x8f, 0x86}, {0x90, 0x82},
                                         {0x92, 0x91}, {0x99, 0x94}, {0x9a, 0x81}, {0xa5, 0xa4},
                                         {0xe4, 0xe5}, {0xe8, 0xed}};
  for (const auto& pair : kPairs)
    if (pair[0] == c) return pair[1];
  return c;
}

/// Appends up to `size` characters without the blanks behind; the first 0 ends them.
void append(std::u16string& out, const char* chars, std::size_t size, bool in_lower_case) {
  std::size_t keep = out.size();
  for (std::size_t i = 0; i < size && chars[i] != 0; ++i) {
    auto c = static_cast<unsigned char>(chars[i]);
    if (in_lower_case) c = lower(c);
    out += c < 0x80 ? static_cast<char16_t>(c) : kCodePage437[c - 0x80];
    if (c != ' ') keep = out.size();
  }
  out.resize(keep);
}

}  // namespace

std::string short_name(const ShortEntry& entry) {
  char name[11];
  std::ranges::copy(entry.name, name);
  if (name[0] == 0x05) name[0] = kDeleted;  // stands for that letter, which marks deleted entries
  std::u16string out;
  append(out, name, 8, (entry.case_bits & kLowerBase) != 0);
  const std::size_t base = out.size();
  out += u'.';
  append(out, name + 8, 3, (entry.case_bits & kLowerExtension) != 0);
  if (out.size() == base + 1) out.resize(base);
  return utf16_to_wtf8(out);
}

std::uint8_t short_name_checksum(const ShortEntry& entry) {
  unsigned sum = 0;
  for (const char c : entry.name)
    sum = (((sum & 1U) << 7) + (sum >> 1) + static_cast<unsigned char>(c)) & 0xffU;
  return static_cast<std::uint8_t>(sum);
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return fold(x) == fold(y); });
}

}  // namespace imgfs::fat
