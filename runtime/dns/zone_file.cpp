// SPDX-License-Identifier: Apache-2.0
#include "runtime/dns/zone_file.hpp"

#include "runtime/base/ascii.hpp"
#include "runtime/base/file.hpp"
#include "runtime/dns/rdata_text.hpp"
#include "runtime/dns/rrset.hpp"
#include "runtime/dns/types.hpp"
#include "runtime/dns/zone_generate.hpp"
#include "runtime/dns/zone_lexer.hpp"

#include <filesystem>
#include <fmt/format.h>

namespace stagedoor::dns {
namespace {

class zone_reader {
 public:
  zone_reader(std::string_view apex, const file_reader& includes, const zone_file_limits& limits,
              parsed_zone& out)
      : apex_(lower_cased(apex)), includes_(includes), limits_(limits), out_(out) {}

  void read(std::string_view text, const std::string& file, wire_name origin, std::size_t depth);
  void finish(const std::string& file);

 private:
  struct source {
    const std::string& file;
    wire_name origin;
    std::size_t depth;
  };

  void entry(const zone_entry& e, source& s);
  void directive(const zone_entry& e, source& s);
  void include(const zone_entry& e, source& s);
  void generate(const zone_entry& e, source& s);
  void resource_record(const zone_entry& e, const source& s);
  bool take_owner(const zone_entry& e, std::size_t& at, const source& s);
  std::optional<std::uint16_t> take_type(const zone_entry& e, std::size_t& at, const source& s,
                                         std::optional<std::uint32_t>& ttl);
  std::uint32_t default_ttl(const record& r, const source& s, const zone_token& where);

  void error(const source& s, const zone_token& at, std::string message) {
    if (out_.errors.size() < limits_.diagnostics)
      out_.errors.push_back({s.file, at.line, at.column, std::move(message)});
  }
  void warn(const source& s, const zone_token& at, std::string message) {
    if (out_.warnings.size() < limits_.diagnostics)
      out_.warnings.push_back({s.file, at.line, at.column, std::move(message)});
  }
  [[nodiscard]] bool full() const { return out_.errors.size() >= limits_.diagnostics; }

