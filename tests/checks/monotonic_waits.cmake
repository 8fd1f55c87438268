# No wait of the library names its clock at the wait: systems without pthread_cond_clockwait wait on the wall clock there, and
# the C++ library calls it for std::condition_variable with a limit. base/monotonic_condition.hpp names its clock beforehand.
#   cmake -DLIBRARY=libportal_session.so -DNM=nm -P monotonic_waits.cmake
# A program that waits with `poll` alone has no such wait: -DMAY_HAVE_NONE=ON.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${NM} -D --undefined-only ${LIBRARY} OUTPUT_VARIABLE table COMMAND_ERROR_IS_FATAL ANY)
if(table MATCHES "pthread_cond_clockwait")
  message(FATAL_ERROR "${LIBRARY} calls pthread_cond_clockwait: use MonotonicCondition for each wait with a limit.")
endif()
if(NOT MAY_HAVE_NONE AND NOT table MATCHES "pthread_cond_timedwait")
  message(FATAL_ERROR "${LIBRARY} calls no wait with a limit: what is checked here?")
endif()
if(table MATCHES "pthread_cond_timedwait" AND NOT table MATCHES "pthread_condattr_setclock")
  message(FATAL_ERROR "${LIBRARY} makes no condition variable with a clock: use MonotonicCondition for each wait with a limit.")
endif()
message(STATUS "each wait with a limit has a condition variable that was made with its clock")
