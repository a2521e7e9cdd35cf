// SPDX-License-Identifier: Apache-2.0
#include "configs/corefile.hpp"

#include "configs/defaults.hpp"
#include "configs/text_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <glob.h>
#include <map>
#include <optional>

namespace stagedoor::configs {
namespace {

/// {%NAME%}, then {$NAME}, each replaced wherever it stands; without a name it stays.
std::string with_variables(std::string text, std::string_view open, std::string_view close,
                           const environment& env) {
  std::size_t from = 0;
  for (;;) {
    const auto start = text.find(open, from);
    if (start == std::string::npos) return text;
    const auto end = text.find(close, start + open.size());
    if (end == std::string::npos) return text;
    const auto name = std::string_view(text).substr(start + open.size(), end - start - open.size());
    if (name.empty()) {
      from = end + close.size();
      continue;
    }
    const std::string value = env(name).value_or("");
    text.replace(start, end + close.size() - start, value);
    from = start + value.size();
  }
}

class parser {
 public:
  parser(const corefile_sources& sources, diagnostics& out) : sources_(sources), out_(out) {}

  std::vector<corefile_block> run(const std::string& file, std::string_view text) {
    push(lexed(file, text), 0);
    // After a broken structure nothing that follows can be told apart: one error, then the end.
    while (good_ && !pending_.empty()) block();
    return std::move(blocks_);
  }

 private:
  struct token : corefile_token {
    std::size_t depth = 0;  ///< imports around it
    bool first = false;     ///< of its line
  };

  // -- tokens ----------------------------------------------------------------------------------------

  /// A text's tokens with their variables resolved.
  std::vector<corefile_token> lexed(const std::string& file, std::string_view text) {
    auto tokens = lex_corefile(file, text);
    for (auto& t : tokens) {
      if (!t.closed) stop(t.at, "expected a closing quote");
      const bool brace = is_brace(t);
      t.text = with_variables(with_variables(std::move(t.text), "{%", "%}", sources_.env), "{$",
                              "}", sources_.env);
      if (!brace && (t.text == "{" || t.text == "}"))
        t.quoted = true;  // a value is never structure
    }
    return tokens;
  }

  void push(std::vector<corefile_token> tokens, std::size_t depth) {
    total_ += tokens.size();
    if (!tokens.empty() && total_ > defaults::corefile_tokens)
      return stop(tokens.front().at, fmt::format("expected at most {} words, imports included",
                                                 defaults::corefile_tokens));
    std::vector<token> fresh;
    fresh.reserve(tokens.size());
    for (auto& t : tokens) {
      const bool first =
          fresh.empty() || fresh.back().last_line != t.at.line || fresh.back().at.file != t.at.file;
      fresh.push_back({std::move(t), depth, first});
    }
    pending_.insert(pending_.end(), std::make_move_iterator(fresh.rbegin()),
                    std::make_move_iterator(fresh.rend()));
  }

  static bool is_brace(const corefile_token& t) {
    return !t.quoted && (t.text == "{" || t.text == "}");
  }
  static bool opens(const token& t) { return !t.quoted && t.text == "{"; }
  static bool closes(const token& t) { return !t.quoted && t.text == "}"; }

  [[nodiscard]] const token& next() const { return pending_.back(); }
  token take() {
    token t = std::move(pending_.back());
    pending_.pop_back();
    last_ = t.at;
    return t;
  }

  void stop(const location& at, std::string message) {
    if (good_) out_.error(at, std::move(message));
    good_ = false;
  }

  // -- structure -------------------------------------------------------------------------------------

  void block() {
    corefile_block b;
    const bool braces = keys(b);
    if (!good_ || b.keys.empty()) return;
    const location start = b.keys.front().at;
    const bool snippet = b.keys.size() == 1 && b.keys.front().text.size() > 2 &&
                         b.keys.front().text.front() == '(' && b.keys.front().text.back() == ')';
    if (snippet) {
      if (!braces) return stop(start, "expected { after the name of a snippet");
      return define_snippet(b.keys.front());
    }
    if (!braces && !blocks_.empty() && !pending_.empty())
      return stop(start,
                  "expected { after the zones: only a file with a single server block may leave "
                  "the braces out");
    while (good_ && !pending_.empty() && !closes(next())) {
      if (is_import(next())) {
        import();
      } else if (opens(next())) {
        stop(next().at, "expected a directive before {");
      } else {
        b.lines.push_back(line(1));
      }
    }
    if (!good_) return;
    if (braces && pending_.empty())
      return stop(
          last_, fmt::format("expected }} to close the block that starts at {}", to_string(start)));
    if (!braces && !pending_.empty()) return stop(next().at, "unexpected }: no block is open");
    if (braces) take();
    blocks_.push_back(std::move(b));
  }

  /// Zones up to the brace; true when there was one.
  bool keys(corefile_block& b) {
    bool more = true;  // a trailing comma asks for another, on any line
    while (good_ && !pending_.empty()) {
      if (is_import(next())) {
        import();
        continue;
      }
      if (opens(next())) {
        if (b.keys.empty())
          stop(next().at, "expected a zone before {");
        else if (more)
          stop(next().at, "expected another zone after the comma");
        take();
        return true;
      }
      if (!more && next().first) return false;
      if (closes(next())) {
        stop(next().at, "unexpected }: no block is open");
        return false;
      }
      token key = take();
      more = !key.text.empty() && key.text.back() == ',';
      if (more) key.text.pop_back();
      if (!key.text.empty()) b.keys.push_back(std::move(key));
    }
    if (good_ && more && !b.keys.empty()) stop(last_, "expected another zone after the comma");
    return false;
  }

