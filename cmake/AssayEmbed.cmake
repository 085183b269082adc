# assay_embed(<target> <function> <file>...)
#
# Embeds text files in <target>: generates `std::string_view assay::<function>(std::string_view
# name)`, which returns the file's text by its file name, or an empty view. Data travels inside
# the program, so that one file is all a user has to copy.
function(assay_embed target function)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  set(script ${CMAKE_SOURCE_DIR}/cmake/embed.cmake)
  string(REPLACE ";" "|" files "${ARGN}")
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${generated} -DFUNCTION=${function} "-DFILES=${files}" -P
            ${script}
    DEPENDS ${ARGN} ${script}
    VERBATIM)
  target_sources(${target} PRIVATE ${generated})
endfunction()
