# Headers that are parsed once for all tests. gcc takes a precompiled header only with the flags that
# it was made with, so that each test has the same ones, -fopenmp and -fPIE among them.
function(assay_test_options target)
  # What is tested is optimised in its own libraries; tests are compiled once and run for a moment.
  # (With -O1 gcc 12 sees overruns inside std::string that aren't there.)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1> -Wno-error=array-bounds)
  target_link_libraries(${target} PRIVATE assay_options OpenMP::OpenMP_CXX GTest::gtest GTest::gmock)
endfunction()

add_library(assay_test_headers OBJECT ${CMAKE_SOURCE_DIR}/tests/support/test_headers.cpp)
assay_test_options(assay_test_headers)
target_link_libraries(assay_test_headers PRIVATE nlohmann_json::nlohmann_json)
set_target_properties(assay_test_headers PROPERTIES POSITION_INDEPENDENT_CODE OFF UNITY_BUILD OFF)
target_compile_options(assay_test_headers PRIVATE -fPIE)
target_precompile_headers(assay_test_headers PRIVATE <gtest/gtest.h> <gmock/gmock.h>
                          <nlohmann/json.hpp>)

# assay_test(NAME <name> LABEL <label> [TIMEOUT <seconds>] SOURCES <file>... LIBRARIES <target>...)
#
# One GoogleTest program and one ctest entry. Labels: unit (milliseconds, no device), reference
# (kernels against their double-precision definitions), ptx (CUDA kernels on the functional device),
# ledger, end_to_end, style. `ctest -L unit` is fast enough to run at each save.
function(assay_test)
  cmake_parse_arguments(ARG "" "NAME;LABEL;TIMEOUT" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  if(ASSAY_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 10")
  elseif(CMAKE_BUILD_TYPE STREQUAL "Debug")
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 4")
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  assay_test_options(${ARG_NAME})
  target_link_libraries(${ARG_NAME} PRIVATE ${ARG_LIBRARIES} GTest::gtest_main)
  target_precompile_headers(${ARG_NAME} REUSE_FROM assay_test_headers)
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()
