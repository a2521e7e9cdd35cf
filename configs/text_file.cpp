// SPDX-License-Identifier: Apache-2.0
#include "configs/text_file.hpp"

#include "configs/defaults.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/file.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::configs {

result<std::string> read_text_file(const std::string& path) {
  auto file = read_file(path, defaults::config_file_bytes);
  if (file) return std::move(file->bytes);
  auto why = std::move(file).error();
  why.detail = "read " + why.detail;
  return why;
}

namespace {

/// The variable's name when `action` is `env "NAME"` (or `NAME` in backticks).
std::optional<std::string_view> env_argument(std::string_view action) {
  action = ascii::trim(action);
  if (!action.starts_with("env")) return std::nullopt;
  action = ascii::trim(action.substr(3));
  if (action.size() < 2) return std::nullopt;
  const char quote = action.front();
  if ((quote != '"' && quote != '`') || action.back() != quote) return std::nullopt;
  action = action.substr(1, action.size() - 2);
  if (action.find(quote) != std::string_view::npos || action.find('\\') != std::string_view::npos)
    return std::nullopt;
  return action;
}

location place(const std::string& file, std::string_view text, std::size_t at) {
  const auto before = text.substr(0, at);
  const auto line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1;
  const auto start = before.rfind('\n');
  return {file, line,
          static_cast<std::uint32_t>(start == std::string_view::npos ? at : at - start - 1) + 1};
}

}  // namespace

std::optional<std::string> expand_templates(const std::string& file, std::string_view text,
                                            const environment& env, diagnostics& out) {
  std::string expanded;
  bool good = true;
  std::size_t from = 0;
  for (std::size_t open = text.find("{{"); open != std::string_view::npos;
       open = text.find("{{", from)) {
    expanded += text.substr(from, open - from);
    const auto close = text.find("}}", open + 2);
    if (close == std::string_view::npos) {
      out.error(place(file, text, open), "expected }} to close the template that starts here");
      return std::nullopt;
    }
    const auto action = text.substr(open + 2, close - open - 2);
    if (const auto name = env_argument(action)) {
      expanded += env(*name).value_or("");
    } else {
      good = false;
      if (out.errors() < defaults::diagnostics)  // finding the place costs a pass over the text
        out.error(
            place(file, text, open),
            fmt::format("of Go's templates only {{{{ env \"NAME\" }}}} is implemented, got {}",
                        shown(text.substr(open, close + 2 - open))));
    }
    from = close + 2;
  }
  if (!good) return std::nullopt;
  expanded += text.substr(from);
  return expanded;
}

}  // namespace stagedoor::configs
