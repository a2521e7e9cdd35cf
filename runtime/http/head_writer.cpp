// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/head_writer.hpp"

namespace stagedoor::http {
namespace {

// Whether a Connection field of |fields| names |name| (RFC 9110 section 7.6.1).
bool listed(const field_list& fields, std::string_view name) noexcept {
  bool found = false;
  for (const auto& f : fields.all()) {
    if (f.id != field_id::connection) continue;
    for_each_element(
        f.value, [&](std::string_view option) { found = found || ascii::iequals(option, name); });
  }
  return found;
}

// Copies fields; those that stood side by side when they were received as one piece.
class field_copier {
 public:
  explicit field_copier(head_writer& out) noexcept : out_(out) {}
  ~field_copier() { flush(); }
  field_copier(const field_copier&) = delete;
  field_copier& operator=(const field_copier&) = delete;

  void copy(const field& f) {
    const char* const begin = f.name.data();
    const char* const end = f.value.data() + f.value.size();
    // Only "Name: value" is worth the trick: otherwise it is written in that form.
    if (f.value.data() != begin + f.name.size() + 2 || f.value.data()[-1] != ' ') {
      flush();
      out_.field(f.name, f.value);
      return;
    }
    if (begin_ != nullptr && begin == end_ + 2 && end_[0] == '\r') {
      end_ = end;
      return;
    }
    flush();
    begin_ = begin;
    end_ = end;
  }

 private:
  void flush() {
    if (begin_ == nullptr) return;
    out_.add({begin_, static_cast<std::size_t>(end_ - begin_)}).add("\r\n");
    begin_ = nullptr;
  }

  head_writer& out_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
};

constexpr bool ends_here(field_id id) noexcept {
  switch (id) {
    case field_id::connection:
    case field_id::keep_alive:
    case field_id::proxy_authenticate:
    case field_id::proxy_authorization:
    case field_id::proxy_connection:
    case field_id::te:
    case field_id::transfer_encoding:
    case field_id::upgrade: return true;
    default: return false;
  }
}

}  // namespace

void write_request_head(head_writer& out, const request_head& head, const request_line_parts& line,
                        const field_edits& edits) {
  out.clear();
  out.add(line.method).add(" ").add(line.path);
  if (line.has_query) out.add("?").add(line.query);
  out.add(" HTTP/1.1\r\n");
  if (!line.authority.empty() || !head.has_host) out.field("Host", line.authority);
  const bool edited = !edits.empty();
  {
    field_copier copier(out);
    for (const auto& f : head.fields.all()) {
      if (f.id != field_id::other) {
        if (ends_here(f.id)) continue;
        if (f.id == field_id::host && !line.authority.empty()) continue;
        // An expectation without a body can never be met; HTTP/1.0 has none.
        if (f.id == field_id::expect && !head.expects_continue) continue;
      }
      if (edited && edits.drops(f.name)) continue;
      if (head.connection_lists && f.id == field_id::other && listed(head.fields, f.name)) continue;
      copier.copy(f);
    }
  }
  for (const auto& f : edits.additions()) out.field(f.name, f.value);
  if (head.framing == body_framing::chunked) out.add("Transfer-Encoding: chunked\r\n");
  if (!line.upgrade.empty()) out.add("Connection: Upgrade\r\n").field("Upgrade", line.upgrade);
  out.add("\r\n");
}

void write_response_head(head_writer& out, const response_head& head,
                         const response_line_parts& line, const field_edits& edits) {
  out.clear();
  out.add("HTTP/1.1 ").add(head.status).add(" ").add(head.reason).add("\r\n");
  const bool edited = !edits.empty();
  {
    field_copier copier(out);
    for (const auto& f : head.fields.all()) {
      if (f.id != field_id::other) {
        if (ends_here(f.id)) continue;
        if (f.id == field_id::content_length && !line.keep_length) continue;
      }
      if (edited && edits.drops(f.name)) continue;
      if (head.connection_lists && f.id == field_id::other && listed(head.fields, f.name)) continue;
      copier.copy(f);
    }
  }
  for (const auto& f : edits.additions()) out.field(f.name, f.value);
  if (line.framing == body_framing::chunked) out.add("Transfer-Encoding: chunked\r\n");
  if (line.content_length) out.add("Content-Length: ").add(*line.content_length).add("\r\n");
  if (!line.upgrade.empty())
    out.add("Connection: Upgrade\r\n").field("Upgrade", line.upgrade);
  else if (line.close)
    out.add("Connection: close\r\n");
  else if (line.client_is_1_0)
    out.add("Connection: keep-alive\r\n");
  out.add("\r\n");
}

}  // namespace stagedoor::http
