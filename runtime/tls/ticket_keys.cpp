// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/ticket_keys.hpp"

#include "runtime/tls/openssl.hpp"

#include <algorithm>
#include <openssl/rand.h>

namespace stagedoor::tls {

result<ticket_key> ticket_key::generate() {
  ticket_key key;
  if (RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) != 1 ||
      RAND_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) != 1 ||
      RAND_bytes(key.mac.data(), static_cast<int>(key.mac.size())) != 1)
    return openssl_fault(fault_kind::internal, fault_side::self, "random bytes for a ticket key");
  return key;
}

void ticket_keys::rotate_in(const ticket_key& key) {
  keys_.insert(keys_.begin(), key);
  if (keys_.size() > max_ticket_keys) keys_.resize(max_ticket_keys);
}

const ticket_key* ticket_keys::find(const unsigned char* name) const noexcept {
  for (const auto& key : keys_)
    if (std::equal(key.name.begin(), key.name.end(), name)) return &key;
  return nullptr;
}

}  // namespace stagedoor::tls
