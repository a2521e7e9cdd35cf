// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/middleware.hpp"

namespace stagedoor::http {

void exchange::begin(std::string_view path, std::string_view query, mono_time at) {
  clear();
  now = hold_until = at;
  edits.path = path;
  edits.query = query;
}

void exchange::clear() noexcept {
  edits.clear();
  answer_edits.fields.clear();
  answer_edits.filter.reset();
  answer.clear();
  notes.clear();
  memory.clear();
}

verdict middleware::on_request(exchange& /*x*/) const { return verdict::proceed; }
void middleware::on_response(exchange& /*x*/, const response_facts& /*response*/) const {}
void middleware::on_end(exchange& /*x*/) const noexcept {}

verdict middleware_walk::on_request(exchange& x) {
  while (chain_ != nullptr && entered_ < chain_->size()) {
    const verdict v = (*chain_)[entered_]->on_request(x);
    if (v == verdict::respond) return v;
    if (v == verdict::wait) return verdict::hold;
    ++entered_;
    if (v == verdict::hold) return v;
  }
  return verdict::proceed;
}

void middleware_walk::on_response(exchange& x, const response_facts& response) const {
  for (std::size_t i = entered_; i > 0; --i) (*chain_)[i - 1]->on_response(x, response);
}

void middleware_walk::on_end(exchange& x) noexcept {
  for (; entered_ > 0; --entered_) (*chain_)[entered_ - 1]->on_end(x);
}

}  // namespace stagedoor::http
