// SPDX-License-Identifier: Apache-2.0
#include "runtime/redis/script.hpp"

#include "runtime/redis/sha1.hpp"

namespace stagedoor::redis {

script::script(std::string name, std::string body)
    : name_(std::move(name)), body_(std::move(body)), digest_(sha1_hex(body_)) {}

void script_cache::load_all(mono_time deadline) {
  for (const auto& [digest, known] : known_)
    connection_.prime({"SCRIPT", "LOAD", known->body()}, deadline);
}

void script_cache::eval(const script& s, std::vector<std::string> keys,
                        std::vector<std::string> args, mono_time deadline, reply_callback done) {
  if (!known_.contains(s.digest())) {
    if (known_.size() >= max_scripts_) {
      done(fault{fault_kind::overloaded, fault_side::self, retryable::no,
                 "too many different Lua scripts"});
      return;
    }
    known_.emplace(s.digest(), &s);
    if (connection_.link().ready()) connection_.prime({"SCRIPT", "LOAD", s.body()}, deadline);
  }
  command words{"EVALSHA", s.digest(), std::to_string(keys.size())};
  words.reserve(words.size() + keys.size() + args.size());
  for (auto& key : keys) words.push_back(std::move(key));
  for (auto& arg : args) words.push_back(std::move(arg));
  // The words are kept for a second try only by those few calls that need one: the reply tells.
  run(s, words, deadline, std::move(done));
}

void script_cache::run(const script& s, const command& words, mono_time deadline,
                       reply_callback done) {
  connection_.command(words, deadline,
                      [this, &s, words, deadline, done = std::move(done)](result<reply> r) mutable {
                        const bool forgotten = !r && error_code(r.error().detail) == "NOSCRIPT";
                        if (!forgotten || !connection_.link().ready()) {
                          done(std::move(r));
                          return;
                        }
                        connection_.prime({"SCRIPT", "LOAD", s.body()}, deadline);
                        connection_.command(words, deadline, std::move(done));
                      });
}

}  // namespace stagedoor::redis
