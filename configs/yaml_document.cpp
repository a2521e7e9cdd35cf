// SPDX-License-Identifier: Apache-2.0
#include "configs/yaml_document.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <sstream>
#include <unordered_set>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace stagedoor::configs {
namespace {

position place(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

/// What a document may not contain; thrown through yaml-cpp, caught in parse_yaml.
struct rejected {
  position at;
  std::string message;
};

/// Builds the tree from the parser's events, which, unlike yaml-cpp's own nodes, carry a mark for
/// every key and are counted before anything is expanded.
class builder : public YAML::EventHandler {
 public:
  [[nodiscard]] node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    node n;
    n.at = place(mark);
    count(1, n.at);
    add(std::move(n), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    // An alias inside its own anchor is not complete yet, and would never end.
    if (found == anchors_.end())
      throw rejected{place(mark), "an alias may not refer to its own parent"};
    count(found->second.size, place(mark));
    node copy = found->second.value;
    check_depth(found->second.depth, place(mark));
    if (!stack_.empty()) deepen(found->second.depth);
    add(std::move(copy), YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    node n;
    n.at = place(mark);
    count(1, n.at);
    // yaml-cpp reports `~` and an empty plain scalar as text; quoted ones carry the tag "!".
    const bool null = tag != "!" && (value.empty() || value == "~" || value == "null" ||
                                     value == "Null" || value == "NULL");
    n.type = null && !expects_key() ? node::kind::none : node::kind::scalar;
    if (n.type == node::kind::scalar) n.text = value;
    add(std::move(n), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, node::kind::list, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, node::kind::map, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct frame {
    node value;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::size_t count_before = 0;
    std::size_t depth_below = 0;  ///< deepest nesting seen inside, itself included
    std::unordered_set<std::string> keys;
    std::vector<node> merged;  ///< the maps behind `<<`
    std::string key;
    position key_at;
    bool has_key = false;
  };
  struct anchored {
    node value;
    std::size_t size = 0;
    std::size_t depth = 0;
  };

  void count(std::size_t nodes, position at) {
    count_ += nodes;
    if (count_ > defaults::yaml_nodes)
      throw rejected{at, fmt::format("expected at most {} values in one file, aliases expanded",
                                     defaults::yaml_nodes)};
  }

  void check_depth(std::size_t below, position at) const {
    if (stack_.size() + below > defaults::yaml_depth)
      throw rejected{at,
                     fmt::format("expected at most {} levels of nesting", defaults::yaml_depth)};
  }

  void deepen(std::size_t below) {
    stack_.back().depth_below = std::max(stack_.back().depth_below, below);
  }

  [[nodiscard]] bool expects_key() const {
    return !stack_.empty() && stack_.back().value.type == node::kind::map && !stack_.back().has_key;
  }

  void open(const YAML::Mark& mark, node::kind type, YAML::anchor_t anchor) {
    const position at = place(mark);
    if (expects_key()) throw rejected{at, "expected a scalar as key"};
    count(1, at);
    check_depth(1, at);
    frame f;
    f.value.type = type;
    f.value.at = at;
    f.anchor = anchor;
    f.count_before = count_ - 1;
    stack_.push_back(std::move(f));
  }

  void close() {
    frame done = std::move(stack_.back());
    stack_.pop_back();
    for (auto& source : done.merged)
      for (auto& e : source.entries)
        if (done.keys.insert(e.key).second) done.value.entries.push_back(std::move(e));
    const std::size_t depth = done.depth_below + 1;
    if (!stack_.empty()) deepen(depth);
    add(std::move(done.value), done.anchor, count_ - done.count_before, depth);
  }

  void add(node n, YAML::anchor_t anchor, std::size_t size = 1, std::size_t depth = 0) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {n, size, depth};
    if (stack_.empty()) {
      root_ = std::move(n);
      return;
    }
    frame& top = stack_.back();
    if (top.value.type == node::kind::list) {
      top.value.items.push_back(std::move(n));
    } else if (!top.has_key) {
      take_key(top, std::move(n));
    } else {
      take_value(top, std::move(n));
    }
  }

  static void take_key(frame& top, node n) {
    if (n.type != node::kind::scalar && n.type != node::kind::none)
      throw rejected{n.at, "expected a scalar as key"};
    top.key = std::move(n.text);
    top.key_at = n.at;
    top.has_key = true;
    if (top.key != "<<" && !top.keys.insert(top.key).second)
      throw rejected{n.at, fmt::format("{} is given twice in one mapping", shown(top.key))};
  }

  static void take_value(frame& top, node n) {
    top.has_key = false;
    if (top.key != "<<") {
      top.value.entries.push_back({std::move(top.key), top.key_at, std::move(n)});
    } else if (n.type == node::kind::map) {
      top.merged.push_back(std::move(n));
    } else if (n.type == node::kind::list) {
      for (auto& item : n.items) {
        if (item.type != node::kind::map) throw rejected{item.at, "expected a mapping to merge"};
        top.merged.push_back(std::move(item));
      }
    } else {
      throw rejected{n.at, "expected a mapping to merge"};
    }
  }

  node root_;
  std::vector<frame> stack_;
  std::map<YAML::anchor_t, anchored> anchors_;
  std::size_t count_ = 0;
};

class nothing_more : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { at = place(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override { empty = false; }
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string& value) override {
    empty = empty && value.empty();
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    empty = false;
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    empty = false;
  }
  void OnMapEnd() override {}

  position at;
  bool empty = true;
};

}  // namespace

std::optional<document> parse_yaml(std::string file, std::string_view text, diagnostics& out) {
  const auto refuse = [&](position at, std::string message) {
    out.error({file, at.line, at.column}, std::move(message));
    return std::nullopt;
  };
  if (text.size() > defaults::config_file_bytes)
    return refuse({}, fmt::format("expected at most {} bytes", defaults::config_file_bytes));
  try {
    // yaml-cpp takes the end of the text for a closing quote, and so swallows what a forgotten one
    // encloses. It does refuse an end-of-document mark inside quotes.
    const bool whole_lines = text.empty() || text.back() == '\n';
    std::istringstream stream{std::string(text) + (whole_lines ? "...\n" : "\n...\n")};
    YAML::Parser parser(stream);
    builder first;
    if (!parser.HandleNextDocument(first)) return document{std::move(file), {}};
    nothing_more second;
    if (parser.HandleNextDocument(second) && !second.empty)
      return refuse(second.at, "expected one document in the file, got a second one");
    return document{std::move(file), first.take()};
  } catch (const rejected& r) {
    return refuse(r.at, r.message);
  } catch (const YAML::Exception& e) {
    return refuse(place(e.mark), e.msg);
  } catch (const std::exception& e) {
    return refuse({}, e.what());
  }
}

}  // namespace stagedoor::configs
