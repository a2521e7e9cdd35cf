// SPDX-License-Identifier: Apache-2.0
// A cluster's authority and the certificates of its nodes, in a folder of the test's own.
#pragma once

#include "runtime/link/credentials.hpp"
#include "runtime/tls/authority.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

namespace stagedoor::link {

struct validity {
  wall_time not_before = wall_clock::now();
  std::chrono::hours lifetime{24};
};
inline validity expired() {
  return {wall_clock::now() - std::chrono::hours(240), std::chrono::hours(24)};
}

class cluster_files {
 public:
  cluster_files() {
    std::string pattern = (std::filesystem::temp_directory_path() / "link-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    authority_ = make("test cluster");
    write("ca.crt", authority_.chain);
  }
  ~cluster_files() { std::filesystem::remove_all(folder_); }
  cluster_files(const cluster_files&) = delete;
  cluster_files& operator=(const cluster_files&) = delete;

  /// The authority of another cluster.
  static tls::pem_pair make(const std::string& name) {
    auto made = tls::make_authority(name, wall_clock::now());
    EXPECT_TRUE(made);
    return *made;
  }

  credential_files issue(const std::string& name, validity valid = {}) {
    return issue_by(authority_, name, valid);
  }
  credential_files issue_by(const tls::pem_pair& authority, const std::string& name,
                            validity valid = {}) {
    const auto made =
        tls::issue_node_certificate(authority, {name, valid.not_before, valid.lifetime});
    EXPECT_TRUE(made);
    write(name + ".crt", made->chain);
    write(name + ".key", made->key);
    return {path(name + ".crt"), path(name + ".key"), path("ca.crt")};
  }
  std::shared_ptr<const credentials> load(const credential_files& files) {
    auto loaded = credentials::load(files);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().detail);
    return loaded ? *loaded : nullptr;
  }
  std::shared_ptr<const credentials> node(const std::string& name) { return load(issue(name)); }

  [[nodiscard]] std::string path(const std::string& file) const { return folder_ + "/" + file; }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(path(file), std::ios::binary) << text;
  }
  [[nodiscard]] const tls::pem_pair& authority() const { return authority_; }

 private:
  std::string folder_;
  tls::pem_pair authority_;
};

}  // namespace stagedoor::link
