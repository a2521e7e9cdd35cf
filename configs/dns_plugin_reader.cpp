// SPDX-License-Identifier: Apache-2.0
#include "configs/dns_plugin_reader.hpp"

#include "configs/dns_zone_name.hpp"
#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <limits>

namespace stagedoor::configs {
namespace {

/// Every directive of CoreDNS 1.14, in the order of its plugin.cfg.
const std::vector<std::string_view> known_plugins = {
    "root",        "metadata",  "geoip",    "cancel",       "proxyproto", "quic",
    "grpc_server", "https",     "https3",   "tls",          "timeouts",   "multisocket",
    "reload",      "nsid",      "bufsize",  "bind",         "debug",      "trace",
    "ready",       "health",    "pprof",    "shed",         "prometheus", "errors",
    "log",         "dnstap",    "local",    "dns64",        "any",        "chaos",
    "loadbalance", "tsig",      "rewrite",  "autopath",     "acl",        "cache",
    "header",      "dnssec",    "minimal",  "template",     "transfer",   "hosts",
    "route53",     "azure",     "clouddns", "k8s_external", "kubernetes", "file",
    "auto",        "secondary", "etcd",     "loop",         "forward",    "grpc",
    "erratic",     "whoami",    "on",       "sign",         "view",       "nomad"};

/// `ip`, `ip:port`, `[ip]:port`.
std::optional<forward_target> parse_target(std::string_view text) {
  forward_target out;
  if (is_ip(text)) {
    out.host = std::string(text);
    return out;
  }
  const auto address = parse_listen_address(text);
  if (!address || !is_ip(address->host) || address->port == 0) return std::nullopt;
  out.host = address->host;
  out.port = address->port;
  return out;
}

}  // namespace

void dns_plugin_reader::read(const corefile_line& line) {
  struct row {
    std::string_view name;
    void (dns_plugin_reader::*how)(const corefile_line&);
  };
  static constexpr std::array rows = {
      row{"root", &dns_plugin_reader::read_root},
      row{"bind", &dns_plugin_reader::read_bind},
      row{"errors", &dns_plugin_reader::read_errors},
      row{"reload", &dns_plugin_reader::read_reload},
      row{"log", &dns_plugin_reader::read_log},
      row{"file", &dns_plugin_reader::read_file},
      row{"forward", &dns_plugin_reader::read_forward},
  };
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const row& r) { return r.name == line.name.text; });
  if (found != rows.end()) return (this->*found->how)(line);
  const bool known =
      std::find(known_plugins.begin(), known_plugins.end(), line.name.text) != known_plugins.end();
  out_.error(line.name.at,
             known ? fmt::format("plugin {} is known to CoreDNS but not implemented here",
                                 shown(line.name.text))
                   : fmt::format("Unknown directive '{}'{}", line.name.text,
                                 did_you_mean(line.name.text, known_plugins)));
}

// -- small plugins -----------------------------------------------------------------------------------

void dns_plugin_reader::read_root(const corefile_line& line) {
  if (!count(line, 1, 1, "one path") || !no_block(line)) return;
  block_.root = line.arguments.front().text;
}

void dns_plugin_reader::read_bind(const corefile_line& line) {
  if (!count(line, 1, 256, "addresses or interfaces")) return;
  for (const auto& word : line.arguments) block_.bind.push_back(word.text);
  for (const auto& option : line.block) unknown_option(option, "bind", {}, {"except"});
}

void dns_plugin_reader::read_errors(const corefile_line& line) {
  if (!count(line, 0, 0, "no argument")) return;
  for (const auto& option : line.block)
    unknown_option(option, "errors", {}, {"consolidate", "stacktrace"});
  block_.errors = true;
}

void dns_plugin_reader::read_reload(const corefile_line& line) {
  if (!count(line, 0, 2, "an interval and a jitter") || !no_block(line)) return;
  if (block_.reload)
    return out_.error(line.name.at, "plugin \"reload\" is given twice in one block");
  reload_plugin reload;
  const auto& words = line.arguments;
  if (!words.empty() && !duration(words[0], "reload", reload.interval)) return;
  if (reload.interval < std::chrono::seconds{2})
    return out_.expected(words[0].at, "reload", "an interval of at least 2s", shown(words[0].text));
  reload.jitter = std::min(reload.jitter, reload.interval / 2);
  if (words.size() == 2) {
    if (!duration(words[1], "reload", reload.jitter)) return;
    if (reload.jitter < std::chrono::seconds{1})
      return out_.expected(words[1].at, "reload", "a jitter of at least 1s", shown(words[1].text));
    reload.jitter = std::min(reload.jitter, reload.interval / 2);
  }
  block_.reload = reload;
}

