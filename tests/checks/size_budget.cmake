# What an app carries: the stripped size of the shared library, printed, and held by the budget of its kind in
# size_budget.txt. A kind that has no budget there is only printed.
#   cmake -DLIBRARY=libportal_session.so -DSTRIP=strip -DWORK=folder -DKIND=as-in-that-file -P size_budget.cmake
cmake_minimum_required(VERSION 3.25)

set(stripped ${WORK}/stripped)
set(options "")
if(LIBRARY MATCHES "\\.dylib$")
  set(options -x)  # Apple's refuses to take what is exported
endif()
execute_process(COMMAND ${STRIP} ${options} -o ${stripped} ${LIBRARY} COMMAND_ERROR_IS_FATAL ANY)
file(SIZE ${stripped} size)
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/size_budget.txt budget REGEX "^${KIND} ")
if(budget STREQUAL "")
  message(STATUS "${size} bytes stripped; ${KIND} has no budget")
  return()
endif()
if(NOT budget MATCHES "^${KIND} +([0-9]+)")
  message(FATAL_ERROR "size_budget.txt: \"${budget}\" is not: kind, bytes, reason.")
endif()
set(most ${CMAKE_MATCH_1})
if(size GREATER most)
  message(FATAL_ERROR "${size} bytes stripped are more than the ${most} of ${KIND}: find what grew (nm -C --size-sort), or say "
    "in size_budget.txt why it must.")
endif()
message(STATUS "${size} bytes stripped, of at most ${most}")
