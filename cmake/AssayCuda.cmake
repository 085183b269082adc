# CUDA kernels with no CUDA at link time: nvcc turns each `<family>_cuda.cu` below the current
# folder into a fatbin (for each architecture a cubin and its uncompressed PTX), which is embedded
# in the program as data (kernels/cuda/images.h). Without nvcc the kernels are left out.
#
# Options: ASSAY_NVCC, the compiler of the fatbins (device code is C++17, so that nvcc 11.8 serves
# old drivers; OFF or ASSAY_NVCC-NOTFOUND leaves the kernels out); ASSAY_CUDA_ARCHITECTURES, "80;90"
# by default, of 75 80 86 89 90 100 120.
set(ASSAY_CUDA_ARCHITECTURES "80;90" CACHE STRING "Architectures that CUDA kernels are built for")
# find_program would search again for what ends in -NOTFOUND. What it did not find itself it caches
# with a type, and that it should look for again; what the command line says has none.
get_property(asked CACHE ASSAY_NVCC PROPERTY TYPE)
if(asked STREQUAL "UNINITIALIZED" AND "${ASSAY_NVCC}" MATCHES "NOTFOUND$")
  set(ASSAY_NVCC OFF CACHE FILEPATH "nvcc that compiles the CUDA kernels" FORCE)
endif()
find_program(ASSAY_NVCC nvcc PATHS /usr/local/cuda/bin DOC "nvcc that compiles the CUDA kernels")

# What the host compiler of nvcc sees, too; nvcc's own front end is told where the warning is ours.
set(ASSAY_NVCC_FLAGS -std=c++17 -O3 -lineinfo --no-compress -Xptxas=-v -Xcompiler=-Wall,-Wextra
                     --Werror=all-warnings)

function(assay_cuda_images target)
  set(images ${CMAKE_CURRENT_BINARY_DIR}/images)
  file(MAKE_DIRECTORY ${images})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_cuda.cu)
  set(families "")
  set(compiler "")
  if(NOT ASSAY_NVCC)
    message(STATUS "CUDA kernels are left out: no nvcc found (set ASSAY_NVCC to build them)")
    set(sources "")
  else()
    execute_process(COMMAND ${ASSAY_NVCC} --version OUTPUT_VARIABLE version RESULT_VARIABLE failed)
    if(failed)
      message(FATAL_ERROR "ASSAY_NVCC does not run: ${ASSAY_NVCC}")
    endif()
    string(REGEX MATCH "V([0-9.]+)" _ "${version}")
    string(REPLACE ";" ", " list "${ASSAY_CUDA_ARCHITECTURES}")
    set(compiler "nvcc ${CMAKE_MATCH_1} for ${list}")
    message(STATUS "CUDA kernels: ${compiler}")
  endif()

  set(generate "")
  foreach(architecture IN LISTS ASSAY_CUDA_ARCHITECTURES)
    list(APPEND generate
         -gencode=arch=compute_${architecture},code=[sm_${architecture},compute_${architecture}])
  endforeach()
  foreach(source IN LISTS sources)
    get_filename_component(family ${source} NAME)
    string(REGEX REPLACE "_cuda\\.cu$" "" family ${family})
    list(APPEND families ${family})
    # ptxas' report lands beside the fatbin: scripts and tests read registers and spills from it.
    add_custom_command(
      OUTPUT ${images}/${family}.fatbin
      COMMAND
        ${CMAKE_COMMAND} -DNVCC=${ASSAY_NVCC} "-DFLAGS=${ASSAY_NVCC_FLAGS}" "-DGENERATE=${generate}"
        -DINCLUDE=${CMAKE_SOURCE_DIR} -DSOURCE=${source} -DOUTPUT=${images}/${family} -P
        ${CMAKE_SOURCE_DIR}/cmake/nvcc.cmake
      DEPENDS ${source} ${CMAKE_SOURCE_DIR}/cmake/nvcc.cmake
      DEPFILE ${images}/${family}.d
      COMMENT "nvcc ${family}"
      VERBATIM)
  endforeach()

  string(REPLACE ";" "|" list "${families}")
  set(generated ${images}/images.cpp)
  set(fatbins ${families})
  list(TRANSFORM fatbins PREPEND ${images}/)
  list(TRANSFORM fatbins APPEND .fatbin)
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${generated} -DFOLDER=${images} "-DFAMILIES=${list}"
            "-DCOMPILER=${compiler}" -P ${CMAKE_SOURCE_DIR}/cmake/cuda_images.cmake
    DEPENDS ${fatbins} ${CMAKE_SOURCE_DIR}/cmake/cuda_images.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${generated})
  # The generated file takes the fatbins in by name; the compiler sees no change in it.
  set_source_files_properties(${generated} PROPERTIES OBJECT_DEPENDS "${fatbins}")
endfunction()
