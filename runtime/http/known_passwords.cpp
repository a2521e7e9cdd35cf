// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/known_passwords.hpp"

#include "runtime/tls/digest.hpp"

#include <sys/random.h>

namespace stagedoor::http {

known_passwords::known_passwords() : secret_(32, '\0'), entries_(max_known_passwords) {
  if (::getrandom(secret_.data(), secret_.size(), 0) != static_cast<ssize_t>(secret_.size()))
    secret_.clear();  // then key_of says nothing and nothing is remembered
}

std::string known_passwords::key_of(std::string_view hash, std::string_view password) const {
  if (secret_.empty()) return {};
  std::string text = secret_;
  text.append(hash).append(1, '\0').append(password);
  const auto digest = tls::sha256(text);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace stagedoor::http
