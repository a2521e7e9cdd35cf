// SPDX-License-Identifier: Apache-2.0
#include "runtime/client/transfer.hpp"

#include "runtime/base/ascii.hpp"

#include <fmt/format.h>
#include <system_error>

namespace stagedoor::client {

namespace {

fault upstream_fault(fault_kind kind, retryable retry, std::string detail) {
  return {kind, fault_side::upstream, retry, std::move(detail)};
}

struct meaning {
  fault_kind kind;
  retryable retry;
};

meaning meaning_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SSL_CONNECT_ERROR: return {fault_kind::unreachable, retryable::yes};
    case CURLE_OPERATION_TIMEDOUT: return {fault_kind::timed_out, retryable::yes};
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE: return {fault_kind::closed, retryable::yes};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM: return {fault_kind::refused, retryable::no};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return {fault_kind::invalid, retryable::no};
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return {fault_kind::malformed, retryable::yes};
    case CURLE_OUT_OF_MEMORY: return {fault_kind::overloaded, retryable::yes};
    default: return {fault_kind::internal, retryable::no};
  }
}

std::string url_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool append(curl_slist*& list, const std::string& line) {
  auto* longer = curl_slist_append(list, line.c_str());
  if (longer == nullptr) return false;
  list = longer;
  return true;
}

}  // namespace

result<origin> origin_of(const std::string& text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), &curl_url_cleanup);
  if (!url) return fault{fault_kind::overloaded, fault_side::self, retryable::yes, "out of memory"};
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) == CURLUE_OK) {
    auto host = url_part(url.get(), CURLUPART_HOST);
    const auto port = ascii::parse_number<std::uint16_t>(url_part(url.get(), CURLUPART_PORT));
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    if (!host.empty() && port) return origin{std::move(host), *port};
  }
  return fault{fault_kind::invalid, fault_side::operator_input, retryable::no,
               fmt::format("not a URL with a host: {}", text.substr(0, 128))};
}

transfer::transfer(std::uint64_t id, request r, response_callback done,
                   std::shared_ptr<cancellation> stop)
    : id_(id), request_(std::move(r)), done_(std::move(done)), stop_(std::move(stop)) {}

transfer::transfer(std::uint64_t id, request r, stream_callbacks stream,
                   std::shared_ptr<cancellation> stop)
    : id_(id), request_(std::move(r)), stream_(std::move(stream)), stop_(std::move(stop)) {}

transfer::~transfer() { release(); }

void transfer::release() noexcept {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
  easy_ = nullptr;
  curl_slist_free_all(header_list_);
  curl_slist_free_all(resolve_list_);
  header_list_ = resolve_list_ = nullptr;
}

result<CURL*> transfer::prepare(const std::string& user_agent, const origin& to,
                                const std::vector<net::address>& resolved) {
  release();
  easy_ = curl_easy_init();
  if (easy_ == nullptr || !set_lists(to, resolved))
    return fault{fault_kind::overloaded, fault_side::self, retryable::yes, "out of memory"};
  answer_ = {};
  head_bytes_ = 0;
  head_done_ = false;
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_PROXY, "");  // also switches off the environment's
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_.data());
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, user_agent.c_str());
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(request_.connect_deadline.count()));
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &transfer::on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &transfer::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, header_list_);
  curl_easy_setopt(easy_, CURLOPT_RESOLVE, resolve_list_);
  if (!request_.unix_socket.empty())
    curl_easy_setopt(easy_, CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
  set_method();
  set_tls();
  return easy_;
}

