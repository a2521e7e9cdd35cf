// SPDX-License-Identifier: Apache-2.0
// Owners for OpenSSL's objects, and its error queue as a fault.
#pragma once

#include "runtime/base/result.hpp"

#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string>
#include <string_view>

namespace stagedoor::tls {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using ssl_ptr = std::unique_ptr<SSL, freed_by<&SSL_free>>;
using ssl_ctx_ptr = std::unique_ptr<SSL_CTX, freed_by<&SSL_CTX_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<&BIO_free_all>>;
using x509_ptr = std::unique_ptr<X509, freed_by<&X509_free>>;
using pkey_ptr = std::unique_ptr<EVP_PKEY, freed_by<&EVP_PKEY_free>>;

/// A reader of |text|; the text must outlive it.
[[nodiscard]] bio_ptr read_bio(std::string_view text);

/// Takes everything off this thread's error queue: "reason; reason". Empty when there is nothing.
[[nodiscard]] std::string take_errors();

/// "what: reason", with OpenSSL's reasons taken off the queue.
[[nodiscard]] fault openssl_fault(fault_kind kind, fault_side side, std::string_view what);

}  // namespace stagedoor::tls
