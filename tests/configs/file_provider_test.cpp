// SPDX-License-Identifier: Apache-2.0
#include "configs/file_provider.hpp"

#include "configs/text_file.hpp"
#include "tests/configs/reported.hpp"
#include "tests/configs/scratch_folder.hpp"

#include <gtest/gtest.h>

namespace stagedoor::configs {
namespace {

namespace fs = std::filesystem;

TEST(templates, env_is_replaced_wherever_it_stands) {
  diagnostics out;
  const auto env = variables({{"HOST", "a.b"}, {"N", "7"}});
  const std::pair<const char*, const char*> table[] = {
      {"x: {{ env \"HOST\" }}", "x: a.b"},
      {"{{env `N`}}{{ env \"N\" }}", "77"},
      {"# {{ env \"MISSING\" }}.", "# ."},
      {"no template { here }", "no template { here }"},
  };
  for (const auto& [text, wanted] : table)
    EXPECT_EQ(expand_templates("f", text, env, out), wanted) << text;
  EXPECT_EQ(reported(out), lines{});
}

TEST(templates, any_other_action_is_an_error_with_its_place) {
  diagnostics out;
  EXPECT_FALSE(expand_templates(
      "f", "a: 1\n# {{ range $i := until 3 }}\n  b: {{ .Name }}\n{{ env }}{{ env \"a\"b\" }}",
      variables(), out));
  EXPECT_EQ(
      reported(out),
      (lines{
          R"(f:2:3: error: of Go's templates only {{ env "NAME" }} is implemented, got "{{ range $i := until 3 }}")",
          R"(f:3:6: error: of Go's templates only {{ env "NAME" }} is implemented, got "{{ .Name }}")",
          R"(f:4:1: error: of Go's templates only {{ env "NAME" }} is implemented, got "{{ env }}")",
          R"(f:4:10: error: of Go's templates only {{ env "NAME" }} is implemented, got "{{ env \"a\"b\" }}")"}));
  diagnostics open;
  EXPECT_FALSE(expand_templates("f", "a\n b {{ env \"X\"", variables(), open));
  EXPECT_EQ(reported(open),
            lines{"f:2:4: error: expected }} to close the template that starts here"});
}

TEST(file_provider, reads_a_folder_recursively_in_the_order_of_names) {
  const scratch_folder folder;
  folder.write("b.yml", "http: {middlewares: {m: {compress: {}}}}");
  folder.write("a/deep/x.YAML", "http: {middlewares: {n: {compress: {}}}}");
  folder.write("notes.txt", "not read");
  fs::create_directory_symlink(folder.path(), folder.path() / "a" / "loop");
  diagnostics out;
  const auto paths = list_dynamic_files(folder.path().string(), out);
  EXPECT_EQ(paths, (std::vector<std::string>{(folder.path() / "a/deep/x.YAML").string(),
                                             (folder.path() / "b.yml").string()}));
  const auto merged = merge_files(load_dynamic_files(paths, variables(), out), out);
  EXPECT_EQ(reported(out), lines{});
  EXPECT_EQ(merged.middlewares.size(), 2U);
}

TEST(file_provider, one_bad_file_does_not_take_the_others_down) {
  const scratch_folder folder;
  folder.write("bad.yml", "http: {middlewares: {good: {compress: {}}, bad: {compres: {}}}}");
  folder.write("good.yml", "http: {middlewares: {other: {compress: {}}}}");
  folder.write("old.toml", "[http]");
  diagnostics out;
  const auto files =
      load_dynamic_files(list_dynamic_files(folder.path().string(), out), variables(), out);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_FALSE(files[0].good);
  EXPECT_TRUE(files[1].good);
  const auto merged = merge_files(files, out);
  ASSERT_EQ(merged.middlewares.size(), 1U);
  EXPECT_EQ(merged.middlewares[0].name, "other@file");
  EXPECT_EQ(merged.broken, (std::vector<std::string>{"bad@file", "good@file"}));
  EXPECT_EQ(out.errors(), 2U);
  EXPECT_NE(out.print().find("old.toml: error: TOML is not implemented: write the same as .yml"),
            std::string::npos);
}

TEST(file_provider, the_first_definition_of_a_name_wins_with_a_warning) {
  diagnostics out;
  const std::vector files = {
      read_dynamic_file("a.yml", "http: {middlewares: {m: {addPrefix: {prefix: /a}}}}", variables(),
                        out),
      read_dynamic_file("b.yml", "http: {middlewares: {m: {addPrefix: {prefix: /b}}}}", variables(),
                        out)};
  const auto merged = merge_files(files, out);
  ASSERT_EQ(merged.middlewares.size(), 1U);
  EXPECT_EQ(std::get<add_prefix_middleware>(merged.middlewares[0].kind).prefix, "/a");
  EXPECT_EQ(
      reported(out),
      lines{"b.yml:1:22: warning: middleware \"m@file\" is left out: it is defined at a.yml:1:22"});
}

TEST(file_provider, a_missing_folder_or_file_is_an_error) {
  diagnostics out;
  EXPECT_TRUE(list_dynamic_files("/nonexistent", out).empty());
  const auto files = load_dynamic_files({"/nonexistent.yml"}, variables(), out);
  EXPECT_FALSE(files.at(0).good);
  EXPECT_EQ(reported(out),
            (lines{"/nonexistent: error: read folder: No such file or directory",
                   "/nonexistent.yml: error: read /nonexistent.yml: No such file or directory"}));
}

TEST(text_file, has_a_largest_size) {
  const scratch_folder folder;
  folder.write("big", std::string(defaults::config_file_bytes + 1, 'x'));
  EXPECT_EQ(read_text_file((folder.path() / "big").string()).error().kind, fault_kind::too_large);
}

}  // namespace
}  // namespace stagedoor::configs
