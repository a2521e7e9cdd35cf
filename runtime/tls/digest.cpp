// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/digest.hpp"

#include <memory>
#include <openssl/crypto.h>
#include <openssl/evp.h>

namespace stagedoor::tls {
namespace {

struct free_context {
  void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
};

/// OpenSSL 3 looks algorithms up by name, under a lock, each time it is not handed one that was
/// fetched: so each is fetched once.
template <class Digest>
Digest digest(const EVP_MD* algorithm, std::string_view bytes) noexcept {
  thread_local const std::unique_ptr<EVP_MD_CTX, free_context> context(EVP_MD_CTX_new());
  Digest out{};
  unsigned int size = 0;
  EVP_DigestInit_ex2(context.get(), algorithm, nullptr);
  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  EVP_DigestFinal_ex(context.get(), out.data(), &size);
  return out;
}

const EVP_MD* fetched(const char* name) noexcept { return EVP_MD_fetch(nullptr, name, nullptr); }

}  // namespace

md5_digest md5(std::string_view bytes) noexcept {
  static const EVP_MD* const algorithm = fetched("MD5");
  return digest<md5_digest>(algorithm, bytes);
}

sha1_digest sha1(std::string_view bytes) noexcept {
  static const EVP_MD* const algorithm = fetched("SHA1");
  return digest<sha1_digest>(algorithm, bytes);
}

sha256_digest sha256(std::string_view bytes) noexcept {
  static const EVP_MD* const algorithm = fetched("SHA256");
  return digest<sha256_digest>(algorithm, bytes);
}

bool equal_secrets(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace stagedoor::tls
