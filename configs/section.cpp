// SPDX-License-Identifier: Apache-2.0
#include "configs/section.hpp"

#include "runtime/base/ascii.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagedoor::configs {

section::section(reader& r, const node& n, std::string path, position key)
    : reader_(r), node_(n), path_(std::move(path)), at_(key.line != 0 ? key : n.at) {}

std::string section::path(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const entry* section::lookup(std::string_view key) const {
  for (const auto& e : node_.entries)
    if (e.key == key || (reader_.keys == reader::spelling::any_case && ascii::iequals(e.key, key)))
      return &e;
  return nullptr;
}

bool section::has(std::string_view key) const { return lookup(key) != nullptr; }

location section::where(std::string_view key) const {
  const entry* found = lookup(key);
  if (found == nullptr) return where();
  return locate(found->value.at.line != 0 ? found->value.at : found->at);
}

location section::item_at(std::string_view key, std::size_t index) const {
  const entry* found = lookup(key);
  if (found == nullptr || index >= found->value.items.size()) return where(key);
  return locate(found->value.items[index].at);
}

const node* section::take(std::string_view key) {
  known_.emplace_back(key);
  const entry* found = lookup(key);
  return found == nullptr ? nullptr : &found->value;
}

void section::wrong(std::string_view key, const node& value, std::string_view wanted) {
  reader_.out.expected(where(key), path(key), wanted, described(value));
}

void section::error(std::string_view key, std::string_view wanted) {
  const entry* found = lookup(key);
  reader_.out.expected(where(key), path(key), wanted,
                       found == nullptr ? "nothing" : described(found->value));
}

const std::string* section::scalar(std::string_view key, std::string_view wanted) {
  const node* value = take(key);
  if (value == nullptr || value->type == node::kind::none) return nullptr;
  if (value->type == node::kind::scalar) return &value->text;
  wrong(key, *value, wanted);
  return nullptr;
}

void section::text(std::string_view key, std::string& out) {
  if (const auto* value = scalar(key, "a text")) out = *value;
}

void section::boolean(std::string_view key, bool& out) {
  const auto* value = scalar(key, "true or false");
  if (value == nullptr) return;
  if (const auto parsed = parse_bool(*value)) {
    out = *parsed;
  } else {
    error(key, "true or false");
  }
}

void section::duration(std::string_view key, nanoseconds& out) {
  const auto* value = scalar(key, "a duration");
  if (value == nullptr) return;
  const auto parsed = parse_duration(*value);
  if (parsed && parsed->count() >= 0) {
    out = *parsed;
  } else {
    error(key, parsed ? "a duration that is not negative"
                      : parsed.error().detail + ", or whole seconds");
  }
}

bool section::integer(std::string_view key, std::int64_t& out, std::int64_t least,
                      std::int64_t most) {
  const std::string wanted = most == std::numeric_limits<std::int64_t>::max()
                                 ? fmt::format("a whole number of at least {}", least)
                                 : fmt::format("a whole number from {} to {}", least, most);
  const auto* value = scalar(key, wanted);
  if (value == nullptr) return false;
  const bool negative = value->starts_with('-');
  const auto parsed =
      ascii::parse_number<std::int64_t>(std::string_view(*value).substr(negative ? 1 : 0));
  const std::int64_t number = parsed ? (negative ? -*parsed : *parsed) : 0;
  if (!parsed || number < least || number > most) {
    error(key, wanted);
    return false;
  }
  out = number;
  return true;
}

bool section::one_of(std::string_view key, std::string& out,
                     std::initializer_list<std::string_view> allowed) {
  const auto* value = scalar(key, "a text");
  if (value == nullptr) return true;
  for (const auto choice : allowed) {
    if (!ascii::iequals(*value, choice)) continue;
    out = std::string(choice);
    return true;
  }
  error(key, fmt::format("one of {}", fmt::join(allowed, ", ")));
  return false;
}

void section::list(std::string_view key, std::vector<std::string>& out) {
  const node* value = take(key);
  if (value == nullptr || value->type == node::kind::none) return;
  if (value->type == node::kind::scalar) {
    out = split_list(value->text);
    return;
  }
  if (value->type != node::kind::list) return wrong(key, *value, "a list of texts");
  out.clear();
  for (const auto& item : value->items) {
    if (item.type == node::kind::scalar) {
      out.push_back(item.text);
    } else {
      reader_.out.expected(locate(item.at), path(key), "a text in the list", described(item));
    }
  }
}

void section::pairs(std::string_view key, std::vector<std::pair<std::string, std::string>>& out) {
  const node* value = take(key);
  if (value == nullptr || value->type == node::kind::none) return;
  if (value->type != node::kind::map) return wrong(key, *value, "a mapping of names to texts");
  out.clear();
  for (const auto& e : value->entries) {
    if (e.value.type == node::kind::scalar || e.value.type == node::kind::none) {
      out.emplace_back(e.key, e.value.text);
    } else {
      reader_.out.expected(locate(e.value.at), fmt::format("{}.{}", path(key), e.key), "a text",
                           described(e.value));
    }
  }
}

void section::block(std::string_view key, const visit& f) {
  const node* value = take(key);
  if (value == nullptr || value->type == node::kind::none) return;
  if (value->type != node::kind::map) return wrong(key, *value, "a mapping");
  section inner(reader_, *value, path(key), lookup(key)->at);
  f(inner);
  inner.finish();
}

void section::presence(std::string_view key, const visit& f) {
  const node* value = take(key);
  if (value == nullptr) return;
  if (value->type == node::kind::scalar) {
    const auto on = parse_bool(value->text);
    if (!on) return wrong(key, *value, "a mapping, true or false");
    if (!*on) return;
  } else if (value->type == node::kind::list) {
    return wrong(key, *value, "a mapping, true or false");
  }
  static const node empty;
  section inner(reader_, value->type == node::kind::map ? *value : empty, path(key),
                lookup(key)->at);
  f(inner);
  inner.finish();
}

void section::each(std::string_view key, const visit_named& f) {
  const node* value = take(key);
  if (value == nullptr || value->type == node::kind::none) return;
  if (value->type != node::kind::map) return wrong(key, *value, "a mapping of names");
  for (const auto& e : value->entries) {
    const std::string inner_path = fmt::format("{}.{}", path(key), e.key);
    if (e.value.type != node::kind::map && e.value.type != node::kind::none) {
      reader_.out.expected(locate(e.value.at), inner_path, "a mapping", described(e.value));
      continue;
    }
    section inner(reader_, e.value, inner_path, e.at);
    f(e.key, inner);
    inner.finish();
  }
}

void section::items(std::string_view key, const visit& f) {
  const node* value = take(key);
  if (value == nullptr || value->type == node::kind::none) return;
  if (value->type != node::kind::list) return wrong(key, *value, "a list of mappings");
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    const node& item = value->items[i];
    const std::string inner_path = fmt::format("{}[{}]", path(key), i);
    if (item.type != node::kind::map) {
      reader_.out.expected(locate(item.at), inner_path, "a mapping", described(item));
      continue;
    }
    section inner(reader_, item, inner_path);
    f(inner);
    inner.finish();
  }
}

