// SPDX-License-Identifier: Apache-2.0
// From a dynamic file to middlewares that do what it says: each is put to work on a request.
#include "actors/providers/middleware_builder.hpp"

#include "configs/file_provider.hpp"
#include "tests/configs/reported.hpp"
#include "tests/configs/scratch_folder.hpp"
#include "tests/http/policy_fixture.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace stagedoor::actors {
namespace {

using configs::lines;
using http::fake_exchange;
using http::fake_request;
using http::verdict;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// The middlewares of one file, given as the lines below `http: middlewares:`.
class middleware_builder_test : public ::testing::Test {
 protected:
  static configs::dynamic_config read(const std::string& text, configs::diagnostics& out,
                                      const std::string& file = "m.yml") {
    auto read = configs::read_dynamic_file(file, "http:\n  middlewares:\n" + text,
                                           configs::variables(), out);
    return std::move(read.config);
  }
  void build(const std::string& text) {
    const auto config = read(text, problems_);
    build_middlewares({&config}, made_, problems_);
  }
  lines errors() const { return configs::reported(problems_); }
  std::vector<std::string> names_of(const std::string& name) {
    std::vector<std::string> out;
    for (const auto& m : made_[name]) out.push_back(m->name());
    return out;
  }
  std::vector<http::middleware_ptr> chain(const std::string& name) { return made_.at(name); }

