// SPDX-License-Identifier: Apache-2.0
// One line of a server block to the settings of its plugin.
#pragma once

#include "configs/corefile.hpp"
#include "configs/dns_config.hpp"

namespace stagedoor::configs {

class dns_plugin_reader {
 public:
  dns_plugin_reader(dns_server_block& block, const corefile_sources& sources, diagnostics& out)
      : block_(block), sources_(sources), out_(out) {}

  /// Any directive: an unknown one, and one that is not implemented, are errors.
  void read(const corefile_line& line);

 private:
  void read_root(const corefile_line& line);
  void read_bind(const corefile_line& line);
  void read_errors(const corefile_line& line);
  void read_reload(const corefile_line& line);
  void read_log(const corefile_line& line);
  void read_file(const corefile_line& line);
  void read_forward(const corefile_line& line);
  void read_forward_option(const corefile_line& option, forward_plugin& forward);
  void read_target(const corefile_token& word, forward_plugin& forward);
  void read_resolv_conf(const corefile_token& word, forward_plugin& forward);
  void read_health_check(const corefile_line& option, forward_plugin& forward);

  // -- words ---
  bool count(const corefile_line& line, std::size_t least, std::size_t most,
             std::string_view wanted);
  bool no_block(const corefile_line& line);
  void zones(const std::vector<corefile_token>& words, std::size_t from,
             std::vector<std::string>& out);
  bool duration(const corefile_token& word, std::string_view what, nanoseconds& out);
  bool number(const corefile_token& word, std::string_view what, std::uint32_t& out);
  [[nodiscard]] std::vector<std::string> own_zones() const;
  void unknown_option(const corefile_line& option, std::string_view plugin,
                      const std::vector<std::string_view>& implemented,
                      const std::vector<std::string_view>& known);

  dns_server_block& block_;
  const corefile_sources& sources_;
  diagnostics& out_;
};

}  // namespace stagedoor::configs
