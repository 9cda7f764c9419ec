#pragma once

#include <optional>
#include <string>

#include "drivers/image_format.h"

namespace imgfs {

/// What a file is that is no disk image (an archive, a program, a web page) or an image of a format
/// that this program does not read, as a sentence with advice: "is a gzip archive: …". Nothing where
/// the bytes are not known. Reads at most a sector of `file` beyond what is in `bytes`.
std::optional<std::string> foreign_format(const ProbeBytes& bytes, const BlockDevice& file);

}  // namespace imgfs