  configs::diagnostics problems_;
  middleware_map made_;
  http::middleware_state state_;
};

// -- every kind -------------------------------------------------------------------

TEST_F(middleware_builder_test, the_seeds_file_gives_its_three) {
  const std::string path =
      std::string(STAGEDOOR_EXAMPLES) + "/kanban/traefik/dynamic/middlewares.yml";
  const auto files = configs::load_dynamic_files({path}, configs::variables(), problems_);
  ASSERT_THAT(files, SizeIs(1));
  build_middlewares({&files[0].config}, made_, problems_);
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(made_, SizeIs(3));

  const fake_request request("https://team-a.kanban.domain/", {{"Accept-Encoding", "br"}});
  fake_exchange secure(request, state_, chain("secure-headers@file"));
  EXPECT_EQ(secure.run(), verdict::proceed);
  secure.respond(200);
  EXPECT_EQ(secure.sent_back("X-Frame-Options"), "DENY");
  EXPECT_EQ(secure.sent_back("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(secure.sent_back("X-XSS-Protection"), "1; mode=block");
  EXPECT_EQ(secure.sent_back("Strict-Transport-Security"), "max-age=31536000; includeSubDomains");

  int passed = 0;
  while (passed < 200) {
    fake_exchange limited(request, state_, chain("rate-limit@file"));
    if (limited.run() != verdict::proceed) break;
    ++passed;
  }
  EXPECT_EQ(passed, 50) << "a burst";

  fake_exchange compressed(request, state_, chain("compress@file"));
  EXPECT_EQ(compressed.run(), verdict::proceed);
  EXPECT_EQ(compressed.x.notes.preferred, http::coding::brotli);
}

TEST_F(middleware_builder_test, redirect_scheme) {
  build("    m: {redirectScheme: {scheme: https, port: '8443', permanent: true}}\n");
  const fake_request request("http://a.test/x");
  fake_exchange e(request, state_, chain("m@file"));
  EXPECT_EQ(e.run(), verdict::respond);
  EXPECT_EQ(e.x.answer.status, 301);
  EXPECT_EQ(e.answer_field("Location"), "https://a.test:8443/x");
}

TEST_F(middleware_builder_test, redirect_regex) {
  build(
      "    m: {redirectRegex: {regex: '^http://a.test/(.*)', replacement: 'http://b.test/$1'}}\n");
  const fake_request request("http://a.test/x");
  fake_exchange e(request, state_, chain("m@file"));
  EXPECT_EQ(e.run(), verdict::respond);
  EXPECT_EQ(e.x.answer.status, 302);
  EXPECT_EQ(e.answer_field("Location"), "http://b.test/x");
}

TEST_F(middleware_builder_test, paths) {
  build(
      "    strip: {stripPrefix: {prefixes: [/b, /api]}}\n"
      "    add: {addPrefix: {prefix: /v1}}\n"
      "    replace: {replacePath: {path: /only}}\n");
  const fake_request request("http://a.test/api/x");
  for (const auto& [name, path] : std::map<std::string, std::string>{
           {"strip@file", "/x"}, {"add@file", "/v1/api/x"}, {"replace@file", "/only"}}) {
    fake_exchange e(request, state_, chain(name));
    EXPECT_EQ(e.run(), verdict::proceed);
    EXPECT_EQ(e.x.edits.path, path) << name;
  }
}

TEST_F(middleware_builder_test, basic_auth_takes_users_from_the_list_and_the_file) {
  const configs::scratch_folder folder;
  // The password of both is "secret".
  folder.write("users", "# who may come in\n\n  bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=  \n");
  build(
      fmt::format("    m: {{basicAuth: {{users: ['ann:{{SHA}}5en6G6MezRroT3XKqkdPOmY/BfQ='], "
                  "usersFile: {}, realm: here, removeHeader: true, headerField: X-User}}}}\n",
                  (folder.path() / "users").string()));
  ASSERT_THAT(errors(), IsEmpty());
  const fake_request nobody("http://a.test/");
  fake_exchange refused(nobody, state_, chain("m@file"));
  EXPECT_EQ(refused.run(), verdict::respond);
  EXPECT_EQ(refused.x.answer.status, 401);
  EXPECT_EQ(refused.answer_field("WWW-Authenticate"), "Basic realm=\"here\"");
  for (const auto& [user, credentials] : std::map<std::string, std::string>{
           {"ann", "Basic YW5uOnNlY3JldA=="}, {"bob", "Basic Ym9iOnNlY3JldA=="}}) {
    const fake_request request("http://a.test/", {{"Authorization", credentials}});
    fake_exchange e(request, state_, chain("m@file"));
    EXPECT_EQ(e.run(), verdict::proceed) << user;
    EXPECT_EQ(e.sent_on("X-User"), user);
    EXPECT_EQ(e.sent_on("Authorization"), "");
  }
}

TEST_F(middleware_builder_test, rate_limit_counts_by_what_it_is_told_to) {
  build(
      "    ip: {rateLimit: {average: 1, period: 1m}}\n"
      "    host: {rateLimit: {average: 1, period: 1m, sourceCriterion: {requestHost: true}}}\n"
      "    header: {rateLimit: {average: 1, period: 1m, sourceCriterion: {requestHeaderName: "
      "X-Key}}}\n"
      "    forwarded: {rateLimit: {average: 1, period: 1m, sourceCriterion: {ipStrategy: {depth: "
      "1}}}}\n"
      "    excluded: {rateLimit: {average: 1, period: 1m, sourceCriterion: {ipStrategy: "
      "{excludedIPs: [10.0.0.0/8]}}}}\n");
  ASSERT_THAT(errors(), IsEmpty());
  struct row {
    const char* name;
    http::header first, second;
    const char* second_client;
    verdict second_request;
  };
  const std::vector<row> rows = {
      {"ip@file", {}, {}, "192.0.2.7", verdict::respond},
      {"ip@file", {}, {}, "192.0.2.8", verdict::proceed},
      {"host@file", {}, {}, "192.0.2.8", verdict::respond},
      {"header@file", {"X-Key", "a"}, {"X-Key", "a"}, "192.0.2.8", verdict::respond},
      {"header@file", {"X-Key", "a"}, {"X-Key", "b"}, "192.0.2.7", verdict::proceed},
      {"forwarded@file",
       {"X-Forwarded-For", "198.51.100.1"},
       {"X-Forwarded-For", "198.51.100.1"},
       "192.0.2.8",
       verdict::respond},
      {"forwarded@file",
       {"X-Forwarded-For", "198.51.100.1"},
       {"X-Forwarded-For", "198.51.100.2"},
       "192.0.2.7",
       verdict::proceed},
      {"excluded@file",
       {"X-Forwarded-For", "198.51.100.1, 10.0.0.1"},
       {"X-Forwarded-For", "198.51.100.1, 10.9.9.9"},
       "192.0.2.8",
       verdict::respond},
  };
  for (const auto& r : rows) {
    http::middleware_state fresh;
    const auto ask = [&](const http::header& field, const char* client) {
      std::vector<http::header> fields;
      if (!field.first.empty()) fields.push_back(field);
      fake_request request("http://a.test/", fields, "GET", client);
      request.connection.trusted = true;  // else X-Forwarded-For is not looked at
      fake_exchange e(request, fresh, chain(r.name));
      return e.run();
    };
    EXPECT_EQ(ask(r.first, "192.0.2.7"), verdict::proceed) << r.name;
    EXPECT_EQ(ask(r.second, r.second_client), r.second_request) << r.name << r.second.second;
  }
}

TEST_F(middleware_builder_test, compress_takes_encodings_and_types) {
  build(
      "    m: {compress: {encodings: [zstd, gzip], defaultEncoding: gzip, minResponseBodyBytes: "
      "10, excludedContentTypes: [text/event-stream]}}\n");
  ASSERT_THAT(errors(), IsEmpty());
  const auto coding = [this](std::vector<http::header> fields, const char* type) {
    const fake_request request("http://a.test/", std::move(fields));
    fake_exchange e(request, state_, chain("m@file"));
    EXPECT_EQ(e.run(), verdict::proceed);
    e.respond(200, {{"Content-Type", type}}, 10);
    return e.sent_back("Content-Encoding");
  };
  EXPECT_EQ(coding({{"Accept-Encoding", "gzip, br, zstd"}}, "text/html"), "zstd");
  EXPECT_EQ(coding({{"Accept-Encoding", "br"}}, "text/html"), "");
  EXPECT_EQ(coding({}, "text/html"), "gzip");
  EXPECT_EQ(coding({{"Accept-Encoding", "gzip"}}, "text/event-stream"), "");
}

TEST_F(middleware_builder_test, headers_pass_on_every_setting) {
  build(R"(    m:
      headers:
        customRequestHeaders: {X-In: "1"}
        customResponseHeaders: {X-Out: "2"}
        customFrameOptionsValue: SAMEORIGIN
        customBrowserXSSValue: "0"
        forceSTSHeader: true
        stsSeconds: 5
        stsPreload: true
        contentSecurityPolicy: default-src 'self'
        contentSecurityPolicyReportOnly: default-src 'none'
        referrerPolicy: same-origin
        permissionsPolicy: camera=()
        accessControlAllowOriginList: ["https://b.test"]
        accessControlAllowCredentials: true
        accessControlExposeHeaders: [X-Out]
        addVaryHeader: true
    hosts: {headers: {allowedHosts: [a.test], hostsProxyHeaders: [X-Forwarded-Host]}}
    cors:
      headers:
        accessControlAllowMethods: [PUT]
        accessControlAllowHeaders: [X-Ask]
        accessControlAllowOriginListRegex: ['^https://.*\.b\.test$']
        accessControlMaxAge: 7
    proxied: {headers: {stsSeconds: 5, sslProxyHeaders: {X-Tls: "on"}}}
    developed: {headers: {stsSeconds: 5, isDevelopment: true}}
    keyed: {headers: {publicKey: pin}}
)");
  ASSERT_THAT(errors(), IsEmpty());
  const fake_request request("http://a.test/", {{"Origin", "https://b.test"}});
  fake_exchange e(request, state_, chain("m@file"));
  EXPECT_EQ(e.run(), verdict::proceed);
  EXPECT_EQ(e.sent_on("X-In"), "1");
  e.respond(200);
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"X-Out", "2"},
           {"X-Frame-Options", "SAMEORIGIN"},
           {"X-XSS-Protection", "0"},
           {"Strict-Transport-Security", "max-age=5; preload"},
           {"Content-Security-Policy", "default-src 'self'"},
           {"Content-Security-Policy-Report-Only", "default-src 'none'"},
           {"Referrer-Policy", "same-origin"},
           {"Permissions-Policy", "camera=()"},
           {"Access-Control-Allow-Origin", "https://b.test"},
           {"Access-Control-Allow-Credentials", "true"},
           {"Access-Control-Expose-Headers", "X-Out"},
           {"Vary", "Origin"}})
    EXPECT_EQ(e.sent_back(name), value) << name;