void dns_plugin_reader::read_log(const corefile_line& line) {
  log_plugin log;
  log.where = line.name.at;
  auto names = line.arguments;
  // A single argument is always a name; the last of several is a format when it looks like one.
  if (names.size() > 1 && names.back().text.find('{') != std::string::npos) {
    log.format = names.back().text;
    names.pop_back();
  }
  zones(names, 0, log.names);
  if (names.empty()) log.names = {"."};
  constexpr std::array classes = {std::pair{"all", log_plugin::answers::all},
                                  std::pair{"success", log_plugin::answers::success},
                                  std::pair{"denial", log_plugin::answers::denial},
                                  std::pair{"error", log_plugin::answers::error}};
  for (const auto& option : line.block) {
    if (option.name.text != "class") {
      unknown_option(option, "log", {"class"}, {});
      continue;
    }
    if (!count(option, 1, classes.size(), "success, denial, error or all")) continue;
    for (const auto& word : option.arguments) {
      const auto found = std::find_if(classes.begin(), classes.end(),
                                      [&](const auto& c) { return c.first == word.text; });
      if (found == classes.end()) {
        out_.expected(word.at, "log class", "success, denial, error or all", shown(word.text));
      } else {
        log.classes.push_back(found->second);
      }
    }
  }
  if (log.classes.empty()) log.classes = {log_plugin::answers::all};
  block_.logs.push_back(std::move(log));
}

// -- file --------------------------------------------------------------------------------------------

void dns_plugin_reader::read_file(const corefile_line& line) {
  if (!count(line, 1, 1'000'000, "a zone file and its zones")) return;
  file_plugin file;
  file.where = line.name.at;
  file.path = line.arguments.front().text;
  file.path_at = line.arguments.front().at;
  zones(line.arguments, 1, file.zones);
  if (line.arguments.size() == 1) file.zones = own_zones();
  for (const auto& option : line.block) {
    if (option.name.text == "reload") {
      if (count(option, 1, 1, "one duration"))
        duration(option.arguments.front(), "reload", file.reload);
    } else if (option.name.text == "fallthrough") {
      file.fallthrough.emplace();
      zones(option.arguments, 0, *file.fallthrough);
      if (option.arguments.empty()) file.fallthrough->emplace_back(".");
    } else if (option.name.text == "upstream") {
      out_.warning(option.name.at, "file: upstream has no effect, as in CoreDNS since 1.5");
    } else {
      unknown_option(option, "file", {"reload", "fallthrough", "upstream"}, {"reload_by_mtime"});
    }
  }
  if (file.path.empty()) return out_.expected(file.path_at, "file", "a path", "\"\"");
  block_.files.push_back(std::move(file));
}

// -- forward -----------------------------------------------------------------------------------------

void dns_plugin_reader::read_forward(const corefile_line& line) {
  if (!count(line, 2, 1'000'000, "a zone and its upstreams")) return;
  forward_plugin forward;
  forward.where = line.name.at;
  zones({line.arguments.front()}, 0, forward.from);
  for (std::size_t i = 1; i < line.arguments.size(); ++i) read_target(line.arguments[i], forward);
  if (forward.to.size() > defaults::forward_upstreams)
    out_.error(line.name.at, fmt::format("forward: expected at most {} upstreams, got {}",
                                         defaults::forward_upstreams, forward.to.size()));
  for (const auto& option : line.block) read_forward_option(option, forward);
  if (forward.force_tcp && forward.prefer_udp)
    out_.error(line.name.at, "forward: expected force_tcp or prefer_udp, got both");
  block_.forwards.push_back(std::move(forward));
}

void dns_plugin_reader::read_target(const corefile_token& word, forward_plugin& forward) {
  std::string_view text = word.text;
  if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
    if (text.substr(0, scheme) != "dns")
      return out_.error(word.at, fmt::format("forward: {}:// is not implemented, only dns://",
                                             text.substr(0, scheme)));
    text.remove_prefix(scheme + 3);
  }
  if (auto target = parse_target(text)) {
    forward.to.push_back(std::move(*target));
  } else if (text.find('/') != std::string_view::npos) {
    read_resolv_conf(word, forward);
  } else {
    out_.expected(word.at, "forward",
                  "an IP address, with or without a port, or a file like /etc/resolv.conf",
                  shown(word.text));
  }
}

/// The machine's own file, never one below the root: it says where this machine asks.
void dns_plugin_reader::read_resolv_conf(const corefile_token& word, forward_plugin& forward) {
  const auto text = sources_.read(word.text);
  if (!text) return out_.error(word.at, fmt::format("forward: {}", text.error().detail));
  const auto before = forward.to.size();
  for (const auto line : ascii::split(*text, '\n')) {
    constexpr std::string_view keyword = "nameserver";
    auto rest = ascii::trim(line.substr(0, line.find_first_of("#;")));
    if (!rest.starts_with(keyword)) continue;
    rest = ascii::trim(rest.substr(keyword.size()));
    if (auto target = parse_target(rest)) forward.to.push_back(std::move(*target));
  }
  if (forward.to.size() == before)
    out_.error(word.at, fmt::format("forward: expected a nameserver line in {}, got none",
                                    shown(word.text)));
}

