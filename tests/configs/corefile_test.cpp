// SPDX-License-Identifier: Apache-2.0
#include "configs/corefile.hpp"

#include "tests/configs/reported.hpp"
#include "tests/configs/scratch_folder.hpp"

#include <gtest/gtest.h>
#include <map>

namespace stagedoor::configs {
namespace {

std::string words(std::string_view text) {
  std::string out;
  for (const auto& t : lex_corefile("C", text)) {
    if (!out.empty()) out += " ";
    out += (t.quoted ? "'" + t.text + "'" : t.text) + "@" + std::to_string(t.at.line) + ":" +
           std::to_string(t.at.column);
  }
  return out;
}

TEST(corefile_lexer, parts_words_as_coredns_does) {
  const std::pair<const char*, const char*> table[] = {
      {"", ""},
      {"a b\tc\r\nd", "a@1:1 b@1:3 c@1:5 d@2:1"},
      {"\xef\xbb\xbf.:53 {", ".:53@1:1 {@1:6"},
      {"foo{ }bar", "foo{@1:1 }bar@1:6"},
      {"a#b c\nd # e\n#f\ng", "a@1:1 d@2:1 g@4:1"},
      {"\"a b\"c", "'a b'@1:1 c@1:6"},
      {"a\"b c\"", "a\"b@1:1 c\"@1:5"},
      {R"("a \"q\" \n")", R"('a "q" \n'@1:1)"},
      {"\"\" x", "''@1:1 x@1:4"},
      {"\"a\nb\" c", "'a\nb'@1:1 c@2:4"},
      {"\"a # b\"", "'a # b'@1:1"},
      {"8.8.8.8; 'x y'", "8.8.8.8;@1:1 'x@1:10 y'@1:13"},
      {"\xc3\xa4\xc3\xb6 x", "\xc3\xa4\xc3\xb6@1:1 x@1:4"},
  };
  for (const auto& [text, wanted] : table) EXPECT_EQ(words(text), wanted) << text;
}

/// A Corefile whose surroundings are a map of files.
class corefile_test : public testing::Test {
 protected:
  corefile_sources sources() {
    return {variables(variables_),
            [this](const std::string& path) -> result<std::string> {
              const auto found = files_.find(path);
              if (found == files_.end())
                return fault{fault_kind::not_found, fault_side::operator_input, retryable::no,
                             "no such file"};
              return found->second;
            },
            [this](const std::string& pattern) {
              std::vector<std::string> out;
              const auto star = pattern.find('*');
              for (const auto& [path, text] : files_)
                if (path.starts_with(pattern.substr(0, star)) &&
                    path.ends_with(pattern.substr(star + 1)))
                  out.push_back(path);
              return out;
            },
            root_};
  }

  static std::string outline(const std::vector<corefile_line>& block) {
    std::string out;
    for (const auto& l : block) {
      if (!out.empty()) out += "; ";
      out += l.name.text;
      for (const auto& a : l.arguments) out += " " + (a.text.empty() ? "''" : a.text);
      if (l.has_block) out += " {" + outline(l.block) + "}";
    }
    return out;
  }

  std::string read(std::string_view text) {
    diagnostics out;
    std::string printed;
    for (const auto& b : parse_corefile("etc/Corefile", text, sources(), out)) {
      if (!printed.empty()) printed += " | ";
      for (const auto& k : b.keys) printed += k.text + " ";
      printed += "{" + outline(b.lines) + "}";
    }
    return out.all().empty() ? printed : out.print();
  }

