# Code that takes Portal's API key never reaches a device. Its texts are searched for in the library, and, where it is
# built, in the program that must have them: so the search itself can fail.
#   cmake -DLIBRARY=libportal_session.so [-DCONTROL=portal-backend] -P no_backend.cmake
cmake_minimum_required(VERSION 3.25)
set(backend_texts "PORTAL_API_KEY|/custodians/")

if(CONTROL)
  file(STRINGS ${CONTROL} expected REGEX "${backend_texts}")
  if(NOT expected)
    message(FATAL_ERROR "${CONTROL} has none of ${backend_texts}: this check no longer knows the backend when it sees it.")
  endif()
endif()
file(STRINGS ${LIBRARY} found REGEX "${backend_texts}")
if(found)
  list(JOIN found "\n  " found)
  message(FATAL_ERROR "${LIBRARY} has texts of the backend:\n  ${found}")
endif()
