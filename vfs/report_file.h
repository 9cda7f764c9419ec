#pragma once

#include <atomic>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "core/result.h"
#include "vfs/tree.h"

namespace imgfs {

/// One form of the import report: made at its first open, once; whoever opens it meanwhile waits.
/// Safe for any number of threads.
class ReportFile {
 public:
  ReportFile(const TreeOptions& options, ReportForm form)
      : make_(options.make_report), form_(form) {}

  /// Makes the text where that is not done yet. The first failure is every later answer, too.
  Result<void> open() const {
    std::call_once(once_, [this] {
      text_ = make_(form_);
      if (*text_) size_.store(text_->value().size(), std::memory_order_release);
    });
    if (!*text_) return text_->error();
    return success();
  }
  /// 0 before it is made.
  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) const {
    TRY(open());
    const std::string& text = text_->value();
    if (offset >= text.size()) return std::size_t{0};
    const auto part =
        std::string_view(text).substr(static_cast<std::size_t>(offset), out.size());
    std::memcpy(out.data(), part.data(), part.size());
    return part.size();
  }

 private:
  std::function<Result<std::string>(ReportForm)> make_;
  ReportForm form_;
  mutable std::once_flag once_;
  mutable std::optional<Result<std::string>> text_;
  mutable std::atomic<std::uint64_t> size_{0};
};

}  // namespace imgfs
