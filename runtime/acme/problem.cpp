// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/problem.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/client/json.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::acme {

namespace {

constexpr std::size_t max_subproblems = 100;  // as many as an order may have names
constexpr std::size_t max_detail = 2048;
constexpr seconds longest_wait{7 * 24 * 3600};

problem problem_of(const client::json& from, int depth) {
  constexpr std::string_view prefix = "urn:ietf:params:acme:error:";
  problem p;
  p.type = client::text_of(&from, "type");
  if (p.type.starts_with(prefix)) p.type.erase(0, prefix.size());
  p.detail = client::text_of(&from, "detail").substr(0, max_detail);
  p.status = static_cast<unsigned>(
      std::clamp<std::int64_t>(client::number_of(&from, "status").value_or(0), 0, 999));
  p.identifier = client::text_of(client::member(&from, "identifier"), "value");
  const auto* list = client::member(&from, "subproblems");
  if (depth == 0 && list != nullptr && list->is_array())
    for (const auto& one : *list)
      if (p.subproblems.size() < max_subproblems)
        p.subproblems.push_back(problem_of(one, depth + 1));
  return p;
}

fault_kind kind_of(failure_class c) {
  switch (c) {
    case failure_class::rate_limited: return fault_kind::overloaded;
    case failure_class::validation:
    case failure_class::rejected:
    case failure_class::account: return fault_kind::refused;
    case failure_class::order: return fault_kind::conflict;
    case failure_class::server: return fault_kind::unreachable;
  }
  return fault_kind::internal;
}

std::string sentence(const problem& p) {
  auto text = fmt::format("{}: {}", p.type.empty() ? "problem" : p.type, p.detail);
  for (const auto& sub : p.subproblems)
    text += fmt::format("; {}: {}: {}", sub.identifier, sub.type, sub.detail);
  return text.substr(0, 2 * max_detail);
}

fault fault_of(failure_class c, std::string detail) {
  const bool hopeless = c == failure_class::rejected || c == failure_class::account;
  return {kind_of(c), fault_side::upstream, hopeless ? retryable::no : retryable::yes,
          std::move(detail)};
}

}  // namespace

std::string_view to_string(failure_class c) noexcept {
  switch (c) {
    case failure_class::rate_limited: return "rate_limited";
    case failure_class::validation: return "validation";
    case failure_class::rejected: return "rejected";
    case failure_class::account: return "account";
    case failure_class::order: return "order";
    case failure_class::server: return "server";
  }
  return "server";
}

result<problem> parse_problem(std::string_view text) {
  const auto parsed = client::parse_json(text, "problem");
  if (!parsed) return parsed.error();
  if (!parsed->is_object())
    return fault{fault_kind::malformed, fault_side::upstream, retryable::no,
                 "problem: expected an object"};
  return problem_of(*parsed, 0);
}

failure_class class_of(const problem& p) noexcept {
  static constexpr std::pair<std::string_view, failure_class> table[] = {
      {"rateLimited", failure_class::rate_limited},
      {"connection", failure_class::validation},
      {"dns", failure_class::validation},
      {"incorrectResponse", failure_class::validation},
      {"tls", failure_class::validation},
      {"unauthorized", failure_class::validation},
      {"caa", failure_class::rejected},
      {"rejectedIdentifier", failure_class::rejected},
      {"unsupportedIdentifier", failure_class::rejected},
      {"badCSR", failure_class::rejected},
      {"badPublicKey", failure_class::rejected},
      {"badSignatureAlgorithm", failure_class::rejected},
      {"invalidProfile", failure_class::rejected},
      {"accountDoesNotExist", failure_class::account},
      {"externalAccountRequired", failure_class::account},
      {"invalidContact", failure_class::account},
      {"unsupportedContact", failure_class::account},
      {"userActionRequired", failure_class::account},
      {"alreadyReplaced", failure_class::order},
      {"orderNotReady", failure_class::order},
      {"serverInternal", failure_class::server},
      {"badNonce", failure_class::server},
  };
  for (const auto& [type, c] : table)
    if (p.type == type) return c;
  // "compound" and everything unknown: the worst of the parts, or what the status says.
  for (const auto& sub : p.subproblems)
    if (const auto c = class_of(sub); c != failure_class::server) return c;
  if (p.status == 429) return failure_class::rate_limited;
  if (p.status == 404) return failure_class::order;
  return p.status >= 400 && p.status < 500 ? failure_class::rejected : failure_class::server;
}

failure failure_from(problem said, std::string_view doing) {
  const auto c = class_of(said);
  failure f{c, fault_of(c, fmt::format("{}: {}", doing, sentence(said))), std::nullopt,
            std::nullopt};
  f.said = std::move(said);
  return f;
}

failure failure_from(const client::response& answer, std::string_view doing) {
  auto said = parse_problem(answer.body);
  problem p = said ? std::move(*said) : problem{};
  if (p.detail.empty() && p.type.empty()) p.detail = fmt::format("status {}", answer.status);
  p.status = answer.status;  // the header's, whatever the body claims
  // Said of a request it means the account; only inside a challenge does it mean the name.
  const bool account_refused = p.type == "unauthorized";
  auto f = failure_from(std::move(p), doing);
  if (account_refused) f.what = failure_class::account;
  f.retry_after = retry_after(answer);
  return f;
}

failure failure_from(fault why) {
  return {failure_class::server, std::move(why), std::nullopt, std::nullopt};
}

std::optional<seconds> retry_after(const client::response& answer) {
  const auto* text = answer.find("Retry-After");
  if (text == nullptr) return std::nullopt;
  const auto bounded = [](std::int64_t s) {
    return std::clamp(seconds(s), seconds(0), longest_wait);
  };
  if (const auto number = ascii::parse_number<std::uint32_t>(*text)) return bounded(*number);
  const auto* date = answer.find("Date");
  const auto until = client::http_date(*text);
  const auto from = date != nullptr ? client::http_date(*date) : std::nullopt;
  if (!until || !from) return std::nullopt;
  return bounded(std::chrono::duration_cast<seconds>(*until - *from).count());
}

}  // namespace stagedoor::acme
