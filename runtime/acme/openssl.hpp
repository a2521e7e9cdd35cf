// SPDX-License-Identifier: Apache-2.0
// What every file that talks to OpenSSL needs: owners for its objects, memory streams, and its
// error queue as a fault. Internal to runtime/acme.
#pragma once

#include "runtime/base/result.hpp"

#include <memory>
#include <openssl/bio.h>
#include <string>
#include <string_view>

namespace stagedoor::acme {

/// A deleter from a free function.
template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using memory_stream = std::unique_ptr<BIO, freed_by<BIO_free_all>>;

/// Reads |bytes|, which must stay.
[[nodiscard]] memory_stream memory_of(std::string_view bytes);
[[nodiscard]] memory_stream new_memory();
[[nodiscard]] std::string text_in(const memory_stream& stream);

/// Takes the newest entry of this thread's error queue and empties it.
[[nodiscard]] fault openssl_fault(fault_kind kind, std::string_view what);

}  // namespace stagedoor::acme
