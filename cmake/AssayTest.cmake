# assay_test(NAME <name> LABEL <label> [TIMEOUT <seconds>] SOURCES <file>... LIBRARIES <target>...
#            [PRECOMPILE <header>...])
#
# One GoogleTest program and one ctest entry. Labels: unit (milliseconds, no device), reference
# (kernels against their double-precision definitions), end_to_end, style. `ctest -L unit` is fast enough to run at each save.
function(assay_test)
  cmake_parse_arguments(ARG "" "NAME;LABEL;TIMEOUT" "SOURCES;LIBRARIES;PRECOMPILE" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  # What is tested is optimised in its own libraries; tests are compiled once and run for a moment.
  # (With -O1 gcc 12 sees overruns inside std::string that aren't there.)
  target_compile_options(${ARG_NAME} PRIVATE $<$<CONFIG:Release>:-O1> -Wno-error=array-bounds)
  target_link_libraries(${ARG_NAME} PRIVATE assay_options ${ARG_LIBRARIES} GTest::gtest GTest::gmock
                                            GTest::gtest_main)
  if(ARG_PRECOMPILE)
    target_precompile_headers(${ARG_NAME} PRIVATE ${ARG_PRECOMPILE})
  endif()
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()
