# Proves that abi.cmake can fail. Each change here to the header of a release breaks programs that were built against it, or
# adds what the list does not have yet, and the check names its line; what may be added passes.
#   cmake -DHEADER=portal_session.h -DRELEASED=abi-1.txt -DCOMPILER=cc -DWORK=a/folder -P abi_selftest.cmake
cmake_minimum_required(VERSION 3.25)

file(READ ${HEADER} sound)
set(header ${WORK}/header.h)
function(run_check result output)
  execute_process(COMMAND ${CMAKE_COMMAND} -DHEADER=${header} -DLIST=${WORK}/list.txt -DCOMPILER=${COMPILER} -DWORK=${WORK}/run
                          ${ARGN} -P ${CMAKE_CURRENT_LIST_DIR}/abi.cmake
    RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  set(${result} ${code} PARENT_SCOPE)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")  # CMake breaks the lines of what it complains about
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

# Sets header.h to the sound one with `before` replaced.
function(change_header before after)
  string(REPLACE "${before}" "${after}" changed "${sound}")
  if(changed STREQUAL sound AND NOT before STREQUAL after)
    message(FATAL_ERROR "${HEADER} has no \"${before}\"")
  endif()
  file(WRITE ${header} "${changed}")
endfunction()

# The check finds the change twice: against the list, and, where the list was written anew, against that of the release.
function(must_find before after line)
  change_header("${before}" "${after}")
  foreach(arguments "" "-DUPDATE=ON;-DRELEASED=${RELEASED}")
    file(COPY_FILE ${RELEASED} ${WORK}/list.txt)
    run_check(result output ${arguments})
    string(FIND "${output}" " ${line}" named)
    if(result EQUAL 0 OR named EQUAL -1)
      message(FATAL_ERROR "\"${after}\" for \"${before}\" is not found by \"${line}\" ${arguments}:\n${output}")
    endif()
  endforeach()
endfunction()

function(must_pass before after)
  change_header("${before}" "${after}")
  file(READ ${header} changed)
  string(REPLACE "PORTAL_ABI 1" "PORTAL_ABI 2" changed "${changed}")
  file(WRITE ${header} "${changed}")
  run_check(result output -DUPDATE=ON "-DRELEASED=${RELEASED}")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "\"${after}\" for \"${before}\" may be added, but:\n${output}")
  endif()
endfunction()

function(must_refuse before after complaint)
  change_header("${before}" "${after}")
  run_check(result output -DUPDATE=ON)
  if(result EQUAL 0 OR NOT output MATCHES "${complaint}")
    message(FATAL_ERROR "\"${after}\" for \"${before}\" is not refused by \"${complaint}\":\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

# ---- fields ----
must_find("int64_t  left_ms;" "int32_t  left_ms; int32_t more;" "field portal_lease.left_ms at 56: int64_t")
must_find("uint64_t generation;   /*" "int64_t generation;   /*" "field portal_lease.generation at 16: uint64_t")
must_find("    int32_t     os_code;        /* errno, OSStatus, CURLcode or the host's own number; 0: none */\n" ""
  "field portal_error.os_code at 12: int32_t")
must_find("uint32_t    reserved2;" "uint32_t    more;" "field portal_failure.reserved2 at 44: uint32_t")
must_find("int64_t  sent_boot_ms;" "int64_t  more_ms; int64_t  sent_boot_ms;" "field portal_lease.sent_boot_ms at 32: int64_t")
must_find("int32_t     http_status;    /* 0: none */\n    int32_t     os_code;" "int32_t os_code;\n    int32_t http_status;"
  "field portal_error.http_status at 8: int32_t")
must_find("message[256]" "message[248]" "field portal_error.message at 32: char[256]")
must_find("portal_text value;" "portal_text value; void *more;" "struct portal_header 40 bytes")
must_find("void *PORTAL_NULLABLE userdata, uint64_t request_id)"
  "void *PORTAL_NULLABLE userdata, uint64_t request_id, int32_t code)"
  "field portal_provider.withdrawn at 8: void(*)(void*, uint64_t)")
# ---- callbacks, enums, constants ----
must_find("(*portal_release_fn)(void *PORTAL_NULLABLE userdata)"
  "(*portal_release_fn)(void *PORTAL_NULLABLE userdata, int32_t code)"
  "callback portal_release_fn: void(*)(void*)")
must_find("PORTAL_ERR_CLOSED             =  -2" "PORTAL_ERR_CLOSED             = -26" "enum portal_code PORTAL_ERR_CLOSED = -2")
must_find("    PORTAL_STATE_NONE       = 1, /* no token yet */\n" "" "enum portal_state PORTAL_STATE_NONE = 1")
must_find("PORTAL_TOKEN_MAX 4096" "PORTAL_TOKEN_MAX 8192" "constant PORTAL_TOKEN_MAX = 4096")
must_find("#define PORTAL_REQUEST_REPLAY   1u" "#define PORTAL_REQUEST_REPLAY   4u" "constant PORTAL_REQUEST_REPLAY = 1")
must_find("#define PORTAL_FEATURE_JSON       4u" "/* PORTAL_FEATURE_JSON */" "constant PORTAL_FEATURE_JSON = 4")
must_find("PORTAL_ABI 1" "PORTAL_ABI 0" "constant PORTAL_ABI = 1")
# ---- functions ----
must_find("PORTAL_API uint32_t portal_features(void) PORTAL_NOEXCEPT;\n" "" "function portal_features: uint32_t(void)")
must_find("portal_session_release(portal_session *PORTAL_NULLABLE session)"
  "portal_session_release(portal_session *PORTAL_NULLABLE session, int32_t wait_ms)"
  "function portal_session_release: void(portal_session*)")
must_find("portal_code portal_session_prepare" "void portal_session_prepare"
  "function portal_session_prepare: portal_code(portal_session*, portal_error*)")
# ---- additions that PORTAL_ABI does not count ----
must_find("PORTAL_ERR_CLOSED             =  -2," "PORTAL_ERR_CLOSED             =  -2, PORTAL_ERR_NEW = -26,"
  "enum portal_code PORTAL_ERR_NEW = -26")
must_find("int64_t  left_ms;" "int64_t  left_ms; int64_t more_ms;" "field portal_lease.more_ms at 64: int64_t")

# ---- what may be added ----
must_pass("" "")
must_pass("PORTAL_ERR_CLOSED             =  -2," "PORTAL_ERR_CLOSED             =  -2, PORTAL_ERR_NEW = -26,")
must_pass("int64_t  left_ms;" "int64_t  left_ms; int64_t more_ms;")
must_pass("PORTAL_API uint32_t portal_abi" "PORTAL_API void portal_new(void) PORTAL_NOEXCEPT;\nPORTAL_API uint32_t portal_abi")
must_pass("#define PORTAL_FEATURE_JSON " "#define PORTAL_FEATURE_NEW        8u\n#define PORTAL_FEATURE_JSON ")
must_pass("portal_session_release(portal_session *PORTAL_NULLABLE session)"
  "portal_session_release(portal_session *PORTAL_NULLABLE renamed)")

# ---- what no version may have ----
must_refuse("int64_t  left_ms;" "int64_t  left_ms; int32_t more;" "portal_lease has a gap at its end")
must_refuse("typedef struct portal_session portal_session;\n"
  "typedef struct portal_session portal_session;\nunion portal_word { int32_t a; float b; };\n" "cannot read: union portal_word")
message(STATUS "Each of the changes is found, and each addition passes")
