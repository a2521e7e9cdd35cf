// SPDX-License-Identifier: Apache-2.0
#include "tests/acme/pebble.hpp"

#include "tests/support/free_port.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <stdexcept>
#include <unistd.h>

namespace stagedoor::test {

namespace {

constexpr milliseconds startup{20'000};

std::string new_folder() {
  auto path = ::testing::TempDir() + "pebble_XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return path;
}

// The package ships no certificate for the server itself.
void make_certificate(const std::string& folder) {
  if (run_command({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=pebble",
                   "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                   folder + "/key.pem", "-out", folder + "/cert.pem"}) != 0)
    throw std::runtime_error("openssl could not make a certificate for pebble");
}

std::string configuration(const pebble_options& o, const std::string& folder, std::uint16_t port) {
  const auto macs =
      o.eab_kid.empty() ? std::string("{}") : fmt::format(R"({{"{}":"{}"}})", o.eab_kid, o.eab_key);
  return fmt::format(
      R"({{"pebble":{{"listenAddress":"127.0.0.1:{}","managementListenAddress":"127.0.0.1:{}",
"certificate":"{}/cert.pem","privateKey":"{}/key.pem","httpPort":{},"tlsPort":{},"ocspResponderURL":"",
"externalAccountBindingRequired":{},"externalAccountMACKeys":{},
"domainBlocklist":["blocked.example.test"],"certificateValidityPeriod":518400}}}})",
      port, free_port(), folder, folder, o.http_port, o.tls_port, !o.eab_kid.empty(), macs);
}

}  // namespace

pebble::pebble(const pebble_options& options)
    : folder_(new_folder()), acme_port_(free_port()), dns_management_port_(free_port()) {
  make_certificate(folder_);
  std::ofstream(folder_ + "/pebble.json") << configuration(options, folder_, acme_port_);
  const auto dns_port = free_port();
  dns_ = std::make_unique<child_process>(
      std::vector<std::string>{
          "pebble-challtestsrv", "-dns01", fmt::format("127.0.0.1:{}", dns_port), "-http01", "",
          "-https01", "", "-tlsalpn01", "", "-management",
          fmt::format("127.0.0.1:{}", dns_management_port_), "-defaultIPv6", ""},
      std::vector<std::string>{});
  if (!dns_->wait_for_output("Starting management server", startup))
    throw std::runtime_error("pebble-challtestsrv: " + dns_->output());
  dns_->drain();
  ca_ = std::make_unique<child_process>(
      std::vector<std::string>{"pebble", "-config", folder_ + "/pebble.json", "-dnsserver",
                               fmt::format("127.0.0.1:{}", dns_port)},
      std::vector<std::string>{"PEBBLE_VA_NOSLEEP=1",
                               fmt::format("PEBBLE_WFE_NONCEREJECT={}", options.nonce_reject),
                               fmt::format("PEBBLE_AUTHZREUSE={}", options.authz_reuse)});
  if (!ca_->wait_for_output("ACME directory available", startup) ||
      !wait_for_listener(acme_port_, startup))
    throw std::runtime_error("pebble: " + ca_->output());
  ca_->drain();
}

pebble::~pebble() { std::filesystem::remove_all(folder_); }

std::string pebble::ca_pem() const {
  std::ifstream file(folder_ + "/cert.pem");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string pebble::directory_url() const {
  return fmt::format("https://127.0.0.1:{}/dir", acme_port_);
}

std::string pebble::dns_url(const std::string& action) const {
  return fmt::format("http://127.0.0.1:{}/{}", dns_management_port_, action);
}

}  // namespace stagedoor::test
