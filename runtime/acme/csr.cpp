// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/csr.hpp"

#include "runtime/acme/openssl.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/net/address.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace stagedoor::acme {

namespace {

constexpr std::size_t longest_common_name = 64;  // RFC 5280 A.1, ub-common-name

// Comma, colon and line ends would mean something to OpenSSL's little language.
bool is_dns_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
    return ascii::is_alpha(c) || ascii::is_digit(c) || c == '.' || c == '-' || c == '_' || c == '*';
  });
}

bool add_names(X509_REQ* csr, const std::string& text) {
  const std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> names(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, text.c_str()));
  if (!names) return false;
  STACK_OF(X509_EXTENSION)* list = nullptr;
  const bool added =
      X509v3_add_ext(&list, names.get(), -1) != nullptr && X509_REQ_add_extensions(csr, list) == 1;
  sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
  return added;
}

bool add_common_name(X509_REQ* csr, const std::string& name) {
  return X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(csr), "CN", MBSTRING_ASC,
                                    reinterpret_cast<const unsigned char*>(name.data()),
                                    static_cast<int>(name.size()), -1, 0) == 1;
}

}  // namespace

std::string subject_alternative_names(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    const bool is_ip = net::address::parse_ip(name, 0).has_value();
    if (!is_ip && !is_dns_name(name)) return {};
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", is_ip ? "IP" : "DNS", name);
  }
  return text;
}

result<std::string> make_csr(const private_key& key, const std::vector<std::string>& names,
                             common_name subject) {
  const auto text = subject_alternative_names(names);
  if (text.empty())
    return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                 "certificate request: expected host names or IP addresses"};
  const std::unique_ptr<X509_REQ, freed_by<X509_REQ_free>> csr(X509_REQ_new());
  const bool named = subject == common_name::none || names.front().size() > longest_common_name ||
                     add_common_name(csr.get(), names.front());
  if (!named || X509_REQ_set_pubkey(csr.get(), key.native()) != 1 || !add_names(csr.get(), text) ||
      X509_REQ_sign(csr.get(), key.native(), EVP_sha256()) <= 0)
    return openssl_fault(fault_kind::internal, "certificate request");
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(csr.get(), &der);
  if (size <= 0) return openssl_fault(fault_kind::internal, "certificate request");
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

}  // namespace stagedoor::acme