  const fake_request stranger("http://x.test/");
  fake_exchange bad_host(stranger, state_, chain("hosts@file"));
  EXPECT_EQ(bad_host.run(), verdict::respond);
  EXPECT_EQ(bad_host.x.answer.status, 500);
  const fake_request proxied_host("http://x.test/", {{"X-Forwarded-Host", "a.test"}});
  fake_exchange good_host(proxied_host, state_, chain("hosts@file"));
  EXPECT_EQ(good_host.run(), verdict::proceed);

  const fake_request preflight(
      "http://a.test/", {{"Origin", "https://x.b.test"}, {"Access-Control-Request-Method", "PUT"}},
      "OPTIONS");
  fake_exchange cors(preflight, state_, chain("cors@file"));
  EXPECT_EQ(cors.run(), verdict::respond);
  EXPECT_EQ(cors.answer_field("Access-Control-Allow-Methods"), "PUT");
  EXPECT_EQ(cors.answer_field("Access-Control-Allow-Headers"), "X-Ask");
  EXPECT_EQ(cors.answer_field("Access-Control-Allow-Origin"), "https://x.b.test");
  EXPECT_EQ(cors.answer_field("Access-Control-Max-Age"), "7");

  const auto secure = [this](const char* name, const fake_request& r, const char* field) {
    fake_exchange x(r, state_, chain(name));
    EXPECT_EQ(x.run(), verdict::proceed);
    x.respond(200);
    return x.sent_back(field);
  };
  const fake_request behind("http://a.test/", {{"X-Tls", "on"}});
  const fake_request tls("https://a.test/");
  EXPECT_EQ(secure("proxied@file", behind, "Strict-Transport-Security"), "max-age=5");
  EXPECT_EQ(secure("developed@file", tls, "Strict-Transport-Security"), "");
  EXPECT_EQ(secure("keyed@file", tls, "Public-Key-Pins"), "pin");
}

