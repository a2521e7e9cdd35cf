// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/credentials.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/log.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

namespace stagedoor::link {
namespace {

fault named(fault f, const std::string& path) {
  f.detail = fmt::format("{}: {}", path, f.detail);
  return f;
}

}  // namespace

result<std::shared_ptr<const credentials>> credentials::load(const credential_files& files) {
  auto made = std::make_shared<credentials>();
  auto own = tls::certificate::load(files.certificate, files.key);
  if (!own) return std::move(own).error();
  made->own = *own;
  const auto authority = read_file(files.authority, tls::max_pem_bytes);
  if (!authority) return authority.error();

  tls::server_options s;
  s.least = tls::version::tls13;
  s.alpn = {link_alpn};
  s.fallback = *own;
  s.client = tls::client_certificate::required;
  s.client_ca = authority->bytes;
  auto server = tls::server_context::make(std::move(s), nullptr);
  if (!server) return named(server.error(), files.authority);
  made->server = *std::move(server);

  tls::client_options c;
  c.least = tls::version::tls13;
  c.ca = authority->bytes;
  c.alpn = {link_alpn};
  c.identity = *own;
  auto client = tls::client_context::make(std::move(c));
  if (!client) return named(client.error(), files.authority);
  made->client = *std::move(client);
  return std::shared_ptr<const credentials>(std::move(made));
}

credential_watch::credential_watch(loop& blocking, credential_files files, receiver changed,
                                   milliseconds every)
    : loop_(blocking),
      files_(std::move(files)),
      changed_(std::move(changed)),
      every_(every),
      look_([this] {
        look();
        loop_.arm_after(look_, every_);
      }) {}

result<std::shared_ptr<const credentials>> credential_watch::start() {
  read_ = fingerprint();
  auto loaded = credentials::load(files_);
  if (!loaded) return loaded;
  ends_ = (*loaded)->own.not_after();
  // Its timer and its clock are the loop's, which may be running already.
  if (!loop_.post([this, watching = watching_] {
        if (!*watching) return;
        mind_the_end();
        loop_.arm_after(look_, every_);
      }))
    return fault{fault_kind::overloaded, fault_side::self, retryable::yes, "the loop is busy"};
  return loaded;
}

void credential_watch::stop() {
  // Not taken: the loop has stopped, or is so full that it looks once more.
  (void)loop_.post([this, watching = watching_] {
    if (std::exchange(*watching, false)) look_.cancel();
  });
}

void credential_watch::mind_the_end() {
  const auto now = loop_.wall_now();
  if (now + reminder < ends_ || now < remind_at_) return;
  remind_at_ = now + std::chrono::hours(24);
  log::warning(
      "cluster certificate ends soon; `stagedoor cluster add` replaces it",
      {{"path", files_.certificate},
       {"days", std::chrono::duration_cast<std::chrono::hours>(ends_ - now).count() / 24}});
}

void credential_watch::look() {
  auto now = fingerprint();
  if (now == read_) return mind_the_end();
  auto loaded = credentials::load(files_);
  if (!loaded) {
    // Not remembered as read: the other file of the pair may follow within its clock's tick.
    if (!std::exchange(complained_, true))
      log::warning("cluster certificate not replaced", {{"error", loaded.error().detail}});
    return;
  }
  read_ = std::move(now);
  complained_ = false;
  log::info("cluster certificate replaced", {{"fingerprint", (*loaded)->own.fingerprint()}});
  ends_ = (*loaded)->own.not_after();
  remind_at_ = {};
  mind_the_end();
  changed_(*std::move(loaded));
}

std::string credential_watch::fingerprint() const {
  std::string out;
  for (const auto* path : {&files_.certificate, &files_.key, &files_.authority}) {
    struct stat about {};
    if (::stat(path->c_str(), &about) != 0) about = {};
    out += fmt::format("{}:{}:{}:{}.{};", about.st_dev, about.st_ino, about.st_size,
                       about.st_mtim.tv_sec, about.st_mtim.tv_nsec);
  }
  return out;
}

}  // namespace stagedoor::link
