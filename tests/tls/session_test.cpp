// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls/session.hpp"

#include "tests/tls/tls_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <random>

namespace stagedoor::tls {
namespace {

using testing::HasSubstr;

class tls_session : public testing::Test {
 protected:
  tls_session() {
    authority_ = made_pem({"a.example", "*.b.example", "127.0.0.1"}, "ours", true);
    ours_ = certificate::parse(authority_.chain, authority_.key, "ours").value();
  }
  std::unique_ptr<server_context> server(server_options o = {},
                                         const certificate_table* table = nullptr) {
    if (o.fallback.empty()) o.fallback = ours_;
    auto made = server_context::make(std::move(o), table);
    EXPECT_TRUE(made) << (made ? "" : made.error().detail);
    return std::move(*made);
  }
  std::unique_ptr<client_context> client(client_options o = {}) {
    if (o.ca.empty()) o.ca = authority_.chain;
    auto made = client_context::make(std::move(o));
    EXPECT_TRUE(made) << (made ? "" : made.error().detail);
    return std::move(*made);
  }
  static ticket_keys fresh_keys() {
    ticket_keys keys;
    keys.rotate_in(ticket_key::generate().value());
    return keys;
  }
  pem_pair authority_;
  certificate ours_;
};

TEST_F(tls_session, carries_bytes_both_ways_and_says_what_was_agreed) {
  const auto s = server();
  client_options o;
  o.alpn = {"h2", "http/1.1"};
  const auto c = client(o);
  tls_pair pair(*s, *c);
  ASSERT_TRUE(pair.shake_hands()) << pair.client.error() << " / " << pair.server.error();
  EXPECT_EQ(pair.server.server_name(), "a.example");
  EXPECT_EQ(pair.server.protocol(), "TLSv1.3");
  EXPECT_EQ(pair.server.alpn(), "http/1.1");
  EXPECT_FALSE(pair.server.cipher().empty());
  EXPECT_EQ(pair.client.peer_name(), "ours");
  ASSERT_EQ(pair.client.write("GET /").bytes, 5U);
  EXPECT_EQ(tls_pair::read_all(pair.server), "GET /");
  ASSERT_EQ(pair.server.write("200").bytes, 3U);
  EXPECT_EQ(tls_pair::read_all(pair.client), "200");
}

TEST_F(tls_session, speaks_tls_1_2_too_and_nothing_older) {
  server_options o;
  o.most = version::tls12;
  const auto s = server(o);
  const auto c = client();
  tls_pair pair(*s, *c);
  ASSERT_TRUE(pair.shake_hands());
  EXPECT_EQ(pair.server.protocol(), "TLSv1.2");

  const auto old = client();
  SSL_CTX_set_min_proto_version(old->handle(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old->handle(), TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(old->handle(), "ALL:@SECLEVEL=0");
  tls_pair refused(*s, *old);
  EXPECT_FALSE(refused.shake_hands());
  EXPECT_THAT(refused.server.error(), HasSubstr("unsupported protocol"));
}

TEST_F(tls_session, a_read_says_when_the_socket_is_empty) {
  const auto s = server();
  const auto c = client();
  tls_pair pair(*s, *c);
  ASSERT_TRUE(pair.shake_hands());
  ASSERT_EQ(pair.client.write("one").status, io_status::ok);
  ASSERT_EQ(pair.client.write("two").status, io_status::ok);
  char small[2];
  char large[64];
  auto r = pair.server.read(small);
  EXPECT_EQ(r.bytes, 2U);
  EXPECT_FALSE(r.drained) << "one byte of the record is left";
  r = pair.server.read(large);
  EXPECT_EQ(r.bytes, 1U);
  EXPECT_FALSE(r.drained) << "the second record was read ahead";
  r = pair.server.read(large);
  EXPECT_EQ(std::string(large, r.bytes), "two");
  EXPECT_TRUE(r.drained);
  EXPECT_EQ(pair.server.read(large).status, io_status::again);
}

TEST_F(tls_session, a_full_socket_takes_what_it_can_and_goes_on_from_another_buffer) {
  const auto s = server();
  const auto c = client();
  tls_pair pair(*s, *c);
  ASSERT_TRUE(pair.shake_hands());
  std::string data(4U << 20U, '\0');
  std::mt19937 random(1);
  for (auto& byte : data) byte = static_cast<char>(random());
  std::string got;
  std::size_t sent = 0;
  bool was_full = false;
  while (got.size() < data.size()) {
    while (sent < data.size()) {
      const std::string moved =
          data.substr(sent);  // a new buffer each time, as a compacting one is
      const auto w = pair.server.write(moved);
      if (w.status == io_status::again) {
        was_full = true;
        EXPECT_TRUE(pair.server.wants_write());
        break;
      }
      ASSERT_EQ(w.status, io_status::ok);
      sent += w.bytes;
    }
    got += tls_pair::read_all(pair.client);
  }
  EXPECT_TRUE(was_full);
  EXPECT_EQ(got, data);
}

TEST_F(tls_session, close_notify_is_eof_and_a_cut_is_an_error) {
  const auto s = server();
  const auto c = client();
  char piece[64];
  {
    tls_pair pair(*s, *c);
    ASSERT_TRUE(pair.shake_hands());
    EXPECT_EQ(pair.client.shutdown().status, io_status::ok);
    EXPECT_EQ(pair.server.read(piece).status, io_status::eof);
    EXPECT_EQ(pair.server.write("late").status, io_status::ok)
        << "the other direction is still open";
  }
  tls_pair cut(*s, *c);
  ASSERT_TRUE(cut.shake_hands());
  cut.close_client();
  EXPECT_EQ(cut.server.read(piece).status, io_status::error);
  EXPECT_FALSE(cut.server.error().empty());
  EXPECT_EQ(cut.server.write("x").status, io_status::error) << "broken stays broken";
  EXPECT_EQ(cut.server.shutdown().status, io_status::error);
}

TEST_F(tls_session, writing_to_a_peer_that_left_raises_no_signal) {
  const auto s = server();
  const auto c = client();
  tls_pair pair(*s, *c);
  ASSERT_TRUE(pair.shake_hands());
  pair.close_client();
  io_status last = io_status::ok;
  for (int i = 0; i < 3 && last == io_status::ok; ++i) last = pair.server.write("x").status;
  EXPECT_EQ(last, io_status::error);
}

// -- whose certificate ---------------------------------------------------------------------------------

class tls_selection : public tls_session {
 protected:
  tls_selection() {
    snapshot::table_writer<certificate> writer(4);
    for (const char* name : {"team-a.example", "*.example", "127.0.0.1"})
      writer.put(name, made_certificate({name}, std::string("for ") + name));
    table_.apply(writer.freeze());
  }
  std::string shown_to(const server_context& s, const std::string& name) {
    client_options o;
    o.verify = false;
    const auto c = client(o);
    tls_pair pair(s, *c, name);
    if (!pair.shake_hands()) return "refused: " + pair.client.error();
    SSL* const ssl = pair_ssl(pair);
    char out[128] = {};
    X509* const shown = SSL_get1_peer_certificate(ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, out, sizeof out);
    X509_free(shown);
    return out;
  }
  /// The table is swapped under running contexts, as a loop does it.
  certificate_table table_{4};

 private:
  static SSL* pair_ssl(tls_pair& pair) { return pair.client.handle(); }
};

TEST_F(tls_selection, exact_name_then_wildcard_then_default) {
  server_options o;
  o.fallback = made_certificate({"x"}, "default");
  const auto s = server(o, &table_);
  EXPECT_EQ(shown_to(*s, "team-a.example"), "for team-a.example");
  EXPECT_EQ(shown_to(*s, "TEAM-A.Example"), "for team-a.example");
  EXPECT_EQ(shown_to(*s, "team-b.example"), "for *.example");
  EXPECT_EQ(shown_to(*s, "a.b.example"), "default");
  EXPECT_EQ(shown_to(*s, "other.test"), "default");
  EXPECT_EQ(shown_to(*s, "10.0.0.1"), "default") << "no SNI, no local address on this socket";
}

TEST_F(tls_selection, strict_refuses_unknown_names) {
  server_options o;
  o.sni_strict = true;
  const auto s = server(o, &table_);
  EXPECT_EQ(shown_to(*s, "team-a.example"), "for team-a.example");
  EXPECT_THAT(shown_to(*s, "other.test"), HasSubstr("unrecognized name"));
  EXPECT_THAT(shown_to(*s, "10.0.0.1"), HasSubstr("unrecognized name"));
}

TEST_F(tls_selection, a_published_certificate_is_served_at_once) {
  const auto s = server({}, &table_);
  snapshot::table_writer<certificate> writer(4);
  writer.put("new.test", made_certificate({"new.test"}, "new"));
  EXPECT_EQ(shown_to(*s, "new.test"), "ours");
  table_.apply(writer.freeze());
  EXPECT_EQ(shown_to(*s, "new.test"), "new");
}

TEST(find_certificate_for, takes_no_host_that_is_too_long) {
  certificate_table table(4);
  EXPECT_EQ(find_certificate(table, "a." + std::string(5000, 'x')), nullptr);
  EXPECT_EQ(find_certificate(table, ""), nullptr);
  EXPECT_EQ(find_certificate(table, ".x"), nullptr);
}

// -- trust -----------------------------------------------------------------------------------------------

TEST_F(tls_session, a_client_verifies_authority_name_and_address) {
  const auto s = server();
  const auto c = client();
  EXPECT_TRUE(tls_pair(*s, *c, "x.b.example").shake_hands());
  EXPECT_TRUE(tls_pair(*s, *c, "127.0.0.1").shake_hands());
  tls_pair wrong_name(*s, *c, "other.example");
  EXPECT_FALSE(wrong_name.shake_hands());
  EXPECT_THAT(wrong_name.client.error(), HasSubstr("hostname mismatch"));
  tls_pair wrong_address(*s, *c, "127.0.0.2");
  EXPECT_FALSE(wrong_address.shake_hands());
  client_options stranger;
  stranger.ca = made_pem({"z"}, "other authority", true).chain;
  const auto distrustful = client(stranger);
  tls_pair unknown(*s, *distrustful);
  EXPECT_FALSE(unknown.shake_hands());
  EXPECT_THAT(unknown.client.error(), HasSubstr("certificate verify failed"));
}

TEST_F(tls_session, a_server_may_require_the_clients_certificate) {
  server_options o;
  o.client = client_certificate::required;
  o.client_ca = authority_.chain;
  const auto s = server(o);
  client_options with;
  with.identity = ours_;
  const auto known = client(with);
  tls_pair good(*s, *known);
  ASSERT_TRUE(good.shake_hands()) << good.server.error();
  EXPECT_EQ(good.server.peer_name(), "ours");

  const auto nobody = client();
  tls_pair without(*s, *nobody);
  EXPECT_FALSE(without.shake_hands());
  EXPECT_THAT(without.server.error(), HasSubstr("did not return a certificate"));
  with.identity = made_certificate({"evil"}, "ours");
  const auto forger = client(with);
  tls_pair forged(*s, *forger);
  EXPECT_FALSE(forged.shake_hands());
}

TEST_F(tls_session, a_client_that_speaks_no_protocol_of_ours_is_refused) {
  const auto s = server();
  client_options o;
  o.alpn = {"h3"};
  const auto c = client(o);
  tls_pair pair(*s, *c);
  EXPECT_FALSE(pair.shake_hands());
  EXPECT_THAT(pair.client.error(), HasSubstr("no application protocol"));
}

// -- resumption --------------------------------------------------------------------------------------------

class tls_tickets : public tls_session {
 protected:
  /// Connects, and again with the ticket of the first time: whether the second one resumed.
  bool resumes(const server_context& first, const server_context& second,
               version v = version::tls13) {
    client_options o;
    o.least = v;
    const auto c = client(o);
    SSL_SESSION* ticket = nullptr;
    {
      tls_pair pair(first, *c);
      if (!pair.shake_hands()) return false;
      (void)pair.server.write("x");
      (void)tls_pair::read_all(pair.client);
      ticket = SSL_get1_session(pair.client.handle());
      (void)pair.client.shutdown();
    }
    tls_pair again(second, *c);
    SSL_set_session(again.client.handle(), ticket);
    SSL_SESSION_free(ticket);
    return again.shake_hands() && again.server.resumed() && again.client.resumed();
  }
};

TEST_F(tls_tickets, resume_on_another_loop_with_another_certificate) {
  for (const auto v : {version::tls12, version::tls13}) {
    server_options o;
    o.tickets = fresh_keys();
    o.most = v;
    const auto one = server(o);
    const auto two = server(o);
    two->set_fallback(made_certificate({"a.example"}, "renewed"));
    EXPECT_TRUE(resumes(*one, *two, version::tls12));
  }
}

TEST_F(tls_tickets, outlive_a_rotation_but_not_the_last_key) {
  auto keys = fresh_keys();
  server_options o;
  o.tickets = keys;
  const auto before = server(o);
  keys.rotate_in(ticket_key::generate().value());
  o.tickets = keys;
  const auto after = server(o);
  EXPECT_TRUE(resumes(*before, *after));
  for (std::size_t i = 0; i < max_ticket_keys; ++i) keys.rotate_in(ticket_key::generate().value());
  o.tickets = keys;
  const auto much_later = server(o);
  EXPECT_FALSE(resumes(*before, *much_later));
}

TEST_F(tls_tickets, are_not_given_out_without_keys) {
  const auto s = server();
  EXPECT_FALSE(resumes(*s, *s));
}

// -- what strangers send -----------------------------------------------------------------------------------

TEST_F(tls_session, garbage_ends_the_handshake_with_an_error) {
  const auto s = server();
  const std::vector<std::string> openings{
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      std::string(100, '\0'),
      std::string(20000, '\x16'),
      std::string("\x16\x03\x01\xff\xff", 5),
      std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10),
      std::string("\x15\x03\x01\x00\x02\x02\x28", 7),
      std::string("\x80\x2e\x01\x03\x01", 5) + std::string(44, 'a')};
  for (const auto& opening : openings) {
    socket_pair fds;
    auto victim = session::accept(*s, fds.server.get()).value();
    ASSERT_EQ(::send(fds.client.get(), opening.data(), opening.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(opening.size()));
    ::shutdown(fds.client.get(), SHUT_WR);
    io_status last = io_status::again;
    for (int i = 0; i < 10 && last == io_status::again; ++i) last = victim.handshake().status;
    EXPECT_EQ(last, io_status::error) << opening.size();
    EXPECT_FALSE(victim.error().empty());
  }
}

TEST_F(tls_session, a_client_hello_with_flipped_bytes_never_hurts) {
  const auto s = server();
  const auto c = client();
  std::string hello(4096, '\0');
  {
    socket_pair fds;
    auto sender = session::connect(*c, fds.client.get(), "a.example").value();
    ASSERT_EQ(sender.handshake().status, io_status::again);
    const auto n = ::recv(fds.server.get(), hello.data(), hello.size(), 0);
    ASSERT_GT(n, 100);
    hello.resize(static_cast<std::size_t>(n));
  }
  std::mt19937 random(5);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = hello;
    for (int flips = 0; flips < 3; ++flips)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (i % 5 == 0) bytes.resize(random() % bytes.size() + 1);
    socket_pair fds;
    auto victim = session::accept(*s, fds.server.get()).value();
    ASSERT_EQ(::send(fds.client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    ::shutdown(fds.client.get(), SHUT_WR);
    for (int turn = 0; turn < 10; ++turn)
      if (victim.handshake().status != io_status::again) break;
    EXPECT_NE(victim.handshake().status, io_status::ok);
  }
}

TEST(tls_options, that_are_wrong_are_named) {
  server_options o;
  o.ciphers = "NOTHING-LIKE-IT";
  auto made = server_context::make(o, nullptr);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().detail, HasSubstr("cipherSuites 'NOTHING-LIKE-IT'"));
  o = {};
  o.curves = "P-9";
  EXPECT_FALSE(server_context::make(o, nullptr));
  o = {};
  o.alpn = {""};
  EXPECT_FALSE(server_context::make(o, nullptr));
  o = {};
  o.client = client_certificate::required;
  o.client_ca = "nothing";
  EXPECT_FALSE(server_context::make(o, nullptr));
  client_options c;
  c.ca = "/no/such/ca.pem";
  auto missing = client_context::make(c);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().detail, HasSubstr("/no/such/ca.pem"));
}

}  // namespace
}  // namespace stagedoor::tls
