// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/query_log.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace stagedoor::dns {
namespace {

// CoreDNS' pkg/response classes: denial is a proper "no", error is everything that went wrong.
std::uint8_t class_of(std::span<const std::uint8_t> reply) noexcept {
  const unsigned code = reply[3] & 0xfU;
  if (code == rcode::nxdomain) return static_cast<std::uint8_t>(answer_class::denial);
  if (code != rcode::noerror) return static_cast<std::uint8_t>(answer_class::error);
  const bool empty = load16(reply.data() + 6) == 0;
  const bool referral = (load16(reply.data() + 2) & flag::aa) == 0 && load16(reply.data() + 8) > 0;
  return static_cast<std::uint8_t>(empty && !referral ? answer_class::denial
                                                      : answer_class::success);
}

const log_rule* rule_for(const plugin_chain& chain, const query& q,
                         std::span<const std::uint8_t> reply) {
  for (const auto& rule : chain.log)
    for (const auto& name : rule.names)
      if (is_at_or_below(q.name.view(), name))
        return (rule.classes & class_of(reply)) != 0 ? &rule : nullptr;
  return nullptr;
}

void append_flags(std::string& out, std::uint16_t flags) {
  constexpr std::pair<std::uint16_t, std::string_view> names[] = {
      {flag::qr, "qr"}, {flag::aa, "aa"}, {flag::tc, "tc"}, {flag::rd, "rd"},
      {flag::ra, "ra"}, {0x0040, "z"},    {flag::ad, "ad"}, {flag::cd, "cd"}};
  const std::size_t before = out.size();
  for (const auto& [bit, name] : names) {
    if ((flags & bit) == 0) continue;
    if (out.size() != before) out.push_back(',');
    out.append(name);
  }
}

std::string bracketed(const net::address& a) {
  auto ip = a.ip();
  return ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
}

// Seconds without trailing zeros, as Go prints them: "0.000037251s".
void append_duration(std::string& out, mono_clock::duration took) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(took).count();
  auto text = fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  out.append(text).push_back('s');
}

}  // namespace

void query_log::append(const log_format::piece& piece, const query& q, const client_ref& client,
                       std::span<const std::uint8_t> reply, mono_clock::duration took) {
  using field = log_format::field;
  const auto to = std::back_inserter(buffer_);
  switch (piece.what) {
    case field::text: buffer_.append(piece.text); break;
    case field::type: buffer_.append(type_name(q.qtype)); break;
    case field::klass: buffer_.append(class_name(q.qclass)); break;
    case field::name: buffer_.append(name_text(q.name.view())); break;
    case field::proto: buffer_.append(client.via == transport::udp ? "udp" : "tcp"); break;
    case field::remote: buffer_.append(bracketed(client.peer)); break;
    case field::port: fmt::format_to(to, "{}", client.peer.port()); break;
    case field::size: fmt::format_to(to, "{}", q.packet.size()); break;
    case field::duration: append_duration(buffer_, took); break;
    case field::rcode: buffer_.append(rcode_name(reply[3] & 0xfU)); break;
    case field::rsize: fmt::format_to(to, "{}", reply.size()); break;
    case field::rflags: append_flags(buffer_, load16(reply.data() + 2)); break;
    case field::bufsize:
      fmt::format_to(to, "{}", client.via == transport::tcp && !q.has_edns ? 65535 : q.udp_size);
      break;
    case field::dnssec_ok: buffer_.append(q.dnssec_ok() ? "true" : "false"); break;
    case field::id: fmt::format_to(to, "{}", q.id); break;
    case field::opcode: fmt::format_to(to, "{}", q.opcode); break;
    case field::local:
    case field::unknown: buffer_.push_back('-'); break;
  }
}

void query_log::end_line() {
  buffer_.push_back('\n');
  ++lines_;
  if (buffer_.size() >= options_.buffer_bytes) flush();
}

void query_log::answered(const plugin_chain& chain, const query& q, const client_ref& client,
                         std::span<const std::uint8_t> reply, mono_clock::duration took) {
  if (!options_.sink || !q.has_question || reply.size() < header_size) return;
  const auto* rule = rule_for(chain, q, reply);
  if (rule == nullptr) return;
  buffer_.append("[INFO] ");
  for (const auto& piece : rule->format.pieces()) append(piece, q, client, reply, took);
  end_line();
}

void query_log::failed(const plugin_chain& chain, const query& q, std::uint16_t code,
                       std::string_view why) {
  if (!options_.sink || !chain.errors || !q.has_question) return;
  fmt::format_to(std::back_inserter(buffer_), "[ERROR] plugin/errors: {} {} {}: {}", code,
                 name_text(q.name.view()), type_name(q.qtype), why);
  end_line();
}

void query_log::flush() {
  if (buffer_.empty()) return;
  (options_.sink(buffer_) ? count_.log_lines : count_.log_dropped) += lines_;
  buffer_.clear();
  lines_ = 0;
}

}  // namespace stagedoor::dns
