# Run at each build: writes OUTPUT from build_info.cpp.in, and touches it only if it changed.
execute_process(
  COMMAND git -C ${SOURCE_DIR} rev-parse HEAD
  OUTPUT_VARIABLE commit
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
  RESULT_VARIABLE no_commit)
set(dirty false)
if(no_commit)
  set(commit "")
else()
  execute_process(
    COMMAND git -C ${SOURCE_DIR} status --porcelain
    OUTPUT_VARIABLE changes ERROR_QUIET)
  if(changes)
    set(dirty true)
  endif()
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