void dns_plugin_reader::read_forward_option(const corefile_line& option, forward_plugin& forward) {
  const auto& name = option.name.text;
  const auto& words = option.arguments;
  if (name == "except") {
    if (count(option, 1, 1'000'000, "zones")) zones(words, 0, forward.except);
  } else if (name == "force_tcp") {
    forward.force_tcp = count(option, 0, 0, "no argument");
  } else if (name == "prefer_udp") {
    forward.prefer_udp = count(option, 0, 0, "no argument");
  } else if (name == "expire") {
    if (count(option, 1, 1, "one duration")) duration(words.front(), name, forward.expire);
  } else if (name == "max_fails") {
    if (count(option, 1, 1, "one number")) number(words.front(), name, forward.max_fails);
  } else if (name == "max_concurrent") {
    if (count(option, 1, 1, "one number")) number(words.front(), name, forward.max_concurrent);
  } else if (name == "policy") {
    if (!count(option, 1, 1, "random, round_robin or sequential")) return;
    if (words.front().text == "random") {
      forward.choice = forward_plugin::policy::random;
    } else if (words.front().text == "round_robin") {
      forward.choice = forward_plugin::policy::round_robin;
    } else if (words.front().text == "sequential") {
      forward.choice = forward_plugin::policy::sequential;
    } else {
      out_.expected(words.front().at, "policy", "random, round_robin or sequential",
                    shown(words.front().text));
    }
  } else if (name == "health_check") {
    read_health_check(option, forward);
  } else {
    unknown_option(option, "forward",
                   {"except", "force_tcp", "prefer_udp", "expire", "max_fails", "max_concurrent",
                    "policy", "health_check"},
                   {"max_age", "max_idle_conns", "read_timeout", "max_connect_attempts",
                    "doh_method", "tls", "tls_servername", "next", "next_on_nodata",
                    "failfast_all_unhealthy_upstreams", "failover", "source_address", "resolver"});
  }
}

void dns_plugin_reader::read_health_check(const corefile_line& option, forward_plugin& forward) {
  if (!count(option, 1, 4, "a duration, no_rec, domain NAME")) return;
  const auto& words = option.arguments;
  if (!duration(words.front(), "health_check", forward.health_check)) return;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].text == "no_rec") {
      forward.health_recursion = false;
    } else if (words[i].text == "domain" && i + 1 < words.size()) {
      std::vector<std::string> name;
      zones({words[++i]}, 0, name);
      if (name.size() == 1) forward.health_domain = name.front();
    } else {
      out_.expected(words[i].at, "health_check", "no_rec or domain NAME", shown(words[i].text));
    }
  }
}

// -- words -------------------------------------------------------------------------------------------

bool dns_plugin_reader::count(const corefile_line& line, std::size_t least, std::size_t most,
                              std::string_view wanted) {
  const auto given = line.arguments.size();
  if (given >= least && given <= most) return true;
  const auto& at = given > most ? line.arguments[most].at : line.name.at;
  out_.expected(at, line.name.text, wanted,
                given > most ? shown(line.arguments[most].text)
                             : fmt::format("{} argument{}", given, given == 1 ? "" : "s"));
  return false;
}

bool dns_plugin_reader::no_block(const corefile_line& line) {
  if (!line.has_block) return true;
  out_.expected(line.name.at, line.name.text, "no block", "{");
  return false;
}

void dns_plugin_reader::zones(const std::vector<corefile_token>& words, std::size_t from,
                              std::vector<std::string>& out) {
  for (std::size_t i = from; i < words.size(); ++i) {
    auto parsed = parse_zone(words[i].text);
    if (parsed) {
      out.insert(out.end(), parsed->begin(), parsed->end());
    } else {
      out_.expected(words[i].at, "", parsed.error().detail, shown(words[i].text));
    }
  }
}

bool dns_plugin_reader::duration(const corefile_token& word, std::string_view what,
                                 nanoseconds& out) {
  const auto parsed = parse_go_duration(word.text);
  if (parsed && parsed->count() >= 0) {
    out = *parsed;
    return true;
  }
  out_.expected(word.at, what, parsed ? "a duration that is not negative" : parsed.error().detail,
                shown(word.text));
  return false;
}

bool dns_plugin_reader::number(const corefile_token& word, std::string_view what,
                               std::uint32_t& out) {
  const auto parsed = ascii::parse_number<std::uint32_t>(word.text);
  if (parsed) out = *parsed;
  if (!parsed) out_.expected(word.at, what, "a whole number", shown(word.text));
  return parsed.has_value();
}

std::vector<std::string> dns_plugin_reader::own_zones() const {
  std::vector<std::string> out;
  for (const auto& zone : block_.zones)
    if (std::find(out.begin(), out.end(), zone.name) == out.end()) out.push_back(zone.name);
  return out;
}

void dns_plugin_reader::unknown_option(const corefile_line& option, std::string_view plugin,
                                       const std::vector<std::string_view>& implemented,
                                       const std::vector<std::string_view>& known) {
  const auto& name = option.name.text;
  if (std::find(known.begin(), known.end(), name) != known.end())
    return out_.error(option.name.at,
                      fmt::format("{}: option {} is known to CoreDNS but not implemented here",
                                  plugin, shown(name)));
  auto candidates = implemented;
  candidates.insert(candidates.end(), known.begin(), known.end());
  out_.error(option.name.at, fmt::format("{}: unknown option {}{}", plugin, shown(name),
                                         did_you_mean(name, candidates)));
}

}  // namespace stagedoor::configs
