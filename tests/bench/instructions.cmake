# How many instructions of the library one call takes in steady state, printed, and held to the limit of its kind in
# instruction_budget.txt. A kind that has no limit there is only printed.
#
# The count is the same in each run and on each processor. callgrind counts instructions, not time. Only the measuring thread
# counts, and of it only the library's code outside the host clock: none of its functions is chosen by the processor. The C
# library has such functions (memcpy is one), so a path with a limit may call nothing outside the library.
#   cmake -DVALGRIND=valgrind -DPROGRAM=bin/instructions -DWHAT=read_36 -DWORK=folder -DKIND=as-in-that-file -P instructions.cmake
cmake_minimum_required(VERSION 3.25)

set(calls 1000)  # as in instructions.cpp
if(NOT VALGRIND)
  message(FATAL_ERROR "valgrind, which counts instructions, was not found: run toolchains/provision.sh tests, and configure again.")
endif()

set(dump ${WORK}/callgrind.${WHAT})
file(REMOVE ${dump} ${dump}-01)
execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=DEBUGINFOD_URLS
    ${VALGRIND} --command-line-only=yes --tool=callgrind --collect-atstart=no --toggle-collect=measured_*
    --separate-threads=yes --compress-strings=no --callgrind-out-file=${dump} ${PROGRAM} ${WHAT}
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
set(dump ${dump}-01)  # the main thread's
if(NOT result EQUAL 0 OR NOT EXISTS ${dump})
  message(FATAL_ERROR "${PROGRAM} ${WHAT} could not be measured (${result}):\n${output}")
endif()

# "ob=" and "fn=" name a function's file and the function; "cob=" and "cfn=" one that it calls. A line of numbers is a
# function's own cost, except the line after "calls=", which is the cost of the called function.
set(total 0)
set(outside "")
set(object "")
set(called_object "")
set(is_counted FALSE)
set(is_of_call FALSE)
file(STRINGS ${dump} lines REGEX "^(c?ob|c?fn|calls)=|^[-+*0-9]")
foreach(line IN LISTS lines)
  if(line MATCHES "^ob=(.*)")
    set(object "${CMAKE_MATCH_1}")
  elseif(line MATCHES "^fn=(.*)")
    set(function "${CMAKE_MATCH_1}")
    set(is_counted FALSE)
    if(object MATCHES "libportal_session" AND NOT function MATCHES "portal::capi::HostClock::")
      set(is_counted TRUE)
    endif()
  elseif(line MATCHES "^cob=(.*)")
    set(called_object "${CMAKE_MATCH_1}")
  elseif(line MATCHES "^cfn=(.*)")
    set(called "${CMAKE_MATCH_1}")
  elseif(line MATCHES "^calls=")
    if(is_counted AND NOT called_object STREQUAL "")
      list(APPEND outside "${called}")
    endif()
    set(called_object "")
    set(is_of_call TRUE)
  elseif(is_of_call)
    set(is_of_call FALSE)
  elseif(is_counted AND line MATCHES "^[-+*0-9]+ ([0-9]+)$")
    math(EXPR total "${total} + ${CMAKE_MATCH_1}")
  endif()
endforeach()
if(total LESS calls)
  message(FATAL_ERROR "callgrind saw ${total} instructions of the library in ${calls} calls: ${dump} was not understood.")
endif()

math(EXPR each "${total} / ${calls}")
math(EXPR rest "${total} % ${calls}")
set(figure "${each} instructions each")
if(NOT rest EQUAL 0)
  set(figure "${total} instructions in ${calls} calls")
endif()
list(REMOVE_DUPLICATES outside)
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/instruction_budget.txt budget REGEX "^${WHAT}-${KIND} ")
if(budget STREQUAL "")
  message(STATUS "${WHAT}: ${figure}; ${WHAT}-${KIND} has no limit")
  return()
endif()
if(NOT budget MATCHES "^[^ ]+ +([0-9]+) +[^ ]")
  message(FATAL_ERROR "instruction_budget.txt: \"${budget}\" is not: kind, instructions, reason.")
endif()
set(most ${CMAKE_MATCH_1})
math(EXPR most_in_all "${most} * ${calls}")
if(outside)
  list(JOIN outside ", " outside)
  message(FATAL_ERROR "${WHAT}: the library calls ${outside}, whose instructions are not counted: keep that off this path.")
endif()
if(total GREATER most_in_all)
  message(FATAL_ERROR "${WHAT}: ${figure}, more than the ${most} of ${WHAT}-${KIND}. Find what grew: callgrind_annotate ${dump}")
endif()
message(STATUS "${WHAT}: ${figure}, of at most ${most}")
