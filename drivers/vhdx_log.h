#pragma once

#include "drivers/vhdx_header.h"

namespace imgfs::vhdx {

/// `file` as it is once the writes in its log are done; `file` itself where the log is empty.
/// Nothing is written. Corrupt where the log holds entries that name places they must not, or the
/// file is shorter than it was when they were written.
Result<Device> replay_log(Device file, const Header& header, std::vector<Remark>& remarks);

}  // namespace imgfs::vhdx
