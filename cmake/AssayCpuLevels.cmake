# assay_cpu_levels(<target>)
#
# Compiles every `*_cpu.cpp` below the current folder once per instruction-set level and adds the
# objects to <target>. Each build defines ASSAY_CPU_LEVEL (the enumerator of assay::CpuLevel) and
# ASSAY_CPU_LEVEL_NAMESPACE. The levels are a list here and an enum in kernels/cpu/cpu_level.h.
#
# No -march=native and no -ffast-math: what a certificate was measured with can be built anywhere,
# and a NaN stays a NaN. Contraction to FMA is allowed where the level has it.
set(ASSAY_CPU_LEVELS v2 v3 avx512 avx512_bf16)
set(ASSAY_CPU_FLAGS_v2 -march=x86-64-v2)
set(ASSAY_CPU_FLAGS_v3 -march=x86-64-v3)
set(ASSAY_CPU_FLAGS_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
set(ASSAY_CPU_FLAGS_avx512_bf16 -march=x86-64-v4 -mavx512vnni -mavx512bf16
                                -mprefer-vector-width=512)

function(assay_cpu_levels target)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_cpu.cpp)
  if(NOT sources)
    return()
  endif()
  foreach(level IN LISTS ASSAY_CPU_LEVELS)
    set(objects ${target}_${level})
    # The last -march counts, and a target's own options come before those of what it links: so the
    # level's flags are linked, after the baseline's.
    add_library(${objects}_flags INTERFACE)
    target_compile_options(${objects}_flags INTERFACE ${ASSAY_CPU_FLAGS_${level}} -ffp-contract=fast
                                                      $<$<NOT:$<CONFIG:Debug>>:-O3>)
    add_library(${objects} OBJECT ${sources})
    target_link_libraries(${objects} PRIVATE assay_options OpenMP::OpenMP_CXX ${objects}_flags)
    target_include_directories(${objects}
                               PRIVATE $<TARGET_PROPERTY:${target},INTERFACE_INCLUDE_DIRECTORIES>
                                       $<TARGET_PROPERTY:assay_base,INTERFACE_INCLUDE_DIRECTORIES>)
    target_compile_definitions(${objects} PRIVATE ASSAY_CPU_LEVEL=${level}
                                                  ASSAY_CPU_LEVEL_NAMESPACE=level_${level})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
endfunction()
