#include "volumes/lvm_text.h"

#include <algorithm>
#include <charconv>

namespace imgfs::volumes {
namespace {

constexpr int kMaxDepth = 8;
constexpr std::size_t kMaxValues = 500'000;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool is_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || c == '+';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text.substr(0, text.find('\0'))) {}

  Result<LvmValue> whole() {
    LvmValue top;
    TRY(section(top, 0));
    if (at_ != text_.size()) return corrupt("'}' without a section", at_);
    return top;
  }

 private:
  void skip_blanks() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '#')
        at_ = std::min(text_.find('\n', at_), text_.size() - 1);
      else if (!is_space(text_[at_]))
        return;
    }
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool at_end_of_section() {
    skip_blanks();
    return at_ == text_.size() || text_[at_] == '}';
  }

  /// Items up to a '}', which is left, or the end. Recursion: at most kMaxDepth.
  Result<void> section(LvmValue& out, int depth) {
    if (depth > kMaxDepth) return corrupt("sections nested deeper than 8", at_);
    while (!at_end_of_section()) {
      LvmValue& item = TRY(append(out));
      item.key = TRY(key());
      if (accept('{')) {
        TRY(section(item, depth + 1));
        if (!accept('}')) return corrupt("section \"" + item.key + "\" has no end", at_);
      } else if (accept('=')) {
        TRY(value(item));
      } else {
        return corrupt("\"" + item.key + "\" is followed by neither '=' nor '{'", at_);
      }
    }
    return success();
  }

  Result<std::reference_wrapper<LvmValue>> append(LvmValue& out) {
    if (++values_ > kMaxValues) return Error{Errc::too_large, "more than 500000 values", at_};
    out.items.emplace_back();
    return std::ref(out.items.back());
  }

  Result<std::string> key() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_key(text_[at_])) ++at_;
    if (at_ == begin) return corrupt("a name was expected", at_);
    return std::string(text_.substr(begin, at_ - begin));
  }

  Result<void> value(LvmValue& out) {
    if (!accept('[')) return scalar(out);
    out.kind = LvmValue::Kind::list;
    while (!accept(']')) {
      LvmValue& item = TRY(append(out));
      TRY(scalar(item));
      if (accept(',')) continue;
      if (!accept(']')) return corrupt("list without ']'", at_);
      break;
    }
    return success();
  }

  Result<void> scalar(LvmValue& out) {
    skip_blanks();
    if (at_ == text_.size()) return corrupt("a value was expected", at_);
    if (text_[at_] == '"' || text_[at_] == '\'') return quoted(out);
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_key(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out.number);
    if (word.empty() || error != std::errc{})
      return corrupt("a number, a text or a list was expected", begin);
    // A fraction ("1.5") is no number that the metadata uses.
    out.kind = LvmValue::Kind::number;
    if (end != word.data() + word.size() && *end != '.')
      return corrupt("a number was expected", begin);
    return success();
  }

  Result<void> quoted(LvmValue& out) {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    out.kind = LvmValue::Kind::text;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out.text += text_[at_];
    }
    if (at_ == text_.size()) return corrupt("text without its closing quote", begin);
    ++at_;
    return success();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

const LvmValue* LvmValue::find(std::string_view name) const {
  const auto found = std::ranges::find(items, name, &LvmValue::key);
  return kind == Kind::section && found != items.end() ? &*found : nullptr;
}

const LvmValue* LvmValue::section(std::string_view name) const {
  const LvmValue* value = find(name);
  return value != nullptr && value->kind == Kind::section ? value : nullptr;
}

std::optional<std::uint64_t> LvmValue::number_of(std::string_view name, std::uint64_t limit) const {
  const LvmValue* value = find(name);
  if (value == nullptr || value->kind != Kind::number || value->number < 0) return std::nullopt;
  const auto found = static_cast<std::uint64_t>(value->number);
  return found <= limit ? std::optional(found) : std::nullopt;
}

std::string_view LvmValue::text_of(std::string_view name) const {
  const LvmValue* value = find(name);
  return value != nullptr && value->kind == Kind::text ? std::string_view(value->text)
                                                       : std::string_view();
}

bool LvmValue::has_flag(std::string_view name, std::string_view item) const {
  const LvmValue* value = find(name);
  if (value == nullptr || value->kind != Kind::list) return false;
  return std::ranges::any_of(value->items,
                             [item](const LvmValue& flag) { return flag.text == item; });
}

Result<LvmValue> parse_lvm_text(std::string_view text) { return Parser(text).whole(); }

}  // namespace imgfs::volumes
