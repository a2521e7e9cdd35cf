// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/log_format.hpp"

#include <array>
#include <utility>

namespace stagedoor::dns {
namespace {

using field = log_format::field;

constexpr std::array fields{
    std::pair<std::string_view, field>{"{type}", field::type},
    std::pair<std::string_view, field>{"{class}", field::klass},
    std::pair<std::string_view, field>{"{name}", field::name},
    std::pair<std::string_view, field>{"{proto}", field::proto},
    std::pair<std::string_view, field>{"{remote}", field::remote},
    std::pair<std::string_view, field>{"{local}", field::local},
    std::pair<std::string_view, field>{"{port}", field::port},
    std::pair<std::string_view, field>{"{size}", field::size},
    std::pair<std::string_view, field>{"{duration}", field::duration},
    std::pair<std::string_view, field>{"{rcode}", field::rcode},
    std::pair<std::string_view, field>{"{rsize}", field::rsize},
    std::pair<std::string_view, field>{"{>rflags}", field::rflags},
    std::pair<std::string_view, field>{"{>bufsize}", field::bufsize},
    std::pair<std::string_view, field>{"{>do}", field::dnssec_ok},
    std::pair<std::string_view, field>{"{>id}", field::id},
    std::pair<std::string_view, field>{"{>opcode}", field::opcode},
};

std::string with_shortcuts(std::string_view format) {
  std::string text(format);
  for (const std::string_view name : {"{common}", "{combined}"})
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name))
      text.replace(at, name.size(), log_format::default_text);
  return text;
}

}  // namespace

void log_format::add_text(std::string_view text) {
  if (text.empty()) return;
  if (pieces_.empty() || pieces_.back().what != field::text) pieces_.push_back({field::text, {}});
  pieces_.back().text.append(text);
}

log_format::log_format(std::string_view format) {
  const std::string whole = with_shortcuts(format);
  std::string_view rest = whole;
  while (!rest.empty()) {
    const auto open = rest.find('{');
    const auto close = open == std::string_view::npos ? open : rest.find('}', open);
    if (close == std::string_view::npos) break;
    add_text(rest.substr(0, open));
    const auto word = rest.substr(open, close - open + 1);
    field what = field::unknown;
    for (const auto& [name, value] : fields)
      if (name == word) what = value;
    pieces_.push_back({what, {}});
    rest.remove_prefix(close + 1);
  }
  add_text(rest);
}

}  // namespace stagedoor::dns