  std::map<std::string, std::string, std::less<>> variables_;
  std::map<std::string, std::string> files_;
  std::string root_;
};

TEST_F(corefile_test, reads_the_blocks_of_the_infrastructure_page) {
  EXPECT_EQ(
      read("# coredns/Corefile\n.:53 {\n    forward . 8.8.8.8 8.8.4.4\n    log\n    errors\n}\n\n"
           "localhost:53 {\n    file /zones/db.localhost\n    log\n    errors\n}\n"),
      ".:53 {forward . 8.8.8.8 8.8.4.4; log; errors} | localhost:53 {file /zones/db.localhost; "
      "log; errors}");
}

TEST_F(corefile_test, reads_addresses_in_every_layout) {
  const std::pair<const char*, const char*> table[] = {
      {"", ""},
      {"a.org b.org {\n}", "a.org b.org {}"},
      {"a.org, b.org {\n}", "a.org b.org {}"},
      {"a.org,\nb.org,\nc.org {\n log\n}", "a.org b.org c.org {log}"},
      {"a.org\nlog\nerrors\n", "a.org {log; errors}"},
      {"a.org", "a.org {}"},
      {"a.org { log\n}", "a.org {log}"},
      {"a.org {\n log }", "a.org {log}"},
  };
  for (const auto& [text, wanted] : table) EXPECT_EQ(read(text), wanted) << text;
}

TEST_F(corefile_test, reads_options_and_nested_blocks) {
  EXPECT_EQ(read(". {\n forward . 1.1.1.1 {\n  except a b\n  deep {\n   x\n  }\n }\n log \"a b\" "
                 "\"\"\n}\n"),
            ". {forward . 1.1.1.1 {except a b; deep {x}}; log a b ''}");
}

TEST_F(corefile_test, a_quoted_word_over_several_lines_keeps_its_line_together) {
  EXPECT_EQ(read(". {\n log \"a\nb\" c\n errors\n}"), ". {log a\nb c; errors}");
}

TEST_F(corefile_test, variables_are_replaced_and_never_become_structure) {
  variables_ = {{"ZONE", "a.org"}, {"TWO", "x y"}, {"BRACE", "{"}, {"INNER", "{$ZONE}"}};
  EXPECT_EQ(read("{$ZONE}:53 {\n log {%ZONE%} pre{$ZONE}post {$TWO} {$NONE}\n}"),
            "a.org:53 {log a.org prea.orgpost x y ''}");
  EXPECT_EQ(read(". {\n log {$BRACE} {$} {%%}\n}"), ". {log { {$} {%%}}");
  EXPECT_EQ(read(". {\n log {$INNER}\n}"), ". {log {$ZONE}}");
}

TEST_F(corefile_test, snippets_are_put_in_place) {
  EXPECT_EQ(read("(common) {\n log\n errors {\n  x\n }\n}\na.org {\n import common\n root "
                 "/\n}\nb.org {\n import common\n}\n"),
            "a.org {log; errors {x}; root /} | b.org {log; errors {x}}");
}

TEST_F(corefile_test, files_are_imported_relative_to_the_importing_file) {
  files_ = {{"etc/conf/a.conf", "log\nimport more/b.conf\n"},
            {"etc/conf/more/b.conf", "errors"},
            {"etc/zones/1.zone", "one.org {\n log\n}\n"},
            {"etc/zones/2.zone", "two.org {\n}\n"}};
  EXPECT_EQ(read(". {\n import conf/a.conf\n root /\n}\nimport zones/*.zone\nlast.org {\n}"),
            ". {log; errors; root /} | one.org {log} | two.org {} | last.org {}");
}

TEST_F(corefile_test, absolute_imports_are_looked_up_below_the_root) {
  files_ = {{"srv/coredns/conf/a", "log"}};
  root_ = "srv/coredns";
  EXPECT_EQ(read(". {\n import /conf/a\n}"), ". {log}");
}

TEST_F(corefile_test, each_mistake_is_named_with_its_place) {
  files_ = {{"etc/broken", "log {\n"}};
  const std::pair<const char*, const char*> table[] = {
      {". {\n log\n",
       "etc/Corefile:2:2: error: expected } to close the block that starts at etc/Corefile:1:1\n"},
      {". {\n log {\n x\n",
       "etc/Corefile:3:2: error: expected } to close the block that starts at etc/Corefile:2:6\n"},
      {"{\n}\n", "etc/Corefile:1:1: error: expected a zone before {\n"},
      {"}\n", "etc/Corefile:1:1: error: unexpected }: no block is open\n"},
      {"a.org\nlog\n}\n", "etc/Corefile:3:1: error: unexpected }: no block is open\n"},
      {". {\n}\n}\n", "etc/Corefile:3:1: error: unexpected }: no block is open\n"},
      {"a.org, {\n}\n", "etc/Corefile:1:8: error: expected another zone after the comma\n"},
      {"a.org,\n", "etc/Corefile:1:1: error: expected another zone after the comma\n"},
      {"a.org {\n}\nb.org\nlog\n",
       "etc/Corefile:3:1: error: expected { after the zones: only a file with a single server "
       "block may leave the braces out\n"},
      {". {\n log\n {\n }\n}\n", "etc/Corefile:3:2: error: expected { on the line of \"log\"\n"},
      {". {\n {\n }\n}\n", "etc/Corefile:2:2: error: expected a directive before {\n"},
      {". {\n log {\n  {\n  }\n }\n}\n", "etc/Corefile:3:3: error: expected an option before {\n"},
      {". {\n log \"a b\n}\n", "etc/Corefile:2:6: error: expected a closing quote\n"},
      {"(s)\nlog\n", "etc/Corefile:1:1: error: expected { after the name of a snippet\n"},
      {"(s) {\n log\n", "etc/Corefile:2:2: error: expected } to close the snippet \"(s)\"\n"},
      {"(s) {\n}\n(s) {\n}\n", "etc/Corefile:3:1: error: snippet \"s\" is defined twice\n"},
      {". {\n import\n}\n",
       "etc/Corefile:2:2: error: import: expected one snippet, file or pattern, got 0 arguments\n"},
      {". {\n import a b\n}\n",
       "etc/Corefile:2:2: error: import: expected one snippet, file or pattern, got 2 arguments\n"},
      {". {\n import gone\n}\n",
       "etc/Corefile:2:9: error: import: expected a snippet or a file, got \"gone\": no such "
       "file\n"},
      {". {\n import a*b*\n}\n",
       "etc/Corefile:2:9: error: import: expected at most one * and one ?, and no [, got "
       "\"a*b*\"\n"},
      {". {\n import none/*\n}\n",
       "etc/Corefile:2:9: warning: import: no file matches \"none/*\"\n"},
      {". {\n import broken\n}\n",
       "etc/Corefile:3:1: error: expected } to close the block that starts at etc/Corefile:1:1\n"},
  };
  for (const auto& [text, wanted] : table) EXPECT_EQ(read(text), wanted) << text;
}

TEST_F(corefile_test, imports_that_never_end_are_stopped) {
  files_ = {{"etc/Corefile", ". {\n import Corefile\n}\n"},
            {"etc/twice", "import twice\nimport twice\n"},
            {"etc/wide", std::string(1000, 'a') + "\nimport wide\n"}};
  EXPECT_NE(read(". {\n import twice\n}").find("imports in each other"), std::string::npos);
  EXPECT_NE(read("(s) {\n import s\n}\n. {\n import s\n}").find("imports in each other"),
            std::string::npos);
  std::string many = "(s) {\n log\n}\n. {\n";
  for (std::size_t i = 0; i <= defaults::corefile_imports; ++i) many += "import s\n";
  EXPECT_NE(read(many + "}").find("expected at most 10000 imports"), std::string::npos);
}

TEST_F(corefile_test, blocks_in_each_other_have_a_deepest_level) {
  std::string deep = ". {\n";
  for (std::size_t i = 0; i < 100'000; ++i) deep += "x {\n";
  EXPECT_NE(read(deep).find("blocks in each other"), std::string::npos);
}

TEST(corefile_disk, patterns_name_regular_files_in_order) {
  const scratch_folder folder;
  folder.write("conf/b.conf", "errors");
  folder.write("conf/a.conf", "log");
  folder.write("conf/dir.conf/x", "");
  diagnostics out;
  const auto blocks = parse_corefile((folder.path() / "Corefile").string(),
                                     ". {\n import conf/*.conf\n}", disk_sources(""), out);
  EXPECT_EQ(reported(out), lines{});
  ASSERT_EQ(blocks.size(), 1U);
  ASSERT_EQ(blocks[0].lines.size(), 2U);
  EXPECT_EQ(blocks[0].lines[0].name.text, "log");
  EXPECT_EQ(blocks[0].lines[0].name.at.file, (folder.path() / "conf/a.conf").string());
}

}  // namespace
}  // namespace stagedoor::configs
