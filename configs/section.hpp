// SPDX-License-Identifier: Apache-2.0
// Reads one mapping strictly: each known key is asked for by name and type, and what nobody asked
// for is an error that suggests the key it was probably meant to be.
//
// A field keeps its default when its key is absent or its value is wrong; the error is noted and
// reading goes on, so that one pass finds every mistake.
//
// Owner: the loader, on its stack. Runs on: any one thread. On failure: errors in the reader.
#pragma once

#include "configs/diagnostic.hpp"
#include "configs/document.hpp"
#include "configs/values.hpp"

#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace stagedoor::configs {

/// What the sections of one document share.
struct reader {
  enum class spelling : std::uint8_t { exact, any_case };

  std::string file;
  diagnostics& out;
  spelling keys = spelling::any_case;
  /// Keys that are known and legal but that nothing acts on: "web.http3 (4:5)".
  std::vector<std::string> idle = {};
};

class section {
 public:
  using visit = std::function<void(section&)>;
  using visit_named = std::function<void(const std::string& name, section&)>;

  /// `n` is a map, or nothing, which reads as an empty map. `path` names it in messages.
  section(reader& r, const node& n, std::string path, position key = {});

  // -- fields ---
  void text(std::string_view key, std::string& out);
  void boolean(std::string_view key, bool& out);
  void duration(std::string_view key, nanoseconds& out);
  /// A list, or one text split at commas.
  void list(std::string_view key, std::vector<std::string>& out);
  /// name: text pairs.
  void pairs(std::string_view key, std::vector<std::pair<std::string, std::string>>& out);
  /// A text out of a fixed set; false (and an error) for any other.
  bool one_of(std::string_view key, std::string& out,
              std::initializer_list<std::string_view> allowed);
  template <class Integer>
  void number(std::string_view key, Integer& out, std::int64_t least = 0,
              std::int64_t most = std::numeric_limits<Integer>::max()) {
    static_assert(sizeof(Integer) < 8 || std::is_signed_v<Integer>);
    std::int64_t value = out;
    if (integer(key, value, least, most)) out = static_cast<Integer>(value);
  }

  // -- nesting ---
  /// A mapping; not visited when absent or empty of value (`key:`).
  void block(std::string_view key, const visit& f);
  /// A mapping whose presence alone says something: also visited for `key:`, `key: {}`, `key:
  /// true`.
  void presence(std::string_view key, const visit& f);
  /// A mapping of names that the user chose to mappings.
  void each(std::string_view key, const visit_named& f);
  /// A list of mappings.
  void items(std::string_view key, const visit& f);

  // -- the rest ---
  /// The value, marked as read; nullptr when absent.
  const node* take(std::string_view key);
  /// Known and legal, but nothing acts on it.
  void idle(std::initializer_list<std::string_view> keys);
  /// No longer legal; `hint` says what to write instead.
  void removed(std::string_view key, std::string_view hint);
  /// Everything not read is unknown. Called after each visit; for the outermost section by the
  /// loader itself. A second call does nothing.
  void finish();

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] bool empty() const noexcept { return node_.entries.empty(); }
  [[nodiscard]] location where() const { return locate(at_); }
  /// Of the value behind `key`, else of the section.
  [[nodiscard]] location where(std::string_view key) const;
  /// Of one item of the list behind `key`; of the value itself when it is one text.
  [[nodiscard]] location item_at(std::string_view key, std::size_t index) const;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string path(std::string_view key) const;
  [[nodiscard]] reader& context() noexcept { return reader_; }
  void error(std::string_view key, std::string_view wanted);

 private:
  [[nodiscard]] const entry* lookup(std::string_view key) const;
  [[nodiscard]] location locate(position at) const { return {reader_.file, at.line, at.column}; }
  const std::string* scalar(std::string_view key, std::string_view wanted);
  bool integer(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most);
  void wrong(std::string_view key, const node& value, std::string_view wanted);

  reader& reader_;
  const node& node_;
  std::string path_;
  position at_;
  std::vector<std::string> known_;  ///< every key that was asked for
  bool finished_ = false;
};

}  // namespace stagedoor::configs
