# The shared library exports exactly the names of its list: no more (OpenSSL, curl, the C++ runtime stay hidden), no fewer.
#   cmake -DLIBRARY=libportal_session.so -DNM=nm -DLIST=exports.txt [-DALSO=JNI_OnLoad] -P exports.cmake
cmake_minimum_required(VERSION 3.25)

file(STRINGS ${LIST} expected REGEX "^[A-Za-z_]")
list(APPEND expected ${ALSO})
# Mach-O has no dynamic table apart, and a "_" before each name of C.
if(LIBRARY MATCHES "\\.dylib$")
  execute_process(COMMAND ${NM} -gU ${LIBRARY} OUTPUT_VARIABLE table COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE " _([A-Za-z])" " \\1" table "${table}")
else()
  execute_process(COMMAND ${NM} -D --defined-only ${LIBRARY} OUTPUT_VARIABLE table COMMAND_ERROR_IS_FATAL ANY)
endif()

string(REGEX MATCHALL "[^\n]+" rows "${table}")
set(exported "")
foreach(row IN LISTS rows)
  string(REGEX MATCH "[^ ]+$" name "${row}")
  string(REGEX REPLACE "@.*$" "" name "${name}")
  list(APPEND exported ${name})
endforeach()

set(surplus ${exported})
list(REMOVE_ITEM surplus ${expected})
set(missing ${expected})
list(REMOVE_ITEM missing ${exported})
list(JOIN surplus "\n  " surplus_rows)
list(JOIN missing "\n  " missing_rows)
if(surplus OR missing)
  message(FATAL_ERROR "${LIBRARY} and ${LIST} differ.\nExported, not listed:\n  ${surplus_rows}\nListed, not exported:\n  ${missing_rows}")
endif()
list(LENGTH expected count)
message(STATUS "${count} names, exactly those of the list")
