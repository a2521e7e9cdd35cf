// SPDX-License-Identifier: Apache-2.0
#include "runtime/acme/certbot_store.hpp"

#include "runtime/acme/files.hpp"
#include "runtime/base/ascii.hpp"
#include "runtime/base/file.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>

namespace stagedoor::acme {

namespace {

namespace fs = std::filesystem;

// In the order their links are turned.
constexpr std::array<std::string_view, 4> parts{"privkey", "cert", "chain", "fullchain"};

fault invalid(std::string detail) {
  return {fault_kind::invalid, fault_side::operator_input, retryable::no, std::move(detail)};
}

// One component of a path, not hidden and not a way out.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return ascii::is_alpha(c) || ascii::is_digit(c) || c == '.' || c == '-' || c == '_';
         });
}

// "key = value" anywhere in the file; the sections of a renewal file share no keys that matter.
std::string setting(std::string_view text, std::string_view key) {
  for (const auto line : ascii::split(text, '\n')) {
    const auto equals = line.find('=');
    if (equals != std::string_view::npos && ascii::trim(line.substr(0, equals)) == key)
      return std::string(ascii::trim(line.substr(equals + 1)));
  }
  return {};
}

result<stored_certificate> read_live(const std::string& live) {
  stored_certificate c;
  c.path = live + "/fullchain.pem";
  auto chain = read_file(c.path, max_pem, fault_side::self);
  if (!chain) return std::move(chain).error();
  auto key_text = read_file(live + "/privkey.pem", max_pem, fault_side::self);
  if (!key_text) return std::move(key_text).error();
  auto info = inspect_chain(chain->bytes);
  if (!info) return std::move(info).error();
  const auto key = private_key::from_pem(key_text->bytes);
  if (!key) return key.error();
  const auto belongs = belongs_to(chain->bytes, *key);
  if (!belongs || !*belongs) return invalid("privkey.pem is not the key of fullchain.pem");
  c.info = std::move(*info);
  c.chain_pem = std::move(chain->bytes);
  c.key_pem = std::move(key_text->bytes);
  return c;
}

// The links of a lineage are turned one by one: between two of them key and chain do not match.
result<stored_certificate> read_live_twice(const std::string& live) {
  auto first = read_live(live);
  if (first || first.error().kind != fault_kind::invalid) return first;
  return read_live(live);
}

std::vector<std::string> folders_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end;
       !error && at != end && names.size() < max_lineages; at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored)) names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// 0 = none: "fullchain12.pem" -> 12.
unsigned newest_version(const std::string& archive) {
  unsigned newest = 0;
  std::error_code error;
  for (fs::directory_iterator at(archive, error), end; !error && at != end; at.increment(error)) {
    const auto file = at->path().filename().string();
    for (const auto part : parts) {
      if (!file.starts_with(part) || !file.ends_with(".pem")) continue;
      const auto digits = file.substr(part.size(), file.size() - part.size() - 4);
      newest = std::max(newest, ascii::parse_number<unsigned>(digits).value_or(0));
    }
  }
  return newest;
}

result<void> write_version(const std::string& archive, unsigned version,
                           const certificate_pair& pair) {
  const auto split = split_pem(pair.chain_pem);
  const std::array<std::string_view, 4> contents{pair.key_pem, split.leaf, split.issuers,
                                                 pair.chain_pem};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const mode_t mode = i == 0 ? 0600 : 0644;
    const auto path = fmt::format("{}/{}{}.pem", archive, parts[i], version);
    if (auto done = write_file(path, contents[i], mode); !done) return done;
  }
  return {};
}

result<void> turn_links(const std::string& live, const std::string& name, unsigned version) {
  for (const auto part : parts) {
    const auto target = fmt::format("../../archive/{}/{}{}.pem", name, part, version);
    if (auto done = point_link(fmt::format("{}/{}.pem", live, part), target); !done) return done;
  }
  return sync_folder(live);
}

std::string renewal_text(const std::string& folder, const std::string& name,
                         const std::string& server) {
  std::error_code error;
  const auto root = fs::absolute(folder, error).lexically_normal().string();
  std::string text = fmt::format("version = 2.1.0\narchive_dir = {}/archive/{}\n", root, name);
  for (const auto part : {"cert", "privkey", "chain", "fullchain"})
    text += fmt::format("{} = {}/live/{}/{}.pem\n", part, root, name, part);
  return text +
         fmt::format("\n[renewalparams]\nautorenew = False\nauthenticator = webroot\nserver = {}\n",
                     server);
}

}  // namespace

result<certbot_tree> read_certbot(const std::string& folder) {
  certbot_tree tree;
  for (const auto& name : folders_in(folder + "/live")) {
    auto certificate = read_live_twice(fmt::format("{}/live/{}", folder, name));
    if (!certificate) {
      tree.warnings.push_back(
          fmt::format("{}/live/{} is left out: {}", folder, name, certificate.error().detail));
      continue;
    }
    lineage one;
    one.name = name;
    one.certificate = std::move(*certificate);
    if (const auto renewal =
            read_file(fmt::format("{}/renewal/{}.conf", folder, name), max_pem, fault_side::self)) {
      one.server = setting(renewal->bytes, "server");
      one.authenticator = setting(renewal->bytes, "authenticator");
    }
    tree.lineages.push_back(std::move(one));
  }
  return tree;
}

std::string lineage_name(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  const std::string_view first = names.front();
  std::string name(first.starts_with("*.") ? first.substr(2) : first);
  std::replace(name.begin(), name.end(), ':', '-');  // an IPv6 address
  return name;
}

result<std::string> write_lineage(const std::string& folder, const std::string& name,
                                  const certificate_pair& pair, const std::string& server) {
  if (!is_plain_name(name)) return invalid("not a name for a lineage: " + name.substr(0, 64));
  const auto key = private_key::from_pem(pair.key_pem);
  if (!key) return key.error();
  const auto belongs = belongs_to(pair.chain_pem, *key);
  if (!belongs) return belongs.error();
  if (!*belongs) return invalid(name + ": the key is not the certificate's");

  const auto archive = folder + "/archive/" + name;
  const auto live = folder + "/live/" + name;
  const auto renewal = folder + "/renewal/" + name + ".conf";
  const std::pair<std::string, mode_t> folders[] = {
      {folder, 0755},           {folder + "/archive", 0700},
      {folder + "/live", 0700}, {folder + "/renewal", 0755},
      {archive, 0700},          {live, 0755}};
  for (const auto& [path, mode] : folders)
    if (auto made = make_folder(path, mode); !made) return std::move(made).error();
  const auto lock = lock_file(folder + "/.certbot.lock");
  if (!lock) return lock.error();
  const auto version = newest_version(archive) + 1;
  if (auto done = write_version(archive, version, pair); !done) return std::move(done).error();
  if (auto done = turn_links(live, name, version); !done) return std::move(done).error();
  std::error_code error;
  if (!fs::exists(renewal, error))
    if (auto done = write_file(renewal, renewal_text(folder, name, server), 0644); !done)
      return std::move(done).error();
  return live + "/fullchain.pem";
}

}  // namespace stagedoor::acme
