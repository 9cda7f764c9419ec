#pragma once

#include <cstddef>
#include <span>

#include "core/result.h"

namespace imgfs::ntfs {

/// Decompresses LZNT1: chunks of 4096 bytes each, one after another. Fills the whole of `out`; what
/// the chunks do not reach is zeros. Never reads or writes outside. Source: [MS-XCA] 2.5.
Result<void> lznt1_decompress(std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace imgfs::ntfs
