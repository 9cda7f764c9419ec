#include "checkers/bounded_yaml.h"

#include <algorithm>
#include <sstream>

#include <yaml-cpp/eventhandler.h>

#include "core/text.h"

namespace imgfs::checkers {
namespace {

constexpr std::size_t kMaxText = 256 << 10;
constexpr int kMaxDepth = 64;
constexpr int kMaxNodes = 20'000;

/// Counts what a document would become, before it becomes it.
class Counter final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { node(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { node(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    node(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    deeper(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    deeper(mark);
  }
  void OnMapEnd() override { --depth_; }

 private:
  void node(const YAML::Mark& mark) {
    if (++nodes_ > kMaxNodes) throw YAML::ParserException(mark, "more than 20,000 nodes");
  }
  void deeper(const YAML::Mark& mark) {
    node(mark);
    if (++depth_ > kMaxDepth) throw YAML::ParserException(mark, "more than 64 levels");
  }
  int depth_ = 0;
  int nodes_ = 0;
};

/// yaml-cpp takes no block scalar with an anchor ("- &name |"), which cloud-init's own files have. Such
/// a scalar becomes an empty one; its lines stay, empty, so that all others keep their numbers.
std::string without_anchored_blocks(std::string_view text) {
  std::string out;
  std::size_t inside = std::string_view::npos;  // the indent of the line that opened a block
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t indent = line.find_first_not_of(" \r");
    if (inside != std::string_view::npos) {
      if (indent == std::string_view::npos || indent > inside) {
        out += '\n';
        continue;
      }
      inside = std::string_view::npos;
    }
    const std::size_t last = line.find_last_not_of(" \t\r");
    const std::size_t mark = line.rfind(" &");
    const std::size_t bar = line.find_last_of("|>");
    const bool block = mark != std::string_view::npos && bar != std::string_view::npos && bar > mark &&
                       line[bar - 1] == ' ' && last - bar <= 2 && line.find('#') == std::string_view::npos &&
                       line.substr(mark + 2, bar - mark - 3).find(' ') == std::string_view::npos;
    if (block) {
      inside = indent;
      line = line.substr(0, bar);
      out += std::string(line) + "''\n";
      continue;
    }
    out += std::string(line) + "\n";
  }
  return out;
}

}  // namespace

std::optional<YAML::Node> load_yaml(std::string_view text, YamlProblem& problem) {
  if (text.size() > kMaxText) {
    problem = {1, "more than 256 KiB"};
    return {};
  }
  try {
    Counter counter;
    const std::string taken = without_anchored_blocks(text);
    std::istringstream counted(taken);
    YAML::Parser parser(counted);
    parser.HandleNextDocument(counter);
    return YAML::Load(taken);
  } catch (const YAML::Exception& exception) {
    problem = {exception.mark.line + 1, printable(exception.msg)};
  } catch (const std::exception& exception) {  // what its scanner's containers throw
    problem = {1, printable(exception.what())};
  }
  return {};
}

}  // namespace imgfs::checkers
