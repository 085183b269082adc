# assay_module(NAME <folder> [DEPENDS <folder>...] [LIBRARIES <target>...] [PRECOMPILE <header>...])
#
# Makes the static library assay_<folder> of all *.cpp below the current folder, except those that
# assay_cpu_levels() builds (`*_cpu.cpp`). Its headers are reached as "<folder>/..." through an
# include root of its own, which only targets that depend on it get: an include that goes up does
# not compile. PRECOMPILE names heavy library headers: they are parsed once a folder (half of the
# build's time otherwise).
add_library(assay_options INTERFACE)
target_compile_options(
  assay_options
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wold-style-cast -Wnon-virtual-dtor
            -Woverloaded-virtual -Wimplicit-fallthrough -march=x86-64-v2 -fno-math-errno
            -fno-trapping-math)
if(ASSAY_WERROR)
  target_compile_options(assay_options INTERFACE -Werror)
endif()
if(ASSAY_SANITIZE)
  target_compile_options(assay_options INTERFACE -fsanitize=${ASSAY_SANITIZE} -fno-omit-frame-pointer
                                                 -fno-sanitize-recover=all)
  target_link_options(assay_options INTERFACE -fsanitize=${ASSAY_SANITIZE})
endif()
# gcc 12 reports these inside the standard library and nlohmann/json with sanitizers or -O3.
target_compile_options(assay_options INTERFACE -Wno-error=maybe-uninitialized -Wno-error=stringop-overflow
                                               -Wno-error=restrict)

# assay_unity_by_folder(<target> <source>...)
#
# Where the build is a unity build (preset release), only files of one folder are compiled together,
# at most ten: a folder's files know each other's names. Elsewhere this says nothing.
function(assay_unity_by_folder target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
  set(most 10)
  foreach(source IN LISTS ARGN)
    cmake_path(GET source PARENT_PATH folder)
    string(MAKE_C_IDENTIFIER "${folder}" id)
    if(NOT DEFINED count_${id})
      set(count_${id} 0)
    endif()
    cmake_path(GET folder STEM name)
    math(EXPR part "${count_${id}} / ${most}")
    set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${name}_${part})
    math(EXPR count_${id} "${count_${id}} + 1")
  endforeach()
endfunction()

function(assay_module)
  cmake_parse_arguments(ARG "" "NAME" "DEPENDS;LIBRARIES;PRECOMPILE" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/include-roots/${ARG_NAME})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${ARG_NAME} ${root}/${ARG_NAME} SYMBOLIC)

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "_cpu\\.cpp$")
  if(NOT sources)
    set(kind INTERFACE)
    add_library(assay_${ARG_NAME} INTERFACE)
  else()
    set(kind PUBLIC)
    add_library(assay_${ARG_NAME} STATIC ${sources})
    target_link_libraries(assay_${ARG_NAME} PRIVATE assay_options)
    assay_unity_by_folder(assay_${ARG_NAME} ${sources})
    if(ARG_PRECOMPILE)
      target_precompile_headers(assay_${ARG_NAME} PRIVATE ${ARG_PRECOMPILE})
    endif()
  endif()
  target_include_directories(assay_${ARG_NAME} ${kind} ${root})
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(assay_${ARG_NAME} ${kind} assay_${dependency})
  endforeach()
  target_link_libraries(assay_${ARG_NAME} ${kind} ${ARG_LIBRARIES})
endfunction()
