// SPDX-License-Identifier: Apache-2.0
// Any packet, by UDP and TCP, to a server with cuts, wildcards, aliases and DNAMEs: an answer, if
// there is one, must fit, repeat what was asked, and be readable by ldns.
#include "tests/dns/zone_fixture.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

using namespace stagedoor::dns;

void require(bool holds) {
  if (!holds) std::abort();
}

struct served {
  testing::zone_fixture f;
  served() {
    f.load("example.", R"($TTL 300
@ SOA ns admin 1 2 3 4 60
@ NS ns
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.2
* TXT "wild"
www CNAME web
web HTTPS 1 . alpn="h2"
loop CNAME loop2
loop2 CNAME loop
sub NS ns.sub
sub DS 1 13 2 00
ns.sub A 192.0.2.3
old DNAME new
*.new A 192.0.2.4
_s._tcp SRV 1 2 3 mail
a.b.c TXT "deep"
out CNAME www.other.test.
$GENERATE 1-200 many A 10.0.0.$
)");
    f.load("other.test.", "@ 60 SOA ns admin 1 2 3 4 60\nwww 60 A 192.0.2.9\n");
    f.chain->log.emplace_back();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static served s;
  const std::span packet(data, size);
  for (const auto via : {transport::udp, transport::tcp}) {
    const auto answer = s.f.raw_answer(packet, via);
    if (answer.empty()) continue;
    require(size >= header_size && answer.size() >= header_size);
    require(std::memcmp(answer.data(), data, 2) == 0);
    require((answer[2] & 0x80) != 0);
    if (via == transport::udp) require(answer.size() <= 1232);
    const auto questions = load16(answer.data() + 4);
    require(questions <= 1);
    if (questions == 1) {
      query q;
      (void)read_query(packet, q);
      require(std::memcmp(answer.data() + header_size, data + header_size, q.question_bytes) == 0);
    }
    require(testing::read_message(answer).parsed);
  }
  s.f.log.flush();
  s.f.logged.clear();
  return 0;
}
