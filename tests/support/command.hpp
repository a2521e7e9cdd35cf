// SPDX-License-Identifier: Apache-2.0
// Another program as the judge: run to its end, its output read.
#pragma once

#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace stagedoor::test {

struct command_outcome {
  int status = -1;     ///< of its exit; -1 = it could not be run, or was killed
  std::string output;  ///< standard output and standard error
};

/// |line| goes to the shell. For programs that end by themselves.
inline command_outcome run_line(const std::string& line) {
  command_outcome done;
  std::FILE* const pipe = ::popen((line + " 2>&1 </dev/null").c_str(), "re");
  if (pipe == nullptr) return done;
  char piece[4096];
  while (const auto n = std::fread(piece, 1, sizeof piece, pipe)) done.output.append(piece, n);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) done.status = WEXITSTATUS(status);
  return done;
}

}  // namespace stagedoor::test
