// SPDX-License-Identifier: Apache-2.0
// The lines of the log and errors plugins, in CoreDNS' words.
//
// A line for each query may not cost a system call for each query, and a slow terminal may not slow
// the answers: lines are gathered in memory and handed to the sink once a turn; what the sink has
// no room for is counted and forgotten.
// Owner: the server of a loop. Runs on: that loop. Bounded by: query_log_options::buffer_bytes.
#pragma once

#include "runtime/dns/client.hpp"
#include "runtime/dns/counters.hpp"
#include "runtime/dns/plugins.hpp"
#include "runtime/dns/query.hpp"

#include <functional>
#include <span>
#include <string>

namespace stagedoor::dns {

/// Takes whole lines; false when it has no room. Must not block.
using line_sink = std::function<bool(std::string_view lines)>;

struct query_log_options {
  line_sink sink = {};                     ///< empty = nothing is logged
  std::size_t buffer_bytes = 256U << 10U;  ///< gathered in one turn, then handed over early
};

class query_log {
 public:
  query_log(query_log_options options, counters& count)
      : options_(std::move(options)), count_(count) {}

  /// |reply| went to the client |took| after its query |q| was read.
  void answered(const plugin_chain& chain, const query& q, const client_ref& client,
                std::span<const std::uint8_t> reply, mono_clock::duration took);
  /// The errors plugin's line: the query failed because of |why|.
  void failed(const plugin_chain& chain, const query& q, std::uint16_t code, std::string_view why);

  /// Hands over what was gathered; the server's end-of-turn hook.
  void flush();

 private:
  void append(const log_format::piece& piece, const query& q, const client_ref& client,
              std::span<const std::uint8_t> reply, mono_clock::duration took);
  void end_line();

  query_log_options options_;
  counters& count_;
  std::string buffer_;
  std::size_t lines_ = 0;
};

}  // namespace stagedoor::dns
