// SPDX-License-Identifier: Apache-2.0
#include "cluster/check_cluster.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/base/date.hpp"
#include "runtime/base/file.hpp"
#include "runtime/tls/authority.hpp"
#include "runtime/tls/certificate.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

namespace stagedoor::cluster {
namespace {

using configs::shown;

void check_key_mode(const configs::file_setting& key, configs::diagnostics& out) {
  struct stat about {};
  if (::stat(key.path.c_str(), &about) != 0) return;
  constexpr mode_t of_others = S_IRWXO | S_IWGRP;
  if ((about.st_mode & of_others) != 0)
    out.warning(key.where,
                fmt::format("cluster.key: expected a file that nobody else can read (mode 0600), "
                            "got {} with mode {:04o}",
                            key.path, about.st_mode & 07777U));
}

void check_name(const tls::certificate& own, const configs::settings& node,
                configs::diagnostics& out) {
  const auto name = ascii::to_lower(node.node.name);
  const bool is_a_name = tls::is_node_name(name);  // if not, who read the settings has said so
  if (!is_a_name || own.covers(name)) return;
  const auto& names = own.names();
  out.error(node.cluster.certificate.where,
            fmt::format("cluster.certificate: expected one for {}, as in node.name, got {} for {}; "
                        "`stagedoor cluster add {}` makes one",
                        shown(name), node.cluster.certificate.path,
                        names.empty() ? "nobody" : shown(names.front()), name));
}

void check_times(const tls::certificate& own, const configs::settings& node, wall_time now,
                 configs::diagnostics& out) {
  const auto& file = node.cluster.certificate;
  if (now >= own.not_after())
    out.warning(file.where,
                fmt::format("cluster.certificate: expected one that is valid now, {} ended on {}: "
                            "no other node takes it; `stagedoor cluster add {}` replaces it",
                            file.path, date_of(own.not_after()), node.node.name));
  else if (now < own.not_before())
    out.warning(file.where,
                fmt::format("cluster.certificate: expected one that is valid now, {} begins on {}: "
                            "no other node takes it (does the clock of this machine go right?)",
                            file.path, date_of(own.not_before())));
}

void check_authority(const tls::certificate& own, const configs::cluster_settings& files,
                     configs::diagnostics& out) {
  const auto authority = read_file(files.ca.path, tls::max_pem_bytes);
  if (!authority)
    return out.error(files.ca.where, fmt::format("cluster.ca: read {}", authority.error().detail));
  const auto signed_by = tls::check_issuer(own, authority->bytes, files.ca.path);
  if (signed_by) return;
  if (signed_by.error().kind != fault_kind::refused)
    return out.error(files.ca.where, fmt::format("cluster.ca: {}", signed_by.error().detail));
  out.error(files.ca.where,
            fmt::format("cluster.ca: expected the authority that signed {}, {} has another one",
                        files.certificate.path, files.ca.path));
}

}  // namespace

void check_cluster(const configs::settings& node, wall_time now, configs::diagnostics& out) {
  const auto& files = node.cluster;
  const bool all_given =
      !files.certificate.path.empty() && !files.key.path.empty() && !files.ca.path.empty();
  if (!all_given) return;  // alone, or said by who read the settings
  if (node.redis.managed)
    out.warning(files.certificate.where,
                "cluster: expected redis.url, nodes meet in a Redis that all of them reach; this "
                "node's own is on 127.0.0.1");
  check_key_mode(files.key, out);
  const auto own = tls::certificate::load(files.certificate.path, files.key.path);
  if (!own) {
    const auto& detail = own.error().detail;
    const bool of_key = detail.rfind(files.key.path, 0) == 0;
    out.error(of_key ? files.key.where : files.certificate.where,
              fmt::format("cluster.{}: {}", of_key ? "key" : "certificate", detail));
    return;
  }
  check_name(*own, node, out);
  check_times(*own, node, now, out);
  check_authority(*own, files, out);
}

}  // namespace stagedoor::cluster
