// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/middleware_chain.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace stagedoor::http {
namespace {

fault failed(fault_kind kind, std::string detail) {
  return {kind, fault_side::operator_input, retryable::no, std::move(detail)};
}

class flattener {
 public:
  explicit flattener(const middleware_lookup& lookup) noexcept : lookup_(lookup) {}

  result<void> add(std::span<const std::string> names) {
    for (const auto& name : names)
      if (auto added = add(name); !added) return added;
    return {};
  }
  std::vector<middleware_ptr> take() { return std::move(out_); }

 private:
  result<void> add(const std::string& name) {
    const auto* const found = lookup_(name);
    if (found == nullptr)
      return failed(fault_kind::not_found, fmt::format("middleware '{}' does not exist", name));
    if (const auto* const one = std::get_if<middleware_ptr>(found)) {
      if (out_.size() == max_chain_length)
        return failed(fault_kind::too_large,
                      fmt::format("more than {} middlewares in a row", max_chain_length));
      out_.push_back(*one);
      return {};
    }
    if (std::find(open_.begin(), open_.end(), name) != open_.end())
      return failed(fault_kind::conflict, fmt::format("chain '{}' contains itself", name));
    if (open_.size() == max_chain_depth)
      return failed(fault_kind::too_large,
                    fmt::format("more than {} chains in each other", max_chain_depth));
    open_.push_back(name);
    auto added = add(std::get<std::vector<std::string>>(*found));
    open_.pop_back();
    return added;
  }

  const middleware_lookup& lookup_;
  std::vector<std::string> open_;  ///< chains being taken apart
  std::vector<middleware_ptr> out_;
};

}  // namespace

result<std::vector<middleware_ptr>> flatten_chain(std::span<const std::string> names,
                                                  const middleware_lookup& lookup) {
  flattener f(lookup);
  if (auto added = f.add(names); !added) return std::move(added).error();
  return f.take();
}

}  // namespace stagedoor::http
