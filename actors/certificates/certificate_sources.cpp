// SPDX-License-Identifier: Apache-2.0
#include "actors/certificates/certificate_sources.hpp"

#include "runtime/acme/acme_json.hpp"
#include "runtime/acme/certbot_store.hpp"

#include <filesystem>
#include <fmt/format.h>

namespace stagedoor::actors {
namespace {

class reader {
 public:
  reader(const configs::loaded& config, certificates_loaded& out) : config_(config), out_(out) {}

  void read_file(const configs::tls_certificate& file) {
    const auto made = tls::certificate::load(place(file.cert_file), place(file.key_file));
    const std::string source = fmt::format("file {}", configs::to_string(file.where));
    if (made)
      out_.by_source[source] = {*made};
    else
      unreadable(source, source, made.error());
  }

  void read_certbot() {
    const auto& folder = config_.node.certificates.directory;
    const auto source = [&](const std::string& name) {
      return fmt::format("certbot {}/live/{}", folder, name);
    };
    auto tree = acme::read_certbot(folder);
    if (!tree) return unreadable(source(""), folder, tree.error());
    for (const auto& warning : tree->warnings) out_.problems.push_back(warning);
    for (const auto& lineage : tree->lineages) {
      auto made = tls::certificate::parse(lineage.certificate.chain_pem,
                                          lineage.certificate.key_pem, lineage.name);
      if (made)
        out_.by_source[source(lineage.name)] = {*std::move(made)};
      else
        unreadable(source(lineage.name), lineage.name, made.error());
    }
    // A lineage that is there but not whole, such as one that is just being written.
    std::error_code error;
    for (std::filesystem::directory_iterator at(folder + "/live", error), end; !error && at != end;
         at.increment(error))
      if (const auto name = source(at->path().filename().string()); !out_.by_source.contains(name))
        out_.unreadable.insert(name);
  }

  void read_acme_json(const configs::certificate_resolver& resolver) {
    const auto path = config_.node.edge_path(resolver.storage);
    const auto source = fmt::format("acme.json {}", path);
    if (resolver.storage.empty() || out_.by_source.contains(source)) return;  // resolvers share one
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return;
    auto stored = acme::load_acme_json(path);
    if (!stored) return unreadable(source, path, stored.error());
    for (const auto& warning : stored->warnings) out_.problems.push_back(warning);
    auto& into = out_.by_source[source];
    for (const auto& [name, of] : stored->resolvers)
      for (const auto& c : of.certificates) add(c, path, into);
  }

 private:
  [[nodiscard]] std::string place(const std::string& text) const {
    return text.find("-----BEGIN") == std::string::npos ? config_.node.edge_path(text) : text;
  }

  void add(const acme::stored_certificate& c, const std::string& name,
           std::vector<tls::certificate>& into) {
    auto made = tls::certificate::parse(c.chain_pem, c.key_pem, name);
    if (made)
      into.push_back(*std::move(made));
    else
      problem(name, made.error());
  }

  void unreadable(const std::string& source, const std::string& what, const fault& f) {
    out_.unreadable.insert(source);
    problem(what, f);
  }

  void problem(const std::string& what, const fault& f) {
    out_.problems.push_back(fmt::format("{}: {}", what, f.detail));
  }

  const configs::loaded& config_;
  certificates_loaded& out_;
};

}  // namespace

certificates_loaded read_certificate_sources(const configs::loaded& config,
                                             const std::vector<configs::tls_certificate>& files) {
  certificates_loaded out;
  reader r(config, out);
  for (const auto& file : files) r.read_file(file);
  r.read_certbot();
  for (const auto& resolver : config.edge.resolvers) r.read_acme_json(resolver);
  return out;
}

}  // namespace stagedoor::actors
