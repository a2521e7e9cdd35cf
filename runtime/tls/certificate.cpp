// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/certificate.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/base/file.hpp"
#include "runtime/tls/openssl.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <ctime>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace stagedoor::tls {

struct certificate::state {
  state() = default;
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() { sk_X509_pop_free(chain, &X509_free); }

  x509_ptr leaf;
  pkey_ptr key;
  stack_st_X509* chain = nullptr;
  std::vector<std::string> names;
  std::string common_name;
  std::string fingerprint;
  wall_time not_before;
  wall_time not_after;
};

namespace {

fault bad(fault_kind kind, std::string_view name, std::string_view what) {
  return {kind, fault_side::operator_input, retryable::no, fmt::format("{}: {}", name, what)};
}

/// A key with a passphrase must not make OpenSSL ask on the terminal.
int no_passphrase(char* /*out*/, int /*size*/, int /*writing*/, void* /*self*/) { return -1; }

wall_time to_wall(const ASN1_TIME* t) {
  std::tm parts{};
  if (t == nullptr || ASN1_TIME_to_tm(t, &parts) != 1) return {};
  return wall_clock::from_time_t(timegm(&parts));
}

std::string_view text_of(const ASN1_STRING* s) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)),
          static_cast<std::size_t>(ASN1_STRING_length(s))};
}

std::string address_text(std::string_view bytes) {
  std::array<char, INET6_ADDRSTRLEN> out{};
  const int family = bytes.size() == 4 ? AF_INET : bytes.size() == 16 ? AF_INET6 : 0;
  if (family == 0 || ::inet_ntop(family, bytes.data(), out.data(), out.size()) == nullptr)
    return {};
  return out.data();
}

std::string common_name_of(X509* leaf) {
  X509_NAME* const subject = X509_get_subject_name(leaf);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

std::vector<std::string> names_of(X509* leaf, const std::string& common_name) {
  std::vector<std::string> names;
  std::vector<std::string> addresses;
  auto* const all =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
    if (name->type == GEN_DNS) {
      names.push_back(ascii::to_lower(text_of(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      if (auto text = address_text(text_of(name->d.iPAddress)); !text.empty())
        addresses.push_back(std::move(text));
    }
  }
  GENERAL_NAMES_free(all);
  names.insert(names.end(), addresses.begin(), addresses.end());
  if (names.empty() && !common_name.empty()) names.push_back(ascii::to_lower(common_name));
  return names;
}

std::string fingerprint_of(X509* leaf) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  std::string out;
  if (X509_digest(leaf, EVP_sha256(), digest.data(), &size) != 1) return out;
  for (unsigned int i = 0; i < size; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

bool holds_key(std::string_view pem) {
  ERR_clear_error();
  const auto bio = read_bio(pem);
  const pkey_ptr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr));
  ERR_clear_error();
  return key != nullptr;
}

result<std::string> read_pem(const std::string& path_or_pem) {
  if (path_or_pem.find("-----BEGIN") != std::string::npos) return path_or_pem;
  auto file = read_file(path_or_pem, max_pem_bytes);
  if (!file) return std::move(file).error();
  return std::move(file->bytes);
}

}  // namespace

result<certificate> certificate::parse(std::string_view chain_pem, std::string_view key_pem,
                                       std::string_view name) {
  if (chain_pem.size() > max_pem_bytes || key_pem.size() > max_pem_bytes)
    return bad(fault_kind::too_large, name,
               fmt::format("expected at most {} bytes", max_pem_bytes));
  ERR_clear_error();
  const auto made = std::make_shared<state>();
  const auto chain_bio = read_bio(chain_pem);
  made->leaf.reset(PEM_read_bio_X509_AUX(chain_bio.get(), nullptr, &no_passphrase, nullptr));
  if (made->leaf == nullptr) {
    ERR_clear_error();
    return bad(fault_kind::malformed, name, "expected a certificate in PEM");
  }
  made->chain = sk_X509_new_null();
  while (X509* const next = PEM_read_bio_X509(chain_bio.get(), nullptr, &no_passphrase, nullptr)) {
    sk_X509_push(made->chain, next);
    if (static_cast<std::size_t>(sk_X509_num(made->chain)) > max_chain)
      return bad(fault_kind::too_large, name, fmt::format("more than {} certificates", max_chain));
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    ERR_clear_error();
    return bad(fault_kind::malformed, name, "expected nothing but certificates behind the first");
  }
  ERR_clear_error();
  const auto key_bio = read_bio(key_pem);
  made->key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, &no_passphrase, nullptr));
  if (made->key == nullptr) {
    ERR_clear_error();
    return bad(fault_kind::malformed, name, "expected a private key in PEM without a passphrase");
  }
  if (X509_check_private_key(made->leaf.get(), made->key.get()) != 1) {
    ERR_clear_error();
    return bad(fault_kind::invalid, name, "the private key does not belong to the certificate");
  }
  made->common_name = common_name_of(made->leaf.get());
  made->names = names_of(made->leaf.get(), made->common_name);
  made->fingerprint = fingerprint_of(made->leaf.get());
  made->not_before = to_wall(X509_get0_notBefore(made->leaf.get()));
  made->not_after = to_wall(X509_get0_notAfter(made->leaf.get()));
  return certificate(made);
}

result<certificate> certificate::load(const std::string& chain, const std::string& key) {
  const auto chain_pem = read_pem(chain);
  if (!chain_pem) return chain_pem.error();
  const auto key_pem = read_pem(key);
  if (!key_pem) return key_pem.error();
  // parse() names the chain, whichever of both is wrong.
  if (key.find("-----BEGIN") == std::string::npos && !holds_key(*key_pem))
    return bad(fault_kind::malformed, key, "expected a private key in PEM without a passphrase");
  const bool is_inline = chain.find("-----BEGIN") != std::string::npos;
  return parse(*chain_pem, *key_pem, is_inline ? "certificate given inline" : chain);
}

const std::vector<std::string>& certificate::names() const noexcept {
  static const std::vector<std::string> none;
  return state_ != nullptr ? state_->names : none;
}
std::string_view certificate::common_name() const noexcept {
  return state_ != nullptr ? std::string_view(state_->common_name) : std::string_view{};
}
wall_time certificate::not_before() const noexcept {
  return state_ != nullptr ? state_->not_before : wall_time{};
}
wall_time certificate::not_after() const noexcept {
  return state_ != nullptr ? state_->not_after : wall_time{};
}
std::string_view certificate::fingerprint() const noexcept {
  return state_ != nullptr ? std::string_view(state_->fingerprint) : std::string_view{};
}

bool certificate::covers(std::string_view host) const noexcept {
  const auto dot = host.find('.');
  return std::any_of(names().begin(), names().end(), [&](const std::string& name) {
    if (ascii::iequals(name, host)) return true;
    return name.starts_with("*.") && dot != std::string_view::npos && dot > 0 &&
           ascii::iequals(std::string_view(name).substr(1), host.substr(dot));
  });
}

X509* certificate::leaf() const noexcept {
  return state_ != nullptr ? state_->leaf.get() : nullptr;
}
EVP_PKEY* certificate::key() const noexcept {
  return state_ != nullptr ? state_->key.get() : nullptr;
}
stack_st_X509* certificate::chain() const noexcept {
  return state_ != nullptr ? state_->chain : nullptr;
}

}  // namespace stagedoor::tls
