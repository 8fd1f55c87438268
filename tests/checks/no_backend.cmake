# Code that takes Portal's API key never reaches a device, nor does the planner. Their texts are searched for in the library,
# and, where they are built, in the programs that must have them: so the search itself can fail.
#   cmake -DLIBRARY=libportal_session.so [-DBACKEND=portal-backend] [-DPLANNER=portal-planner] -P no_backend.cmake
cmake_minimum_required(VERSION 3.25)
set(texts_of_BACKEND "PORTAL_API_KEY|/custodians/")
set(texts_of_PLANNER "is not USER,SECONDS")

foreach(part BACKEND PLANNER)
  if(${part})
    file(STRINGS ${${part}} expected REGEX "${texts_of_${part}}")
    if(NOT expected)
      message(FATAL_ERROR "${${part}} has none of ${texts_of_${part}}: this check no longer knows it when it sees it.")
    endif()
  endif()
  file(STRINGS ${LIBRARY} found REGEX "${texts_of_${part}}")
  if(found)
    list(JOIN found "\n  " found)
    message(FATAL_ERROR "${LIBRARY} has texts of what stays off a device:\n  ${found}")
  endif()
endforeach()
