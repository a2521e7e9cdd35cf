# One interface target with the warnings and sanitizers that every target of ours is built with.
add_library(stagedoor_flags INTERFACE)
target_include_directories(stagedoor_flags INTERFACE ${PROJECT_SOURCE_DIR})
# Some libraries ask for -pthread: everything has it, so that precompiled headers fit everywhere.
target_compile_options(stagedoor_flags INTERFACE
  -pthread -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives of these in std::string and std::variant, at -O2 and in
  # sanitizer builds.
  target_compile_options(stagedoor_flags INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(STAGEDOOR_SANITIZE)
  target_compile_options(stagedoor_flags INTERFACE
    -fsanitize=${STAGEDOOR_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(stagedoor_flags INTERFACE -fsanitize=${STAGEDOOR_SANITIZE})
endif()
if(STAGEDOOR_FUZZ)
  # Coverage feedback from the libraries too, not only from the fuzz target's own file.
  target_compile_options(stagedoor_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