  const wire_name apex_;
  const file_reader& includes_;
  const zone_file_limits& limits_;
  parsed_zone& out_;
  wire_name owner_;  ///< of the last record, empty = none yet
  std::optional<std::uint32_t> ttl_directive_;
  std::optional<std::uint32_t> last_ttl_;
  std::optional<std::uint32_t> minimum_;
  bool warned_ttl_ = false;
  bool generating_ = false;
};

void zone_reader::read(std::string_view text, const std::string& file, wire_name origin,
                       std::size_t depth) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  source s{file, std::move(origin), depth};
  zone_lexer lexer(text);
  zone_entry e;
  for (;;) {
    const auto status = lexer.next(e);
    if (status == zone_lexer::status::end || full()) return;
    if (status == zone_lexer::status::error) {
      error(s, {{}, lexer.error().line, lexer.error().column, false},
            std::string(lexer.error().what));
    } else {
      entry(e, s);
    }
  }
}

void zone_reader::entry(const zone_entry& e, source& s) {
  const auto& first = e.tokens[0];
  if (!e.owner_omitted && !first.quoted && first.text.starts_with('$')) {
    directive(e, s);
  } else {
    resource_record(e, s);
  }
}

void zone_reader::directive(const zone_entry& e, source& s) {
  const auto& word = e.tokens[0];
  const std::size_t values = e.tokens.size() - 1;
  if (generating_) return error(s, word, "a directive cannot come out of $GENERATE");
  if (ascii::iequals(word.text, "$INCLUDE")) return include(e, s);
  if (ascii::iequals(word.text, "$GENERATE")) return generate(e, s);
  if (ascii::iequals(word.text, "$ORIGIN")) {
    if (values != 1) return error(s, word, "expected $ORIGIN with one name");
    auto origin = parse_name(e.tokens[1].text, s.origin);
    if (!origin) return error(s, e.tokens[1], origin.error().detail);
    s.origin = std::move(*origin);
    return;
  }
  if (ascii::iequals(word.text, "$TTL")) {
    const auto ttl = values == 1 ? parse_ttl(e.tokens[1].text) : std::nullopt;
    if (!ttl)
      return error(s, e.tokens[values == 1 ? 1 : 0],
                   "expected $TTL with one time, such as 3600 or 1h");
    ttl_directive_ = ttl;
    return;
  }
  error(s, word, fmt::format("expected $ORIGIN, $TTL, $INCLUDE or $GENERATE, got '{}'", word.text));
}

// The included file starts with the origin given or the one in force; neither its origin nor its
// last owner reaches the file that includes it.
void zone_reader::include(const zone_entry& e, source& s) {
  if (e.tokens.size() < 2 || e.tokens.size() > 3)
    return error(s, e.tokens[0], "expected $INCLUDE with a file and optionally an origin");
  if (s.depth >= limits_.include_depth)
    return error(s, e.tokens[0],
                 fmt::format("more than {} files included in each other", limits_.include_depth));
  wire_name origin = s.origin;
  if (e.tokens.size() == 3) {
    auto given = parse_name(e.tokens[2].text, s.origin);
    if (!given) return error(s, e.tokens[2], given.error().detail);
    origin = std::move(*given);
  }
  std::filesystem::path path(e.tokens[1].text);
  if (path.is_relative()) path = std::filesystem::path(s.file).parent_path() / path;
  const auto text = includes_(path.string());
  if (!text) return error(s, e.tokens[1], text.error().detail);
  const wire_name owner = owner_;
  read(*text, path.string(), std::move(origin), s.depth + 1);
  owner_ = owner;
}

void zone_reader::generate(const zone_entry& e, source& s) {
  if (e.tokens.size() < 5)
    return error(s, e.tokens[0], "expected $GENERATE with a range, an owner, a type and data");
  const auto range = parse_generate_range(e.tokens[1].text);
  if (!range) return error(s, e.tokens[1], range.error().detail);
  if (range->count() > limits_.generate_steps)
    return error(s, e.tokens[1], fmt::format("more than {} steps", limits_.generate_steps));
  zone_entry step;
  std::vector<std::string> texts(e.tokens.size() - 2);
  generating_ = true;
  for (std::uint64_t i = 0; i < range->count() && !full(); ++i) {
    const auto value = static_cast<std::uint32_t>(range->first + i * range->step);
    step.tokens.assign(e.tokens.begin() + 2, e.tokens.end());
    for (std::size_t k = 0; k < texts.size(); ++k) {
      auto text = expand_generate(step.tokens[k].text, value);
      if (!text) {
        error(s, step.tokens[k], text.error().detail);
        generating_ = false;
        return;
      }
      texts[k] = std::move(*text);
      step.tokens[k].text = texts[k];
    }
    entry(step, s);
  }
  generating_ = false;
}

bool zone_reader::take_owner(const zone_entry& e, std::size_t& at, const source& s) {
  if (e.owner_omitted) {
    if (!owner_.empty()) return true;
    error(s, e.tokens[0], "expected an owner name: there is no record above to take it from");
    return false;
  }
  auto owner = parse_name(e.tokens[at].text, s.origin);
  if (!owner) {
    error(s, e.tokens[at], owner.error().detail);
    return false;
  }
  owner_ = std::move(*owner);
  ++at;
  return true;
}

// [TTL] [class] type, or [class] [TTL] type (RFC 1035 section 5.1).
std::optional<std::uint16_t> zone_reader::take_type(const zone_entry& e, std::size_t& at,
                                                    const source& s,
                                                    std::optional<std::uint32_t>& ttl) {
  bool classed = false;
  for (; at < e.tokens.size(); ++at) {
    const auto& word = e.tokens[at];
    if (!classed && (ascii::iequals(word.text, "IN") || ascii::iequals(word.text, "CLASS1"))) {
      classed = true;
      continue;
    }
    if (!ttl)
      if ((ttl = parse_ttl(word.text))) continue;
    const auto t = parse_type(word.text);
    if (t && !type::is_meta(*t)) {
      ++at;
      return t;
    }
    for (const std::string_view other : {"CH", "HS", "CS", "ANY", "NONE"})
      if (ascii::iequals(word.text, other)) {
        error(s, word, fmt::format("expected class IN, got '{}'", word.text));
        return std::nullopt;
      }
    error(s, word, fmt::format("expected a TTL, a class or a record type, got '{}'", word.text));
    return std::nullopt;
  }
  error(s, e.tokens.back(), "expected a record type before the end of the line");
  return std::nullopt;
}

std::uint32_t zone_reader::default_ttl(const record& r, const source& s, const zone_token& where) {
  if (ttl_directive_) return *ttl_directive_;
  if (last_ttl_) return *last_ttl_;
  if (!minimum_ && r.type == type::soa)
    minimum_ = soa_minimum({reinterpret_cast<const std::uint8_t*>(r.rdata.data()), r.rdata.size()});
  constexpr std::uint32_t fallback = 3600;
  const auto ttl = minimum_.value_or(fallback) & 0x7fffffffU;
  if (!std::exchange(warned_ttl_, true))
    warn(s, where, fmt::format("no $TTL and no TTL before this record: {} is used", ttl));
  return ttl;
}

void zone_reader::resource_record(const zone_entry& e, const source& s) {
  if (out_.data.records.size() >= limits_.records)
    return error(s, e.tokens[0], fmt::format("more than {} records", limits_.records));
  std::size_t at = 0;
  if (!take_owner(e, at, s)) return;
  std::optional<std::uint32_t> ttl;
  const auto t = take_type(e, at, s, ttl);
  if (!t) return;
  const auto rest = std::span(e.tokens).subspan(at);
  auto rdata = parse_rdata(*t, rest, s.origin);
  const auto& where = rest.empty() ? e.tokens.back() : rest[0];
  if (!rdata) return error(s, where, std::move(rdata).error().detail);
  record r{owner_, *t, 0, std::move(*rdata)};
  r.ttl = ttl ? *ttl : default_ttl(r, s, where);
  if (ttl) last_ttl_ = ttl;
  const auto owner = lower_cased(r.owner);
  if (!is_at_or_below(owner, apex_))
    return warn(s, e.tokens[0],
                fmt::format("{} is outside the zone {} and left out", name_text(r.owner),
                            name_text(apex_)));
  if (*t == type::soa && owner != apex_)
    return error(
        s, e.tokens[0],
        fmt::format("expected the SOA at {}, got one at {}", name_text(apex_), name_text(r.owner)));
  out_.data.records.push_back(std::move(r));
}

void zone_reader::finish(const std::string& file) {
  bool soa = false;
  bool ns = false;
  for (const auto& r : out_.data.records) {
    soa |= r.type == type::soa;
    ns |= r.type == type::ns && same_name(r.owner, apex_);
  }
  if (out_.errors.empty() && !soa)
    out_.errors.push_back(
        {file, 0, 0, fmt::format("expected an SOA record for {}", name_text(apex_))});
  if (out_.errors.empty() && !ns)
    out_.warnings.push_back({file, 0, 0, fmt::format("no NS record for {}", name_text(apex_))});
  if (!out_.errors.empty()) out_.data.records.clear();
}

}  // namespace

