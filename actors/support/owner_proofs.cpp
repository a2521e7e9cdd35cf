// SPDX-License-Identifier: Apache-2.0
#include "actors/support/owner_proofs.hpp"

#include <array>
#include <charconv>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

template <class Number>
bool read(std::string_view text, Number& out) {
  const auto* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, out);
  return error == std::errc{} && stopped == end;
}

}  // namespace

std::string to_text(const messages::owner_proof& proof) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", proof.work.kind, proof.work.id, proof.work.slot,
                     proof.node, proof.run, proof.fence);
}

result<messages::owner_proof> parse_owner_proof(std::string_view text) {
  const fault malformed{fault_kind::malformed, fault_side::self, retryable::no,
                        "this is no proof of ownership"};
  std::array<std::string_view, 6> lines;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto end = text.find('\n');
    if ((end == std::string_view::npos) != (i + 1 == lines.size())) return malformed;
    lines.at(i) = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  messages::owner_proof out{{std::string(lines[0]), std::string(lines[1]), 0},
                            std::string(lines[3]),
                            std::string(lines[4]),
                            0};
  if (!read(lines[2], out.work.slot) || !read(lines[5], out.fence)) return malformed;
  return out;
}

}  // namespace stagedoor::actors
