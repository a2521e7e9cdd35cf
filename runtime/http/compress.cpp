// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/compress.hpp"

#include "runtime/http/accept_encoding.hpp"
#include "runtime/http/middleware_state.hpp"

#include <algorithm>

namespace stagedoor::http {
namespace {

std::string_view media_type(std::string_view content_type) noexcept {
  return ascii::trim(content_type.substr(0, content_type.find(';')));
}

bool lists(std::string_view list, std::string_view wanted) noexcept {
  bool found = false;
  for_each_element(list,
                   [&](std::string_view item) { found = found || ascii::iequals(item, wanted); });
  return found;
}

bool contains_type(const std::vector<std::string>& types, std::string_view type) noexcept {
  return std::any_of(types.begin(), types.end(),
                     [&](const std::string& t) { return ascii::iequals(t, type); });
}

/// RFC 9110 section 15: those without a body, and 206, whose ranges count bytes of this coding.
bool has_whole_body(std::uint16_t status) noexcept {
  return status >= 200 && status != 204 && status != 205 && status != 206 && status != 304;
}

void add_vary(exchange& x, const response_facts& response) {
  auto& out = x.answer_edits.fields;
  for (const auto& f : response.head->fields.all())
    if (ascii::iequals(f.name, "Vary") && !out.drops(f.name) &&
        (lists(f.value, "Accept-Encoding") || lists(f.value, "*")))
      return;
  for (const auto& f : out.additions())
    if (ascii::iequals(f.name, "Vary") && lists(f.value, "Accept-Encoding")) return;
  out.add("Vary", "Accept-Encoding");
}

}  // namespace

compress::compress(std::string qualified_name, compress_options options)
    : middleware(std::move(qualified_name)), options_(std::move(options)) {
  for (auto* types : {&options_.excluded_types, &options_.included_types})
    for (auto& type : *types) type = ascii::to_lower(media_type(type));
}

bool compress::is_excluded(std::string_view content_type) const noexcept {
  const auto type = media_type(content_type);
  return ascii::iequals(type, "application/grpc") || contains_type(options_.excluded_types, type);
}

verdict compress::on_request(exchange& x) const {
  const request_head& head = *x.request.head;
  x.notes.may_compress = head.method != "HEAD" && !head.wants_upgrade &&
                         !is_excluded(head.fields.find("Content-Type").value_or(""));
  if (!x.notes.may_compress) return verdict::proceed;
  std::string_view accepted;
  bool said = false;
  for (const auto& f : head.fields.all()) {
    if (!ascii::iequals(f.name, "Accept-Encoding")) continue;
    accepted = said ? x.memory.join({accepted, ",", f.value}) : f.value;
    said = true;
  }
  x.notes.preferred =
      said ? negotiate_coding(accepted, options_.encodings, options_.default_encoding)
           : options_.default_encoding.value_or(coding::identity);
  return verdict::proceed;
}

bool compress::is_worth_it(const exchange& x, const response_facts& response) const noexcept {
  const response_head& head = *response.head;
  const auto& edits = x.answer_edits.fields;
  if (!has_whole_body(head.status)) return false;
  if (edits.find(head.fields, "Content-Encoding").has_value()) return false;
  if (lists(edits.find(head.fields, "Cache-Control").value_or(""), "no-transform")) return false;
  const auto type = edits.find(head.fields, "Content-Type").value_or("");
  if (is_excluded(type)) return false;
  if (!options_.included_types.empty() && !contains_type(options_.included_types, media_type(type)))
    return false;
  if (head.framing == body_framing::none) return false;
  if (head.framing == body_framing::length)
    return head.content_length >= options_.min_response_body_bytes;
  // Unknown length: a stream is compressed even if its beginning is short.
  return !response.body_complete || response.body_bytes >= options_.min_response_body_bytes;
}

void compress::on_response(exchange& x, const response_facts& response) const {
  if (!x.notes.may_compress || x.answer_edits.filter != nullptr || !is_worth_it(x, response))
    return;
  add_vary(
      x, response);  // whatever this client gets, a cache must know that others get something else
  const coding chosen = x.notes.preferred;
  if (chosen == coding::identity) return;
  auto filter = x.state->encoders().lease(chosen);
  if (filter == nullptr) return;
  auto& out = x.answer_edits.fields;
  out.remove("Content-Length");
  out.set("Content-Encoding", to_string(chosen));
  // Other bytes need another strong validator (RFC 9110 section 8.8.3.3); a weak one still holds.
  const auto tag = out.find(response.head->fields, "ETag").value_or("");
  if (!tag.empty() && !tag.starts_with("W/")) out.set("ETag", x.memory.join({"W/", tag}));
  x.answer_edits.filter = std::move(filter);
}

}  // namespace stagedoor::http
