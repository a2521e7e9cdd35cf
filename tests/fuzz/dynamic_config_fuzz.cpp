// SPDX-License-Identifier: Apache-2.0
// A file of the file provider, templates included, then the references between its elements.
#include "configs/file_provider.hpp"
#include "configs/references.hpp"

#include <cstdlib>
#include <string_view>

using namespace stagedoor::configs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  diagnostics out;
  const auto file = read_dynamic_file(
      "d.yml", {reinterpret_cast<const char*>(data), size},
      [](std::string_view name) { return std::optional<std::string>(std::string(name)); }, out);
  if (file.good == out.has_errors()) std::abort();
  const auto merged = merge_files({file}, out);
  if (!file.good && !merged.routers.empty()) std::abort();
  static_config edge;
  edge.entry_points.resize(1);
  const auto unusable = check_references({&merged}, edge, out);
  if (unusable.size() > merged.routers.size()) std::abort();
  return 0;
}