std::string zone_diagnostic::to_string() const {
  if (line == 0) return fmt::format("{}: {}", file, message);
  if (column == 0) return fmt::format("{}:{}: {}", file, line, message);
  return fmt::format("{}:{}:{}: {}", file, line, column, message);
}

parsed_zone parse_zone(std::string_view text, const std::string& path, std::string_view apex,
                       const file_reader& includes, const zone_file_limits& limits) {
  parsed_zone out;
  out.data.apex = lower_cased(apex);
  zone_reader reader(apex, includes, limits, out);
  reader.read(text, path, out.data.apex, 0);
  reader.finish(path);
  return out;
}

file_reader disk_reader(std::size_t limit) {
  return [limit](const std::string& path) -> result<std::string> {
    auto file = read_file(path, limit);
    if (file) return std::move(file->bytes);
    auto why = std::move(file).error();
    why.detail = "cannot read " + why.detail;
    return why;
  };
}

parsed_zone read_zone_file(const std::string& path, std::string_view apex,
                           const zone_file_limits& limits) {
  const auto reader = disk_reader(limits.bytes);
  const auto text = reader(path);
  if (text) return parse_zone(*text, path, apex, reader, limits);
  parsed_zone out;
  out.data.apex = lower_cased(apex);
  out.errors.push_back({path, 0, 0, text.error().detail});
  return out;
}

}  // namespace stagedoor::dns
