// SPDX-License-Identifier: Apache-2.0
// Hashes below were made with `openssl passwd` and the system's crypt(3).
#include "runtime/http/basic_auth.hpp"

#include "runtime/base/base64.hpp"
#include "runtime/http/middleware_chain.hpp"
#include "runtime/http/password_checker.hpp"
#include "tests/http/policy_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

namespace stagedoor::http {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

constexpr const char* bcrypt_of_secret =
    "$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

struct hashed {
  const char* hash;
  const char* password;
};

class htpasswd : public testing::TestWithParam<hashed> {};

TEST_P(htpasswd, knows_the_password_and_no_other) {
  const auto user = parse_htpasswd_line(std::string("ann:") + GetParam().hash);
  ASSERT_TRUE(user) << user.error().detail;
  const std::string password = GetParam().password;
  EXPECT_TRUE(verify_password(user->hash, password));
  EXPECT_FALSE(verify_password(user->hash, password + "x"));
  EXPECT_FALSE(verify_password(user->hash, password + std::string(1, '\0')));
  EXPECT_FALSE(verify_password(user->hash, std::string(max_password_bytes + 1, 'a')));
}

INSTANTIATE_TEST_SUITE_P(
    all, htpasswd,
    testing::Values(hashed{"$apr1$lZL6V/ci$SVU5DyKasLwxHneKr84nN.", ""},
                    hashed{"$apr1$lZL6V/ci$FziZ/OfnM9nrLicAFMl2d.", "a"},
                    hashed{"$apr1$lZL6V/ci$PR6QJXkRFUzdUuaYcwrI//", "secret"},
                    hashed{"$apr1$lZL6V/ci$kcuVwYD.AIjGeww6bh.uy/",
                           "a password that is longer than sixteen bytes"},
                    hashed{"$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1", "secret"},
                    hashed{bcrypt_of_secret, "secret"},
                    hashed{"$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW",
                           "secret"},
                    hashed{"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"}));

TEST(htpasswd_line, that_is_wrong_is_named_without_its_hash) {
  const std::vector<std::pair<std::string, fault_kind>> cases{
      {"", fault_kind::malformed},
      {"ann", fault_kind::malformed},
      {":$apr1$lZL6V/ci$PR6QJXkRFUzdUuaYcwrI//", fault_kind::malformed},
      {"ann:plain", fault_kind::unsupported},
      {"ann:$6$salt$abc", fault_kind::unsupported},
      {"ann:{SHA}AAAA", fault_kind::malformed},
      {"ann:$apr1$toolongsalt$PR6QJXkRFUzdUuaYcwrI//", fault_kind::unsupported},
      {"ann:$2y$03$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", fault_kind::malformed},
      {"ann:$2y$31$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", fault_kind::too_large}};
  for (const auto& [line, kind] : cases) {
    const auto user = parse_htpasswd_line(line);
    ASSERT_FALSE(user) << line;
    EXPECT_EQ(user.error().kind, kind) << line;
    EXPECT_THAT(user.error().detail, Not(HasSubstr("abcdefgh"))) << line;
    EXPECT_THAT(user.error().detail, Not(HasSubstr("PR6QJX"))) << line;
  }
}

class basic_auth_middleware : public testing::Test {
 protected:
  basic_auth_middleware() { checker_.start(); }
  middleware_ptr made(const std::string& hash, basic_auth_options o = {}) {
    o.users = {parse_htpasswd_line("ann:" + hash).value()};
    return basic_auth::make("auth@file", std::move(o)).value();
  }
  static std::vector<header> as(const std::string& pair) {
    return {{"Authorization", "Basic " + base64_encode(pair)}};
  }
  /// 0 when it was let in. Waits as a loop would, in virtual time; the check itself is real.
  int ask(const middleware_ptr& m, std::vector<header> headers) {
    const fake_request request("http://a/", std::move(headers));
    fake_exchange e(request, state_, {m});
    verdict v = e.run();
    for (; v == verdict::hold; v = e.run()) std::this_thread::yield();
    challenge_ = e.answer_field("WWW-Authenticate");
    user_ = e.x.edits.user;
    sent_on_ = e.sent_on("X-User") + "/" + e.sent_on("Authorization");
    return v == verdict::proceed ? 0 : int{e.x.answer.status};
  }
  password_checker checker_;
  middleware_state state_{&checker_};
  std::string challenge_;
  std::string user_;
  std::string sent_on_;
};

TEST_F(basic_auth_middleware, asks_for_credentials_and_lets_the_right_ones_in) {
  for (const char* hash : {"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", bcrypt_of_secret}) {
    const auto m = made(hash);
    EXPECT_EQ(ask(m, {}), 401);
    EXPECT_EQ(challenge_, "Basic realm=\"traefik\"");
    EXPECT_EQ(ask(m, as("ann:secret")), 0);
    EXPECT_EQ(user_, "ann");
    EXPECT_EQ(ask(m, as("ann:wrong")), 401);
    EXPECT_EQ(ask(m, as("bob:secret")), 401);
    EXPECT_EQ(ask(m, as("annsecret")), 401);
    EXPECT_EQ(ask(m, {{"Authorization", "Basic !!!"}}), 401);
    EXPECT_EQ(ask(m, {{"Authorization", "Bearer x"}}), 401);
  }
}

TEST_F(basic_auth_middleware, a_slow_hash_is_computed_once_for_a_right_password) {
  const auto m = made(bcrypt_of_secret);
  EXPECT_EQ(ask(m, as("ann:secret")), 0);
  checker_.stop();  // from here on whatever would need a check is refused as unavailable
  EXPECT_EQ(ask(m, as("ann:secret")), 0) << "it is remembered";
  EXPECT_EQ(ask(m, as("ann:wrong")), 503);
  EXPECT_EQ(ask(m, as("bob:secret")), 503) << "an unknown user takes as long as a known one";
}

TEST_F(basic_auth_middleware, says_who_it_is_and_hides_the_password) {
  basic_auth_options o;
  o.header_field = "X-User";
  o.remove_header = true;
  EXPECT_EQ(ask(made("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", o), as("ann:secret")), 0);
  EXPECT_EQ(sent_on_, "ann/");
}

TEST_F(basic_auth_middleware, is_unavailable_when_nobody_can_check) {
  checker_.stop();
  EXPECT_EQ(ask(made(bcrypt_of_secret), as("ann:secret")), 503);
  checker_.start();
  EXPECT_EQ(ask(made(bcrypt_of_secret), as("ann:secret")), 0);
}

TEST_F(basic_auth_middleware, gives_up_on_a_check_that_never_ends) {
  const fake_request request("http://a/", as("ann:secret"));
  // Stopping forgets what waits, so the check behind these stays open for ever.
  password_checker stuck;
  stuck.start();
  std::vector<std::shared_ptr<const password_check>> ahead;
  for (int i = 0; i < 50; ++i)
    ahead.push_back(
        stuck.submit("$2y$09$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "x"));
  middleware_state state(&stuck);
  fake_exchange waiting(request, state, {made(bcrypt_of_secret)});
  ASSERT_EQ(waiting.run(), verdict::hold);
  stuck.stop();
  waiting.x.now += 11s;
  EXPECT_EQ(waiting.run(), verdict::respond);
  EXPECT_EQ(waiting.x.answer.status, 503);
}

TEST_F(basic_auth_middleware, refuses_more_checks_than_its_limit) {
  std::size_t taken = 0;
  while (checker_.submit("$2y$08$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW", "x") !=
         nullptr)
    ASSERT_LT(++taken, 100'000U);
  EXPECT_GE(taken, max_waiting_checks);
  checker_.stop();
}

TEST(basic_auth_options, need_a_user_and_a_realm_that_can_be_quoted) {
  EXPECT_FALSE(basic_auth::make("a@file", {}));
  basic_auth_options o;
  o.users = {{"ann", bcrypt_of_secret}};
  o.realm = "a\"b";
  EXPECT_FALSE(basic_auth::make("a@file", o));
}

// -- chains --------------------------------------------------------------------------------------------

class chains : public testing::Test {
 protected:
  struct plain final : middleware {
    using middleware::middleware;
  };
  chains() {
    for (const char* name : {"a", "b"}) all_[name] = middleware_ptr(std::make_shared<plain>(name));
    all_["ab"] = std::vector<std::string>{"a", "b"};
    all_["nested"] = std::vector<std::string>{"ab", "a"};
    all_["self"] = std::vector<std::string>{"a", "loop"};
    all_["loop"] = std::vector<std::string>{"self"};
    all_["dangling"] = std::vector<std::string>{"nobody"};
    all_["d0"] = std::vector<std::string>{"a", "a"};
    for (int i = 1; i <= 20; ++i) {
      const auto below = "d" + std::to_string(i - 1);
      all_["d" + std::to_string(i)] = std::vector<std::string>{below, below};
    }
  }
  result<std::string> flat(std::vector<std::string> names) {
    auto made = flatten_chain(names, [&](std::string_view name) {
      const auto found = all_.find(std::string(name));
      return found != all_.end() ? &found->second : nullptr;
    });
    if (!made) return made.error();
    std::string out;
    for (const auto& m : *made) out += m->name();
    return out;
  }
  std::map<std::string, middleware_or_chain> all_;
};

TEST_F(chains, are_taken_apart_in_order) {
  EXPECT_EQ(flat({}).value(), "");
  EXPECT_EQ(flat({"b", "nested", "ab"}).value(), "babaab");
}

TEST_F(chains, that_cannot_be_taken_apart_are_named) {
  EXPECT_EQ(flat({"dangling"}).error().kind, fault_kind::not_found);
  EXPECT_THAT(flat({"dangling"}).error().detail, HasSubstr("'nobody'"));
  EXPECT_EQ(flat({"self"}).error().kind, fault_kind::conflict);
  EXPECT_EQ(flat({"d10"}).error().kind, fault_kind::too_large) << "2048 middlewares";
  EXPECT_EQ(flat({"d20"}).error().kind, fault_kind::too_large);
}

}  // namespace
}  // namespace stagedoor::http
