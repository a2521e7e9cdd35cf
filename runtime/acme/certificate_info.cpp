// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/certificate_info.hpp"

#include "runtime/acme/openssl.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/net/address.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace stagedoor::acme {

namespace {

using certificate = std::unique_ptr<X509, freed_by<X509_free>>;

certificate read_one(const memory_stream& in) {
  return certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
}

std::string_view bytes_of(const ASN1_STRING* s) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)),
          static_cast<std::size_t>(ASN1_STRING_length(s))};
}

wall_time time_of(const ASN1_TIME* at) {
  std::tm fields{};
  if (ASN1_TIME_to_tm(at, &fields) != 1) return {};
  // X.509 knows the year 9999, a 64-bit count of nanoseconds ends in 2262.
  constexpr std::time_t last = 9'000'000'000;
  return wall_clock::from_time_t(std::clamp<std::time_t>(::timegm(&fields), 0, last));
}

std::string ip_text(std::string_view bytes) {
  sockaddr_in six_or_four{};
  sockaddr_in6 six{};
  if (bytes.size() == 4) {
    six_or_four.sin_family = AF_INET;
    std::memcpy(&six_or_four.sin_addr, bytes.data(), 4);
    return net::address(reinterpret_cast<const sockaddr*>(&six_or_four), sizeof six_or_four).ip();
  }
  if (bytes.size() != 16) return {};
  six.sin6_family = AF_INET6;
  std::memcpy(&six.sin6_addr, bytes.data(), 16);
  return net::address(reinterpret_cast<const sockaddr*>(&six), sizeof six).ip();
}

std::vector<std::string> names_of(X509* leaf) {
  std::vector<std::string> names;
  const std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>> list(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const auto* one = sk_GENERAL_NAME_value(list.get(), i);
    if (one->type == GEN_DNS) names.push_back(ascii::to_lower(bytes_of(one->d.dNSName)));
    if (one->type == GEN_IPADD) names.push_back(ip_text(bytes_of(one->d.iPAddress)));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string issuer_of(X509* leaf) {
  char text[256] = {};
  const int length =
      X509_NAME_get_text_by_NID(X509_get_issuer_name(leaf), NID_commonName, text, sizeof text);
  return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}

std::string serial_of(X509* leaf) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes_of(X509_get0_serialNumber(leaf))) {
    text.push_back(digits[static_cast<unsigned char>(c) >> 4U]);
    text.push_back(digits[static_cast<unsigned char>(c) & 15U]);
  }
  return text;
}

// The serial as DER encodes it: a leading zero byte where the first bit is set.
std::string ari_id_of(X509* leaf) {
  const auto* authority = X509_get0_authority_key_id(leaf);
  if (authority == nullptr) return {};
  std::string serial(bytes_of(X509_get0_serialNumber(leaf)));
  if (!serial.empty() && (static_cast<unsigned char>(serial.front()) & 0x80U) != 0)
    serial.insert(serial.begin(), '\0');
  return base64url_encode(bytes_of(authority)) + "." + base64url_encode(serial);
}

}  // namespace

result<certificate_info> inspect_chain(std::string_view pem) {
  const auto in = memory_of(pem);
  const auto leaf = read_one(in);
  if (!leaf) return openssl_fault(fault_kind::invalid, "certificate");
  certificate_info info;
  info.names = names_of(leaf.get());
  info.not_before = time_of(X509_get0_notBefore(leaf.get()));
  info.not_after = time_of(X509_get0_notAfter(leaf.get()));
  info.serial = serial_of(leaf.get());
  info.issuer = issuer_of(leaf.get());
  info.ari_id = ari_id_of(leaf.get());
  info.chain_length = 1;
  while (read_one(in))
    if (++info.chain_length > max_chain)
      return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
                   "certificate: the chain is too long"};
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  return info;
}

result<bool> belongs_to(std::string_view chain_pem, const private_key& key) {
  const auto leaf = read_one(memory_of(chain_pem));
  if (!leaf) return openssl_fault(fault_kind::invalid, "certificate");
  const bool same = X509_check_private_key(leaf.get(), key.native()) == 1;
  ERR_clear_error();
  return same;
}

split_chain split_pem(std::string_view chain_pem) {
  constexpr std::string_view end = "-----END CERTIFICATE-----";
  const auto at = chain_pem.find(end);
  if (at == std::string_view::npos) return {std::string(chain_pem), {}};
  const auto cut = at + end.size();
  auto issuers = ascii::trim(chain_pem.substr(cut));
  return {std::string(chain_pem.substr(0, cut)) + "\n",
          issuers.empty() ? std::string() : std::string(issuers) + "\n"};
}

wall_time renewal_time(wall_time not_before, wall_time not_after) noexcept {
  constexpr std::chrono::hours short_lived{10 * 24};
  const auto lifetime = not_after - not_before;
  return lifetime < short_lived ? not_before + lifetime / 2 : not_after - lifetime / 3;
}

}  // namespace stagedoor::acme
