# Runs a program so many times: cmake -DPROGRAM=... -DTIMES=... -P repeat.cmake. It must end with 0 each time.
foreach(run RANGE 1 ${TIMES})
  execute_process(COMMAND ${PROGRAM} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "run ${run} of ${TIMES} ended with ${result}")
  endif()
endforeach()