// -- what cannot be built ------------------------------------------------------------

struct wrong_row {
  const char* text;
  const char* error;
};

TEST_F(middleware_builder_test, each_wrong_value_is_said_at_its_place_and_the_others_are_built) {
  const std::vector<wrong_row> rows = {
      {"{redirectRegex: {regex: '(', replacement: x}}", "missing )"},
      {"{compress: {encodings: [gzip, lzma]}}", "expected gzip, br or zstd, got \"lzma\""},
      {"{compress: {defaultEncoding: lzma}}", "expected gzip, br or zstd, got \"lzma\""},
      {"{basicAuth: {users: ['ann:plain']}}", "ann"},
      {"{basicAuth: {usersFile: /nowhere/users}}", "usersFile: /nowhere/users cannot be read"},
      {"{basicAuth: {users: ['ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='], realm: \"a\\nb\"}}",
       "realm"},
      {"{headers: {customRequestHeaders: {'X Y': '1'}}}", "X Y"},
      {"{headers: {accessControlAllowOriginListRegex: ['(']}}", "missing )"},
  };
  for (const auto& row : rows) {
    problems_ = {};
    made_.clear();
    build(fmt::format("    good: {{addPrefix: {{prefix: /x}}}}\n    bad: {}\n", row.text));
    ASSERT_THAT(errors(), SizeIs(1)) << row.text;
    EXPECT_THAT(errors()[0], HasSubstr("m.yml:4:")) << row.text;
    EXPECT_THAT(errors()[0], HasSubstr(row.error)) << row.text;
    EXPECT_THAT(made_, SizeIs(1)) << row.text;
    EXPECT_TRUE(made_.contains("good@file"));
  }
}

TEST_F(middleware_builder_test, a_kind_that_is_not_implemented_is_named) {
  build("    m: {circuitBreaker: {expression: x}}\n");
  EXPECT_THAT(made_, IsEmpty());
  ASSERT_THAT(errors(), SizeIs(1));
  EXPECT_THAT(errors()[0], HasSubstr("error: middleware \"m@file\": middleware kind "
                                     "\"circuitBreaker\" is not supported yet"));
}

TEST_F(middleware_builder_test, a_users_file_beyond_its_limit_is_refused) {
  const configs::scratch_folder folder;
  std::string users;
  for (std::size_t i = 0; i <= max_users; ++i)
    users += fmt::format("u{}:{{SHA}}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", i);
  folder.write("users", users);
  build(
      fmt::format("    m: {{basicAuth: {{usersFile: {}}}}}\n", (folder.path() / "users").string()));
  ASSERT_THAT(errors(), SizeIs(1));
  EXPECT_THAT(errors()[0], HasSubstr("usersFile: more than 100000 users"));
}

// -- chains -------------------------------------------------------------------------

TEST_F(middleware_builder_test, a_chain_stands_for_what_it_names_in_order) {
  build(
      "    outer: {chain: {middlewares: [b, inner, a]}}\n"
      "    inner: {chain: {middlewares: [a, b]}}\n"
      "    a: {addPrefix: {prefix: /a}}\n"
      "    b: {addPrefix: {prefix: /b}}\n");
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(names_of("outer@file"), ElementsAre("b@file", "a@file", "b@file", "a@file"));
  EXPECT_THAT(names_of("inner@file"), ElementsAre("a@file", "b@file"));
}

