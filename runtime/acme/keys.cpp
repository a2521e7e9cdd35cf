// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/keys.hpp"

#include "runtime/acme/openssl.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/base64.hpp"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace stagedoor::acme {

namespace {

constexpr int smallest_rsa = 2048;
constexpr int largest_rsa = 8192;  // beyond, one signature takes seconds

// A number as big-endian bytes, padded to |width| (0 = as short as possible).
std::string number(const EVP_PKEY* key, const char* name, std::size_t width) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return {};
  const std::unique_ptr<BIGNUM, freed_by<BN_free>> value(raw);
  std::string bytes(std::max(width, static_cast<std::size_t>(BN_num_bytes(value.get()))), '\0');
  BN_bn2binpad(value.get(), reinterpret_cast<unsigned char*>(bytes.data()),
               static_cast<int>(bytes.size()));
  return base64url_encode(bytes);
}

// 32 or 48 bytes a coordinate; 0 for a curve that ACME servers do not take.
std::size_t coordinate_bytes(const EVP_PKEY* key) {
  char group[32] = {};
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof group, &length) != 1) return 0;
  const std::string_view name(group, length);
  if (name == SN_X9_62_prime256v1 || name == "P-256") return 32;
  if (name == SN_secp384r1 || name == "P-384") return 48;
  return 0;
}

// ASN.1 to R and S side by side.
result<std::string> fixed_width(std::string_view der, std::size_t width) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>> pair(
      d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!pair) return openssl_fault(fault_kind::internal, "signature");
  std::string bytes(2 * width, '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, static_cast<int>(width));
  BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + width, static_cast<int>(width));
  return bytes;
}

int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

std::optional<key_type> key_type_of(std::string_view word) noexcept {
  static constexpr std::pair<std::string_view, key_type> words[] = {
      {"ec256", key_type::ec256},     {"ec384", key_type::ec384},
      {"rsa2048", key_type::rsa2048}, {"rsa3072", key_type::rsa3072},
      {"rsa4096", key_type::rsa4096}, {"ecdsa", key_type::ec256},
      {"rsa", key_type::rsa2048},
  };
  for (const auto& [name, type] : words)
    if (ascii::iequals(name, word)) return type;
  return std::nullopt;
}

private_key::private_key(evp_pkey_st* key) : key_(key, freed_by<EVP_PKEY_free>()) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < smallest_rsa || bits > largest_rsa) return;
    algorithm_ = "RS256";
    jwk_ =
        fmt::format(R"({{"e":"{}","kty":"RSA","n":"{}"}})", number(key, OSSL_PKEY_PARAM_RSA_E, 0),
                    number(key, OSSL_PKEY_PARAM_RSA_N, 0));
  } else if (EVP_PKEY_is_a(key, "EC") == 1) {
    const auto width = coordinate_bytes(key);
    if (width == 0) return;
    algorithm_ = width == 32 ? "ES256" : "ES384";
    jwk_ = fmt::format(
        R"({{"crv":"{}","kty":"EC","x":"{}","y":"{}"}})", width == 32 ? "P-256" : "P-384",
        number(key, OSSL_PKEY_PARAM_EC_PUB_X, width), number(key, OSSL_PKEY_PARAM_EC_PUB_Y, width));
  }
}

result<private_key> private_key::adopt(evp_pkey_st* raw, std::string_view source) {
  if (raw == nullptr) return openssl_fault(fault_kind::invalid, source);
  private_key key(raw);
  if (key.algorithm_.empty())
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                 fmt::format("{}: expected RSA of {} to {} bits, P-256 or P-384", source,
                             smallest_rsa, largest_rsa)};
  return key;
}

result<private_key> private_key::create(key_type type) {
  EVP_PKEY* made = nullptr;
  switch (type) {
    case key_type::ec256: made = EVP_EC_gen("P-256"); break;
    case key_type::ec384: made = EVP_EC_gen("P-384"); break;
    case key_type::rsa2048: made = EVP_RSA_gen(2048U); break;
    case key_type::rsa3072: made = EVP_RSA_gen(3072U); break;
    case key_type::rsa4096: made = EVP_RSA_gen(4096U); break;
  }
  if (made == nullptr) return openssl_fault(fault_kind::internal, "create a key");
  return adopt(made, "create a key");
}

result<private_key> private_key::from_pem(std::string_view pem) {
  const auto in = memory_of(pem);
  return adopt(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr), "private key");
}

result<private_key> private_key::from_der(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  return adopt(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())), "private key");
}

std::string private_key::pem() const {
  const auto out = new_memory();
  PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_in(out);
}

std::string private_key::thumbprint() const { return base64url_encode(sha256(jwk_)); }

result<std::string> private_key::sign(std::string_view bytes) const {
  const std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  const auto* digest = algorithm_ == "ES384" ? EVP_sha384() : EVP_sha256();
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, data, bytes.size()) != 1)
    return openssl_fault(fault_kind::internal, "sign");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                     bytes.size()) != 1)
    return openssl_fault(fault_kind::internal, "sign");
  signature.resize(size);
  if (algorithm_ == "RS256") return signature;
  return fixed_width(signature, algorithm_ == "ES256" ? 32 : 48);
}

std::string sha256(std::string_view bytes) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_sha256(), nullptr);
  digest.resize(size);
  return digest;
}

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
       reinterpret_cast<unsigned char*>(mac.data()), &size);
  mac.resize(size);
  return mac;
}

}  // namespace stagedoor::acme
