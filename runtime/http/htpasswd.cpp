// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/htpasswd.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/tls/digest.hpp"

#include <algorithm>
#include <array>
#include <crypt.h>
#include <fmt/format.h>
#include <memory>

namespace stagedoor::http {
namespace {

constexpr std::string_view sha_mark = "{SHA}";
constexpr std::string_view apr1_mark = "$apr1$";
constexpr std::string_view md5_mark = "$1$";
constexpr std::string_view crypt_digits =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fault bad(fault_kind kind, std::string_view user, std::string_view expected) {
  return {kind, fault_side::operator_input, retryable::no,
          fmt::format("user '{}': expected {}", user, expected)};
}

bool is_bcrypt(std::string_view hash) noexcept {
  return hash.size() == 60 && hash.starts_with("$2") &&
         std::string_view("abxy").find(hash[2]) != std::string_view::npos && hash[3] == '$' &&
         ascii::is_digit(hash[4]) && ascii::is_digit(hash[5]) && hash[6] == '$';
}

bool all_crypt_digits(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return crypt_digits.find(c) != std::string_view::npos; });
}

/// "$apr1$salt$22 digits"
bool is_md5(std::string_view hash, std::string_view mark) noexcept {
  if (!hash.starts_with(mark)) return false;
  hash.remove_prefix(mark.size());
  const auto end = hash.find('$');
  return end != std::string_view::npos && end <= 8 && hash.size() - end - 1 == 22 &&
         all_crypt_digits(hash.substr(0, end)) && all_crypt_digits(hash.substr(end + 1));
}

std::string_view view(const tls::md5_digest& d) noexcept {
  return {reinterpret_cast<const char*>(d.data()), d.size()};
}

/// The order in which the digest's bytes are written, three at a time.
void append_crypt64(std::string& out, unsigned a, unsigned b, unsigned c, int count) {
  unsigned group = a << 16U | b << 8U | c;
  for (; count > 0; --count, group >>= 6U) out += crypt_digits[group & 63U];
}

/// Poul-Henning Kamp's MD5 scheme with Apache's mark in place of "$1$".
std::string apr1(std::string_view password, std::string_view salt) {
  std::string inner(password);
  inner.append(salt).append(password);
  tls::md5_digest d = tls::md5(inner);
  std::string outer(password);
  outer.append(apr1_mark).append(salt);
  for (std::size_t left = password.size(); left > 0; left -= std::min<std::size_t>(16, left))
    outer.append(view(d).substr(0, std::min<std::size_t>(16, left)));
  for (std::size_t bits = password.size(); bits > 0; bits >>= 1U)
    outer += (bits & 1U) != 0 ? '\0' : password.front();
  d = tls::md5(outer);
  std::string round;
  for (int i = 0; i < 1000; ++i) {
    round.clear();
    if (i % 2 != 0)
      round.append(password);
    else
      round.append(view(d));
    if (i % 3 != 0) round.append(salt);
    if (i % 7 != 0) round.append(password);
    if (i % 2 != 0)
      round.append(view(d));
    else
      round.append(password);
    d = tls::md5(round);
  }
  std::string out;
  append_crypt64(out, d[0], d[6], d[12], 4);
  append_crypt64(out, d[1], d[7], d[13], 4);
  append_crypt64(out, d[2], d[8], d[14], 4);
  append_crypt64(out, d[3], d[9], d[15], 4);
  append_crypt64(out, d[4], d[10], d[5], 4);
  append_crypt64(out, 0, 0, d[11], 2);
  return out;
}

bool verify_crypt(const std::string& hash, const std::string& password) {
  const auto work = std::make_unique<crypt_data>();
  const char* const got = ::crypt_r(password.c_str(), hash.c_str(), work.get());
  return got != nullptr && tls::equal_secrets(got, hash);
}

}  // namespace

result<htpasswd_user> parse_htpasswd_line(std::string_view line) {
  line = ascii::trim(line);
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return bad(fault_kind::malformed, line.substr(0, colon == 0 ? 0 : line.find_first_of(":${")),
               "name:hash");
  htpasswd_user user{std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))};
  const std::string_view hash = user.hash;
  if (is_bcrypt(hash)) {
    const auto cost = ascii::parse_number<unsigned>(hash.substr(4, 2)).value_or(0);
    if (!all_crypt_digits(hash.substr(7)) || cost < 4)
      return bad(fault_kind::malformed, user.name, "a bcrypt hash");
    if (cost > max_bcrypt_cost)
      return bad(fault_kind::too_large, user.name,
                 fmt::format("a bcrypt cost of at most {}, got {}", max_bcrypt_cost, cost));
    return user;
  }
  if (is_md5(hash, apr1_mark) || is_md5(hash, md5_mark)) return user;
  if (hash.starts_with(sha_mark)) {
    const auto digest = base64_decode(hash.substr(sha_mark.size()));
    if (digest && digest->size() == tls::sha1_digest{}.size()) return user;
    return bad(fault_kind::malformed, user.name, "a {SHA} hash of 20 bytes in base64");
  }
  return bad(fault_kind::unsupported, user.name,
             "a hash of kind $2y$ (bcrypt), $apr1$, $1$ or {SHA}");
}

bool is_cheap_hash(std::string_view hash) noexcept { return hash.starts_with(sha_mark); }

bool verify_password(std::string_view hash, std::string_view password) {
  // crypt() works on C strings: what is behind a zero byte would not count.
  if (password.size() > max_password_bytes || password.find('\0') != std::string_view::npos)
    return false;
  if (hash.starts_with(sha_mark)) {
    const auto digest = tls::sha1(password);
    const auto wanted = base64_decode(hash.substr(sha_mark.size()));
    return wanted && tls::equal_secrets(
                         {reinterpret_cast<const char*>(digest.data()), digest.size()}, *wanted);
  }
  if (hash.starts_with(apr1_mark)) {
    const auto rest = hash.substr(apr1_mark.size());
    const auto end = rest.find('$');
    return end != std::string_view::npos &&
           tls::equal_secrets(apr1(password, rest.substr(0, end)), rest.substr(end + 1));
  }
  return verify_crypt(std::string(hash), std::string(password));
}

}  // namespace stagedoor::http