TEST_F(middleware_builder_test, a_chain_that_needs_what_is_not_there_is_said_at_its_place) {
  build(
      "    a: {addPrefix: {prefix: /a}}\n"
      "    broken: {redirectRegex: {regex: '(', replacement: x}}\n"
      "    ghost: {chain: {middlewares: [a, nobody]}}\n"
      "    unbuilt: {chain: {middlewares: [a, broken]}}\n");
  EXPECT_THAT(made_, SizeIs(1));
  const auto all = errors();
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_THAT(all[0], HasSubstr("m.yml:4:"));
  EXPECT_EQ(all[1].substr(0, 8), "m.yml:5:");
  EXPECT_THAT(all[1], HasSubstr("error: chain \"ghost@file\": \"nobody@file\" does not exist"));
  EXPECT_EQ(all[2].substr(0, 8), "m.yml:6:");
  EXPECT_THAT(all[2], HasSubstr("chain \"unbuilt@file\": \"broken@file\""));
}

TEST_F(middleware_builder_test, chains_in_a_circle_end_with_an_error_each) {
  build(
      "    self: {chain: {middlewares: [self, self, self]}}\n"
      "    one: {chain: {middlewares: [two, two]}}\n"
      "    two: {chain: {middlewares: [one, one]}}\n"
      "    a: {addPrefix: {prefix: /a}}\n");
  EXPECT_THAT(made_, SizeIs(1));
  EXPECT_THAT(errors(), SizeIs(3));
}

TEST_F(middleware_builder_test, the_limits_of_chains_hold) {
  std::string text = "    c0: {addPrefix: {prefix: /a}}\n";
  for (std::size_t i = 1; i <= max_chain_depth + 1; ++i)
    text += fmt::format("    c{}: {{chain: {{middlewares: [c{}]}}}}\n", i, i - 1);
  std::string list;
  for (std::size_t i = 0; i < max_chain_parts; ++i) list += "c0, ";
  text += "    full: {chain: {middlewares: [" + list + "]}}\n";
  text += "    over: {chain: {middlewares: [" + list + "c0]}}\n";
  build(text);
  EXPECT_TRUE(made_.contains(fmt::format("c{}@file", max_chain_depth)));
  EXPECT_FALSE(made_.contains(fmt::format("c{}@file", max_chain_depth + 1)));
  EXPECT_THAT(made_["full@file"], SizeIs(max_chain_parts));
  EXPECT_FALSE(made_.contains("over@file"));
  EXPECT_THAT(errors(), SizeIs(2));
}

TEST_F(middleware_builder_test, a_chain_may_name_what_another_provider_defines) {
  const auto files = read(
      "    c: {chain: {middlewares: [a@docker, b]}}\n"
      "    b: {addPrefix: {prefix: /b}}\n",
      problems_);
  configs::dynamic_config labels;
  labels.provider = "docker";
  labels.middlewares = {{"a@docker", {}, configs::add_prefix_middleware{"/a"}},
                        {"d@docker", {}, configs::chain_middleware{{"c@file"}}}};
  build_middlewares({&files, &labels}, made_, problems_);
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_THAT(names_of("c@file"), ElementsAre("a@docker", "b@file"));
  EXPECT_THAT(names_of("d@docker"), ElementsAre("a@docker", "b@file"));
}

TEST_F(middleware_builder_test, of_definitions_with_one_name_the_first_counts) {
  configs::dynamic_config config;
  const auto prefix = [](const char* name, const char* value) {
    return configs::middleware{name, {}, configs::add_prefix_middleware{value}};
  };
  const auto chained = [](const char* name, const char* part) {
    return configs::middleware{name, {}, configs::chain_middleware{{part}}};
  };
  config.middlewares = {prefix("a@file", "/1"),      prefix("a@file", "/2"),
                        chained("a@file", "b@file"), prefix("b@file", "/b"),
                        chained("c@file", "a@file"), chained("c@file", "b@file"),
                        prefix("c@file", "/c")};
  build_middlewares({&config}, made_, problems_);
  EXPECT_THAT(names_of("c@file"), ElementsAre("a@file"));
  const fake_request request("http://a.test/x");
  fake_exchange e(request, state_, chain("a@file"));
  EXPECT_EQ(e.run(), verdict::proceed);
  EXPECT_EQ(e.x.edits.path, "/1/x");
}

}  // namespace
}  // namespace stagedoor::actors