void section::idle(std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) {
    if (take(key) == nullptr) continue;
    const auto at = lookup(key)->at;
    reader_.idle.push_back(fmt::format("{} ({}:{})", path(key), at.line, at.column));
  }
}

void section::removed(std::string_view key, std::string_view hint) {
  if (take(key) == nullptr) return;
  known_.pop_back();  // it is no suggestion for a misspelt key
  const entry* found = lookup(key);
  reader_.out.error(locate(found->at),
                    fmt::format("{} is not an option any more: {}", path(key), hint));
  // Said once: finish() must not call it unknown too.
  known_.emplace_back(found->key);
}

void section::finish() {
  if (std::exchange(finished_, true)) return;
  const auto same = [&](std::string_view a, std::string_view b) {
    return a == b || (reader_.keys == reader::spelling::any_case && ascii::iequals(a, b));
  };
  const std::vector<std::string_view> candidates(known_.begin(), known_.end());
  for (std::size_t i = 0; i < node_.entries.size(); ++i) {
    const entry& e = node_.entries[i];
    const auto is_same = [&](std::string_view other) { return same(e.key, other); };
    if (std::none_of(known_.begin(), known_.end(), is_same)) {
      reader_.out.error(locate(e.at), fmt::format("{}: unknown key{}", path(e.key),
                                                  did_you_mean(e.key, candidates)));
    } else if (std::any_of(node_.entries.begin(),
                           node_.entries.begin() + static_cast<std::ptrdiff_t>(i),
                           [&](const entry& earlier) { return is_same(earlier.key); })) {
      reader_.out.error(locate(e.at),
                        fmt::format("{} is given twice, in two spellings", path(e.key)));
    }
  }
}

}  // namespace stagedoor::configs
