// SPDX-License-Identifier: Apache-2.0
// Traefik's ipAllowList: only these addresses get through.
//
// Owner: a site. Runs on: the loop of the connection.
#pragma once

#include "runtime/http/middleware.hpp"
#include "runtime/http/source.hpp"

#include <cstdint>
#include <vector>

namespace stagedoor::http {

struct ip_allow_list_options {
  std::vector<ip_range> allowed;
  ip_strategy strategy;
  std::uint16_t reject_status = 403;
};

class ip_allow_list final : public middleware {
 public:
  ip_allow_list(std::string qualified_name, ip_allow_list_options options)
      : middleware(std::move(qualified_name)), options_(std::move(options)) {}
  [[nodiscard]] verdict on_request(exchange& x) const override;

 private:
  ip_allow_list_options options_;
};

}  // namespace stagedoor::http
