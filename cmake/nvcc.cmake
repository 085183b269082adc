# Compiles SOURCE to OUTPUT.fatbin with NVCC, keeps ptxas' report as OUTPUT.ptxas and the
# dependencies as OUTPUT.d.
execute_process(
  COMMAND ${NVCC} -fatbin ${FLAGS} ${GENERATE} -I${INCLUDE} -MD -MF ${OUTPUT}.d -MT ${OUTPUT}.fatbin
          -o ${OUTPUT}.fatbin ${SOURCE}
  OUTPUT_VARIABLE report
  ERROR_VARIABLE report
  RESULT_VARIABLE failed)
file(WRITE ${OUTPUT}.ptxas "${report}")
if(failed)
  message(FATAL_ERROR "nvcc failed on ${SOURCE}\n${report}")
endif()
string(REGEX MATCHALL "[^\n]*(warning|Warning)[^\n]*" warnings "${report}")
if(warnings)
  message(FATAL_ERROR "nvcc warns of ${SOURCE}\n${report}")
endif()
