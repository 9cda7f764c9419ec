// Patches over the journal of a small valid image, checksums ignored: transactions, revokes, fast
// commits. Input: (le16 offset in the journal / 4, byte length 0…15 in the low bits, bytes)…
#include <cstdint>

#include "ext/ext.h"
#include "tests/ext/journal_image.h"
#include "tests/support/walk.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace imgfs;
  static const std::vector<std::byte> kBase = ext::journal_image(ext::JournalForm{}).finish();
  std::vector<std::byte> bytes = kBase;
  const auto input = std::as_bytes(std::span(data, size));
  constexpr std::size_t kStart = ext::kJournalStart * ext::ExtImage::kBlock;
  for (std::size_t at = 0; at + 3 <= input.size();) {
    const std::size_t offset = kStart + std::size_t{get<le16>(input, at)->value()} * 4;
    const std::size_t length = std::to_integer<std::size_t>(input[at + 2]) % 16 + 1;
    at += 3;
    for (std::size_t i = 0; i < length && at < input.size(); ++i, ++at)
      if (offset + i < bytes.size()) bytes[offset + i] = input[at];
  }
  const Device device = std::make_shared<MemoryDevice>(std::move(bytes));
  if (const auto fs = ext::file_system_type().open(device, Recovery::log))
    walk(*fs.value(), {200, 1U << 20, 6});
  return 0;
}
