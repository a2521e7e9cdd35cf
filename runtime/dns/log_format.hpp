// SPDX-License-Identifier: Apache-2.0
// The FORMAT of CoreDNS' log plugin, taken apart once so that writing a line is appending.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stagedoor::dns {

class log_format {
 public:
  enum class field : std::uint8_t {
    text,
    type,
    klass,
    name,
    proto,
    remote,
    local,
    port,
    size,
    duration,
    rcode,
    rsize,
    rflags,
    bufsize,
    dnssec_ok,
    id,
    opcode,
    unknown,  ///< written as "-", as CoreDNS writes metadata it does not have
  };
  struct piece {
    field what = field::text;
    std::string text;  ///< of field::text
  };

  /// `{common}` and `{combined}` are the shortcuts CoreDNS knows.
  explicit log_format(std::string_view format = default_text);

  [[nodiscard]] const std::vector<piece>& pieces() const noexcept { return pieces_; }

  static constexpr std::string_view default_text =
      R"({remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration})";

 private:
  void add_text(std::string_view text);
  std::vector<piece> pieces_;
};

}  // namespace stagedoor::dns
