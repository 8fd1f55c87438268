# Proves that abi.cmake can fail: each change here to a small header breaks programs that were built against it, or adds
# what the list does not have yet, and is found by its line; what may be added passes.
#   cmake -DCOMPILER=cc -DWORK=a/folder -P abi_selftest.cmake
cmake_minimum_required(VERSION 3.25)

set(sound [[
#define PORTAL_ABI 1 /* grows with each addition */
#define PORTAL_TOKEN_MAX 4096
#define PORTAL_ENUM(name) \
    typedef int name; \
    enum
#ifdef __cplusplus
extern "C" {
#endif
/* A comment; with [brackets] and a "#define PORTAL_NOTHING 3". */
typedef struct portal_session portal_session;
PORTAL_ENUM(portal_code) {
    PORTAL_OK = 0, /* done */
    PORTAL_ERR_CLOSED = -2
};
typedef void (*portal_release_fn)(void *userdata);
typedef struct portal_text {
    const char *data;
    unsigned long long length;
} portal_text;
typedef struct portal_provider {
    void (*ask)(void *userdata, const portal_text *request);
    portal_release_fn release;
} portal_provider;
typedef struct portal_options {
    uint32_t struct_size;
    uint32_t flags;
    int64_t idle_ms;
    portal_provider provider;
    char message[256];
    int32_t first;
    int32_t last;
} portal_options;
PORTAL_API portal_code portal_open(const portal_options *options, portal_session **out) PORTAL_NOEXCEPT;
PORTAL_API void portal_release(portal_session *session) PORTAL_NOEXCEPT;
#ifdef __cplusplus
}
#endif
]])
string(PREPEND sound "#include <stddef.h>\n#include <stdint.h>\n#define PORTAL_API\n#define PORTAL_NOEXCEPT\n")

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
    message(FATAL_ERROR "The sound header has no \"${before}\"")
  endif()
  file(WRITE ${header} "${changed}")
endfunction()

# The change is found twice: against the list, and, where the list was written anew, against the last release.
function(must_find before after line)
  change_header("${before}" "${after}")
  foreach(arguments "" "-DUPDATE=ON;-DRELEASED=${WORK}/released.txt")
    file(COPY_FILE ${WORK}/released.txt ${WORK}/list.txt)
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
  run_check(result output -DUPDATE=ON -DRELEASED=${WORK}/released.txt)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "\"${after}\" for \"${before}\" may be added, but:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(WRITE ${header} "${sound}")
run_check(result output -DUPDATE=ON)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "The sound header did not pass:\n${output}")
endif()
file(COPY_FILE ${WORK}/list.txt ${WORK}/released.txt)

must_find("int64_t idle_ms;" "int32_t idle_ms;" "field portal_options.idle_ms at 8: int64_t")
must_find("uint32_t flags;" "int32_t flags;" "field portal_options.flags at 4: uint32_t")
must_find("    uint32_t flags;\n" "" "field portal_options.flags at 4: uint32_t")
must_find("int64_t idle_ms;" "int64_t wait_ms;" "field portal_options.idle_ms at 8: int64_t")
must_find("int64_t idle_ms;" "int64_t idle_ms; int64_t new_ms;" "field portal_options.provider at 16: portal_provider")
must_find("int32_t last;" "" "field portal_options.last at 292: int32_t")
must_find("int32_t first;\n    int32_t last;" "int32_t last;\n    int32_t first;" "field portal_options.first at 288: int32_t")
must_find("char message[256]" "char message[255]" "field portal_options.message at 32: char[256]")
must_find("portal_release_fn release;" "portal_release_fn release; void *more;" "struct portal_provider 16 bytes")
must_find("void (*ask)(void *userdata, const" "void (*ask)(void *userdata, int32_t more, const"
  "field portal_provider.ask at 0: void(*)(void*, const portal_text*)")
must_find("(*portal_release_fn)(void *userdata)" "(*portal_release_fn)(void *userdata, int32_t code)"
  "callback portal_release_fn: void(*)(void*)")
must_find("PORTAL_ERR_CLOSED = -2" "PORTAL_ERR_CLOSED = -3" "enum portal_code PORTAL_ERR_CLOSED = -2")
must_find(", /* done */\n    PORTAL_ERR_CLOSED = -2" "" "enum portal_code PORTAL_ERR_CLOSED = -2")
must_find("PORTAL_TOKEN_MAX 4096" "PORTAL_TOKEN_MAX 2048" "constant PORTAL_TOKEN_MAX = 4096")
must_find("PORTAL_ABI 1" "PORTAL_ABI 0" "constant PORTAL_ABI = 1")
must_find("PORTAL_API void portal_release(portal_session *session) PORTAL_NOEXCEPT;\n" ""
  "function portal_release: void(portal_session*)")
must_find("portal_release(portal_session *session)" "portal_release(portal_session *session, int32_t wait_ms)"
  "function portal_release: void(portal_session*)")
must_find("portal_code portal_open" "void portal_open"
  "function portal_open: portal_code(const portal_options*, portal_session**)")
# An addition that PORTAL_ABI does not count.
must_find("PORTAL_ERR_CLOSED = -2" "PORTAL_ERR_CLOSED = -2, PORTAL_ERR_NEW = -3" "enum portal_code PORTAL_ERR_NEW = -3")
must_find("int32_t last;" "int32_t last; int64_t more;" "field portal_options.more at 296: int64_t")

must_pass("" "")
must_pass("PORTAL_ERR_CLOSED = -2" "PORTAL_ERR_CLOSED = -2, PORTAL_ERR_NEW = -3")
must_pass("int32_t last;" "int32_t last; int64_t more;")
must_pass("PORTAL_API void" "PORTAL_API void portal_new(void) PORTAL_NOEXCEPT;\nPORTAL_API void")
must_pass("portal_session *session)" "portal_session *renamed)")

change_header("portal_session;\n" "portal_session;\nunion portal_word { int32_t a; float b; };\n")
run_check(result output -DUPDATE=ON)
if(result EQUAL 0 OR NOT output MATCHES "cannot read: union portal_word")
  message(FATAL_ERROR "A declaration that the check does not know passes:\n${output}")
endif()
message(STATUS "Each of the changes is found, and each addition passes")
