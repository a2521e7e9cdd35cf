# stagedoor_library(NAME DEPENDS a b SOURCES x.cpp y.cpp): a static library of one folder.
function(stagedoor_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;SOURCES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC stagedoor_flags ${ARG_DEPENDS})
endfunction()

# Seconds that a test may take; a build with sanitizers is slower by far.
set(STAGEDOOR_TEST_SECONDS 120)
if(STAGEDOOR_SANITIZE)
  set(STAGEDOOR_TEST_SECONDS 600)
endif()

# stagedoor_test(NAME DEPENDS a b SOURCES x_test.cpp): a GoogleTest program, each TEST one ctest.
# Tests that need a real process or port belong to tests/e2e instead.
function(stagedoor_test name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;SOURCES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE
    stagedoor_flags ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  if(TARGET gtest_pch)
    target_precompile_headers(${name} REUSE_FROM gtest_pch)
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${STAGEDOOR_TEST_SECONDS})
endfunction()

# Everything that `dev fuzz` runs.
add_custom_target(fuzzers)

# stagedoor_fuzz(NAME DEPENDS a SOURCES x_fuzz.cpp CORPUS dir): with STAGEDOOR_FUZZ a libFuzzer
# program; always a test that replays the corpus, so that no found input comes back.
# NAME is <noun>_fuzz and the corpus is corpus/<noun>: `dev fuzz` goes by these names.
function(stagedoor_fuzz name)
  cmake_parse_arguments(ARG "" "CORPUS" "DEPENDS;SOURCES" ${ARGN})
  get_filename_component(corpus ${ARG_CORPUS} ABSOLUTE)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE stagedoor_flags ${ARG_DEPENDS})
  if(STAGEDOOR_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz.${name} COMMAND ${name} -runs=0 ${corpus})
  else()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME fuzz.${name} COMMAND ${name} ${corpus})
  endif()
  set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT ${STAGEDOOR_TEST_SECONDS})
  add_dependencies(fuzzers ${name})
endfunction()
