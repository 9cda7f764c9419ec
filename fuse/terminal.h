#pragma once

namespace imgfs {

/// Points the three standard descriptors at /dev/null: whoever waits for the end of our output may go
/// on, and no directory or terminal is kept busy.
void leave_terminal();

}  // namespace imgfs
