// SPDX-License-Identifier: Apache-2.0
#include "cluster/cluster_commands.hpp"

#include "cluster/commands.hpp"
#include "runtime/acme/files.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/date.hpp"
#include "runtime/base/file.hpp"
#include "runtime/tls/authority.hpp"

#include <cstdio>
#include <filesystem>
#include <fmt/format.h>

namespace stagedoor::cluster {
namespace {

constexpr mode_t for_owner_only = 0600;
constexpr mode_t for_everybody = 0644;
constexpr mode_t folder_for_owner_only = 0700;

int complain(const std::string& what) {
  fmt::print(stderr, "stagedoor: {}\n", what);
  return exit_failed;
}

struct authority_paths {
  explicit authority_paths(const std::string& directory)
      : certificate(directory + "/ca.crt"),
        key(directory + "/ca.key"),
        lock(directory + "/.lock") {}
  std::string certificate;
  std::string key;
  std::string lock;
};

bool exists(const std::string& path) {
  std::error_code error;
  // A dangling link is something that must not be overwritten either.
  return std::filesystem::symlink_status(path, error).type() !=
         std::filesystem::file_type::not_found;
}

result<tls::pem_pair> read_authority(const authority_paths& paths) {
  auto chain = read_file(paths.certificate, tls::max_pem_bytes);
  if (!chain) return std::move(chain).error();
  auto key = read_file(paths.key, tls::max_pem_bytes);
  if (!key) return std::move(key).error();
  return tls::pem_pair{std::move(chain->bytes), std::move(key->bytes)};
}

/// The key goes first: a certificate without its key is the worse half to be left with.
result<void> write_node(const std::string& folder, const tls::pem_pair& node,
                        const std::string& authority) {
  if (auto made = acme::make_folder(folder, folder_for_owner_only); !made) return made;
  if (auto w = acme::write_file(folder + "/node.key", node.key, for_owner_only); !w) return w;
  if (auto w = acme::write_file(folder + "/node.crt", node.chain, for_everybody); !w) return w;
  return acme::write_file(folder + "/ca.crt", authority, for_everybody);
}

}  // namespace

int cluster_init(const cluster_options& o) {
  const authority_paths paths(o.directory);
  if (auto made = acme::make_folder(o.directory, folder_for_owner_only); !made)
    return complain(made.error().detail);
  const auto lock = acme::lock_file(paths.lock);
  if (!lock) return complain(lock.error().detail);
  for (const auto& path : {paths.certificate, paths.key})
    if (exists(path))
      return complain(fmt::format(
          "{} exists: a cluster has one authority, and nodes that trust it would trust no other; "
          "`stagedoor cluster add NAME` makes certificates of it",
          path));
  const auto now = wall_clock::now();
  const auto made = tls::make_authority(fmt::format("stagedoor cluster {}", date_of(now)), now);
  if (!made) return complain(made.error().detail);
  if (auto w = acme::write_file(paths.key, made->key, for_owner_only); !w)
    return complain(w.error().detail);
  if (auto w = acme::write_file(paths.certificate, made->chain, for_everybody); !w)
    return complain(w.error().detail);
  fmt::print(
      "made the authority of a new cluster, valid until {}:\n"
      "  {}  every node needs it\n"
      "  {}  signs nodes; back it up, and keep it off the nodes\n"
      "next, for each node: stagedoor cluster add NAME{}\n",
      date_of(now + tls::authority_lifetime), paths.certificate, paths.key,
      o.directory == cluster_options{}.directory ? "" : " --dir " + o.directory);
  return exit_ok;
}

int cluster_add(const cluster_options& o) {
  const authority_paths paths(o.directory);
  if (!exists(paths.certificate) || !exists(paths.key))
    return complain(
        fmt::format("no authority in {}; `stagedoor cluster init` makes one", o.directory));
  const auto lock = acme::lock_file(paths.lock);
  if (!lock) return complain(lock.error().detail);
  const auto authority = read_authority(paths);
  if (!authority) return complain(authority.error().detail);
  const auto name = ascii::to_lower(o.name);
  const auto made = tls::issue_node_certificate(*authority, {name, wall_clock::now()});
  if (!made) return complain(made.error().detail);
  const auto parsed = tls::certificate::parse(made->chain, made->key, name);
  if (!parsed) return complain(parsed.error().detail);
  const auto folder = o.directory + "/" + name;
  const bool again = exists(folder + "/node.crt");
  if (auto written = write_node(folder, *made, authority->chain); !written)
    return complain(written.error().detail);
  fmt::print(
      "{} the certificate of {}, valid until {}\n"
      "copy node.crt, node.key and ca.crt from {} to {}, beside its stagedoor.yml:\n"
      "  cluster: {{ certificate: node.crt, key: node.key, ca: ca.crt }}\n{}",
      again ? "replaced" : "made", name, date_of(parsed->not_after()), folder, name,
      again ? "a running node takes the new files without a restart\n" : "");
  return exit_ok;
}

}  // namespace stagedoor::cluster
