# Runs when a test program was built: writes a ctest entry for each of its test cases, named "program: sentence".
#   cmake -DNAME=unit_base -DPROGRAM=bin/unit_base -DLISTING=option;... -DARGUMENTS=option;... -DPROPERTIES=name;value;...
#         -DOUTPUT=entries.cmake -P discover_tests.cmake
# Catch2's own catch_discover_tests() stumbles over sentences with a ";", and over those that begin with a "-".
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${PROGRAM} ${LISTING} OUTPUT_VARIABLE sentences ERROR_VARIABLE complaint)
list(JOIN ARGUMENTS " " arguments)
list(JOIN PROPERTIES " " properties)
# Catch2 2 ends with 0 where it cannot read the name of a test, and so runs none.
set(never_ran "FAIL_REGULAR_EXPRESSION \"Invalid Filter|No tests ran|No test cases matched\"")
set(entries "")
# Not a list of lines: a ";" or a "[" would tear it.
while(sentences MATCHES "^([^\n]+)\n")
  set(sentence "${CMAKE_MATCH_1}")
  string(LENGTH "${CMAKE_MATCH_0}" length)
  string(SUBSTRING "${sentences}" ${length} -1 sentences)
  string(REGEX REPLACE "[\\\",]" "\\\\\\0" escaped "${sentence}")  # Catch2 3 takes a comma for an "or", even in quotes
  string(APPEND entries
    "add_test([==[${NAME}: ${sentence}]==] [==[${PROGRAM}]==] [==[\"${escaped}\"]==] ${arguments})\n"
    "set_tests_properties([==[${NAME}: ${sentence}]==] PROPERTIES ${properties} ${never_ran})\n")
endwhile()
if(entries STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} lists no test case.\n${complaint}")
endif()
file(WRITE ${OUTPUT} "${entries}")