  corefile_line line(std::size_t depth) {
    corefile_line l;
    l.name = take();
    while (!pending_.empty() && !next().first && !is_brace(next())) l.arguments.push_back(take());
    if (pending_.empty() || !opens(next())) return l;
    if (next().first) {
      stop(next().at, fmt::format("expected {{ on the line of {}", shown(l.name.text)));
      return l;
    }
    if (depth == defaults::corefile_depth) {
      stop(next().at,
           fmt::format("expected at most {} blocks in each other", defaults::corefile_depth));
      return l;
    }
    const location start = take().at;
    l.has_block = true;
    while (good_ && !pending_.empty() && !closes(next())) {
      if (opens(next())) {
        stop(next().at, "expected an option before {");
      } else {
        l.block.push_back(line(depth + 1));
      }
    }
    if (good_ && pending_.empty())
      stop(last_,
           fmt::format("expected }} to close the block that starts at {}", to_string(start)));
    if (good_) take();
    return l;
  }

  // -- imports and snippets --------------------------------------------------------------------------

  static bool is_import(const token& t) { return t.first && !t.quoted && t.text == "import"; }

  void define_snippet(const corefile_token& name) {
    std::vector<corefile_token> body;
    std::size_t open = 1;
    while (!pending_.empty()) {
      const bool up = opens(next()), down = closes(next());
      open += up ? 1 : 0;
      open -= down ? 1 : 0;
      if (open == 0) break;
      body.push_back(take());
    }
    if (pending_.empty())
      return stop(last_, fmt::format("expected }} to close the snippet {}", shown(name.text)));
    take();
    const auto key = name.text.substr(1, name.text.size() - 2);
    if (!snippets_.try_emplace(key, std::move(body)).second)
      out_.error(name.at, fmt::format("snippet {} is defined twice", shown(key)));
  }

  void import() {
    const token word = take();
    std::vector<token> arguments;
    while (!pending_.empty() && !next().first && !is_brace(next())) arguments.push_back(take());
    if (arguments.size() != 1)
      return out_.expected(word.at, "import", "one snippet, file or pattern",
                           fmt::format("{} arguments", arguments.size()));
    if (++imports_ > defaults::corefile_imports)
      return stop(word.at, fmt::format("expected at most {} imports", defaults::corefile_imports));
    if (word.depth == defaults::corefile_depth)
      return stop(word.at, fmt::format("expected at most {} imports in each other",
                                       defaults::corefile_depth));
    const token& wanted = arguments.front();
    if (const auto snippet = snippets_.find(wanted.text); snippet != snippets_.end())
      return push(snippet->second, word.depth + 1);
    import_files(wanted, word.depth);
  }

  void import_files(const token& wanted, std::size_t depth) {
    namespace fs = std::filesystem;
    const fs::path given(wanted.text);
    const std::string pattern =
        given.is_absolute()
            ? (sources_.root.empty() ? wanted.text : rooted(sources_.root, wanted.text))
            : (fs::path(wanted.at.file).parent_path() / given).string();
    const auto stars = std::count(pattern.begin(), pattern.end(), '*');
    const auto marks = std::count(pattern.begin(), pattern.end(), '?');
    if (stars > 1 || marks > 1 || pattern.find('[') != std::string::npos)
      return out_.expected(wanted.at, "import", "at most one * and one ?, and no [",
                           shown(wanted.text));
    std::vector<std::string> paths = {pattern};
    if (stars + marks > 0) {
      paths = sources_.glob(pattern);
      if (paths.empty())
        out_.warning(wanted.at, fmt::format("import: no file matches {}", shown(wanted.text)));
    }
    // The last pushed is read first.
    for (auto path = paths.rbegin(); path != paths.rend() && good_; ++path) {
      const auto text = sources_.read(*path);
      if (text) {
        push(lexed(*path, *text), depth + 1);
      } else {
        out_.error(wanted.at, fmt::format("import: expected a snippet or a file, got {}: {}",
                                          shown(wanted.text), text.error().detail));
      }
    }
  }

  const corefile_sources& sources_;
  diagnostics& out_;
  std::vector<token> pending_;  ///< the next one last
  std::map<std::string, std::vector<corefile_token>> snippets_;
  std::vector<corefile_block> blocks_;
  std::size_t total_ = 0;
  std::size_t imports_ = 0;
  location last_;
  bool good_ = true;
};

std::vector<std::string> files_matching(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> out;
  if (::glob(pattern.c_str(), GLOB_NOESCAPE, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      std::error_code error;
      if (std::filesystem::is_regular_file(found.gl_pathv[i], error))
        out.emplace_back(found.gl_pathv[i]);
    }
  }
  ::globfree(&found);
  return out;
}

}  // namespace

corefile_sources disk_sources(std::string root) {
  return {process_environment(), read_text_file, files_matching, std::move(root)};
}

std::vector<corefile_block> parse_corefile(const std::string& file, std::string_view text,
                                           const corefile_sources& sources, diagnostics& out) {
  if (text.size() > defaults::config_file_bytes) {
    out.error({file}, fmt::format("expected at most {} bytes", defaults::config_file_bytes));
    return {};
  }
  return parser(sources, out).run(file, text);
}

}  // namespace stagedoor::configs
