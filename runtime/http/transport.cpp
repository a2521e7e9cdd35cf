// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/transport.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace stagedoor::http {
namespace {

constexpr std::size_t record_bytes = 16U << 10U;

}  // namespace

transport::handshake_state transport::handshake() noexcept {
  const auto done = tls_->session.handshake();
  switch (done.status) {
    case tls::io_status::ok: return handshake_state::done;
    case tls::io_status::again:
      if (tls_->session.wants_write())
        writable_ = false;
      else
        readable_ = false;
      return handshake_state::again;
    default: return handshake_state::failed;
  }
}

io_result transport::read_tls(std::span<char> into) noexcept {
  const auto got = tls_->session.read(into);
  switch (got.status) {
    case tls::io_status::ok:
      if (got.drained && !peer_closed_) readable_ = false;
      return {.bytes = got.bytes};
    case tls::io_status::again: readable_ = false; return {};
    case tls::io_status::eof:
      peer_closed_ = true;
      readable_ = false;
      return {.eof = true};
    case tls::io_status::error: break;
  }
  readable_ = false;
  return {.error = EPIPE};
}

// Joins the parts into records, so that a head and its body travel in one.
io_result transport::write_tls(std::span<iovec> from) noexcept {
  if (!flush_tls()) return tls_failed_ ? io_result{.error = EPIPE} : io_result{};
  std::array<char, record_bytes> record;
  io_result total;
  std::size_t part = 0;
  std::size_t offset = 0;
  while (part < from.size()) {
    std::size_t filled = 0;
    while (part < from.size() && filled < record.size()) {
      const std::size_t n = std::min(from[part].iov_len - offset, record.size() - filled);
      std::memcpy(record.data() + filled, static_cast<const char*>(from[part].iov_base) + offset,
                  n);
      filled += n;
      offset += n;
      if (offset == from[part].iov_len) {
        ++part;
        offset = 0;
      }
    }
    total.bytes += filled;
    tls_->unsent.assign(record.data(), filled);
    if (!flush_tls()) return tls_failed_ ? io_result{.error = EPIPE} : total;
  }
  return total;
}

bool transport::flush_tls() noexcept {
  auto& unsent = tls_->unsent;
  std::size_t sent = 0;
  while (sent < unsent.size()) {
    const auto put = tls_->session.write(std::string_view(unsent).substr(sent));
    if (put.status != tls::io_status::ok) {
      tls_failed_ = put.status != tls::io_status::again;
      writable_ = false;
      break;
    }
    sent += put.bytes;
  }
  unsent.erase(0, sent);
  return unsent.empty();
}

void transport::end_tls() noexcept {
  if (tls_->unsent.empty() && !tls_failed_) (void)tls_->session.shutdown();
}

}  // namespace stagedoor::http