void transfer::set_method() {
  if (!request_.body.empty() || request_.method == "POST") {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  if (request_.method == "HEAD")
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  else
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void transfer::set_tls() {
  const auto& tls = request_.tls;
  if (!tls.ca_pem.empty()) {
    curl_blob pem{};
    pem.data = const_cast<char*>(tls.ca_pem.data());  // read only, and as long as the request lives
    pem.len = tls.ca_pem.size();
    pem.flags = CURL_BLOB_NOCOPY;
    curl_easy_setopt(easy_, CURLOPT_CAINFO_BLOB, &pem);
    curl_easy_setopt(easy_, CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);  // these authorities and no other
  }
  if (!tls.certificate_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_SSLCERT, tls.certificate_file.c_str());
    curl_easy_setopt(easy_, CURLOPT_SSLKEY, tls.key_file.c_str());
  }
  if (tls.verify == verify_peer::no) {
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

bool transfer::set_lists(const origin& to, const std::vector<net::address>& resolved) {
  bool good = append(header_list_, "Expect:");  // no extra round trip before a large body
  for (const auto& h : request_.headers)
    good = good && append(header_list_, h.value.empty() ? h.name + ";" : h.name + ": " + h.value);
  if (resolved.empty() || !good) return good;
  // '+': the entry ages like any other, so that the cache does not grow for ever.
  std::string line = fmt::format("+{}:{}:", to.host, to.port);
  for (std::size_t i = 0; i < resolved.size(); ++i) {
    const bool six = resolved[i].family() == AF_INET6;
    line += fmt::format("{}{}{}{}", i == 0 ? "" : ",", six ? "[" : "", resolved[i].ip(),
                        six ? "]" : "");
  }
  return append(resolve_list_, line);
}

std::size_t transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  const bool go_on = static_cast<transfer*>(self)->body({data, size * count});
  return go_on ? size * count : (size * count == 0 ? 1 : 0);
}

std::size_t transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  const bool go_on = static_cast<transfer*>(self)->head_line({data, size * count});
  return go_on ? size * count : 0;
}

bool transfer::body(std::string_view chunk) {
  if (cancelled()) return false;
  if (on_progress) on_progress();
  if (!done_) {
    if (stream_.on_chunk) refusal_ = stream_.on_chunk(chunk);
    return refusal_.has_value() && !cancelled();
  }
  too_large_ = chunk.size() > request_.max_body - answer_.body.size();
  if (!too_large_) answer_.body.append(chunk);
  return !too_large_;
}

// Called for each line of each head: 1xx answers come before the one that counts, trailers after.
bool transfer::head_line(std::string_view line) {
  if (cancelled()) return false;
  head_bytes_ += line.size();
  too_large_ = head_bytes_ > max_head;
  if (too_large_) return false;
  if (head_done_) return true;
  line = ascii::trim(line);
  if (line.starts_with("HTTP/") && line.find(':') == std::string_view::npos) {
    answer_.headers.clear();
    return true;
  }
  if (!line.empty()) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    answer_.headers.push_back({std::string(ascii::trim(line.substr(0, colon))),
                               std::string(ascii::trim(line.substr(colon + 1)))});
    return true;
  }
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  answer_.status = static_cast<unsigned>(status);
  head_done_ = status >= 200;
  if (head_done_ && !done_ && stream_.on_head) stream_.on_head(answer_);
  return !cancelled();
}

bool transfer::redirect(CURLcode code) {
  if (code != CURLE_OK || !done_ || redirects_ >= request_.max_redirects) return false;
  if (answer_.status < 301 || answer_.status > 308 || answer_.status == 304) return false;
  if (request_.method != "GET" && request_.method != "HEAD") return false;
  char* location = nullptr;
  curl_easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &location);
  if (location == nullptr) return false;
  auto next = request_;
  next.url = location;
  if (request_.url.starts_with("https:") && !next.url.starts_with("https:")) return false;
  const auto from = origin_of(request_.url);
  const auto to = origin_of(next.url);
  if (!check(next) || !from || !to) return false;
  if (from->host != to->host || from->port != to->port)
    std::erase_if(next.headers, [](const header& h) {
      return ascii::iequals(h.name, "authorization") || ascii::iequals(h.name, "cookie");
    });
  ++redirects_;
  request_ = std::move(next);
  return true;
}

result<void> transfer::outcome(CURLcode code) const {
  if (code == CURLE_OK) return {};
  if (!refusal_) return refusal_;
  if (too_large_)
    return upstream_fault(
        fault_kind::too_large, retryable::no,
        fmt::format("{}: the answer exceeds {} bytes", target(), request_.max_body));
  const auto m = meaning_of(code);
  return upstream_fault(m.kind, m.retry,
                        fmt::format("{} {}: {}", request_.method, target(), reason(code)));
}

// Without the query: it may be long, and may hold what a log must not. Over a unix socket the URL's
// host is only a word.
std::string transfer::target() const {
  const auto url = std::string_view(request_.url).substr(0, request_.url.find_first_of("?#"));
  if (request_.unix_socket.empty()) return std::string(url);
  const auto authority = url.find("://");
  const auto path = authority == std::string_view::npos ? authority : url.find('/', authority + 3);
  return fmt::format("{} at {}", path == std::string_view::npos ? "/" : url.substr(path),
                     request_.unix_socket);
}

// libcurl speaks of a port even where there is only a socket file; the system knows what was wrong.
std::string transfer::reason(CURLcode code) const {
  if (code == CURLE_COULDNT_CONNECT && !request_.unix_socket.empty()) {
    long error = 0;
    curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &error);
    if (error != 0) return std::system_category().message(static_cast<int>(error));
    return curl_easy_strerror(code);
  }
  return error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
}

void transfer::conclude(result<void> outcome) {
  if (cancelled()) return;
  if (!done_) {
    if (stream_.on_end) stream_.on_end(std::move(outcome));
    return;
  }
  if (outcome)
    done_(std::move(answer_));
  else
    done_(std::move(outcome).error());
}

}  // namespace stagedoor::client
