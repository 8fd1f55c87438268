# Proves that layering.cmake can fail: a small sound tree passes, and each of these one-line changes to it does not.
#   cmake -DWORK=an/empty/folder -P layering_selftest.cmake
cmake_minimum_required(VERSION 3.25)

function(make_sound_tree)
  file(REMOVE_RECURSE ${WORK})
  foreach(folder base clock lifetime session engine store http portal_api client backend planner program)
    file(WRITE ${WORK}/core/${folder}/part.hpp "#pragma once\n#include <string>\n#include <tl/expected.hpp>\n")
    file(WRITE ${WORK}/core/${folder}/part.cpp "#include \"${folder}/part.hpp\"\n#include <unistd.h>\n#include \"base/part.hpp\"\n")
  endforeach()
  file(WRITE ${WORK}/core/session/record.hpp "#include \"clock/part.hpp\"\n")
  file(APPEND ${WORK}/core/store/part.cpp "#include <openssl/evp.h>\n#include \"session/record.hpp\"\n")
  file(APPEND ${WORK}/core/http/part.cpp "#include <curl/curl.h>\n#include <openssl/ssl.h>\n")
  file(APPEND ${WORK}/core/portal_api/part.cpp "#include <simdjson.h>\n")
  file(APPEND ${WORK}/core/client/part.cpp "#include \"engine/part.hpp\"\n#include \"http/part.hpp\"\n#include \"portal_api/part.hpp\"\n")
  file(WRITE ${WORK}/core/backend/main.cpp "#include <CLI/CLI.hpp>\n#include <iostream>\n#include \"backend/part.hpp\"\n")
  file(WRITE ${WORK}/capi/include/portal_session/portal_session.h "#include <stdint.h>\n")
  file(WRITE ${WORK}/capi/src/guard.hpp "#include <portal_session/portal_session.h>\n")
  file(WRITE ${WORK}/capi/src/session.cpp "#include \"guard.hpp\"\n#include \"client/part.hpp\"\n")
  file(WRITE ${WORK}/bindings/cli/options.hpp "#include <CLI/CLI.hpp>\n")
  file(WRITE ${WORK}/bindings/cli/main.cpp "#include \"options.hpp\"\n#include \"cli/options.hpp\"\n#include \"program/part.hpp\"\n#include <portal_session/portal_session.h>\n")
  file(WRITE ${WORK}/bindings/kotlin/jni/bridge.cpp "#include <jni.h>\n#include <portal_session/portal_session.h>\n")
endfunction()

function(run_check result output)
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} -P ${CMAKE_CURRENT_LIST_DIR}/layering.cmake
    RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  set(${result} ${code} PARENT_SCOPE)
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

make_sound_tree()
run_check(result output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "The sound tree did not pass:\n${output}")
endif()

# file | include line that must not be there
set(violations
  "core/base/part.cpp|\"clock/part.hpp\""          "core/clock/part.cpp|\"lifetime/part.hpp\""
  "core/lifetime/part.cpp|\"session/part.hpp\""    "core/session/part.cpp|\"engine/part.hpp\""
  "core/engine/part.cpp|\"store/part.hpp\""        "core/engine/part.cpp|\"client/part.hpp\""
  "core/store/part.cpp|\"session/part.hpp\""       "core/store/part.cpp|\"http/part.hpp\""
  "core/http/part.cpp|\"portal_api/part.hpp\""         "core/portal_api/part.cpp|\"http/part.hpp\""
  "core/client/part.cpp|\"store/part.hpp\""        "core/client/part.cpp|\"backend/part.hpp\""
  "core/backend/part.cpp|\"engine/part.hpp\""      "core/planner/part.cpp|\"engine/part.hpp\""
  "core/novelty/part.cpp|\"base/part.hpp\""        "core/base/part.cpp|\"../base/part.hpp\""
  "core/base/part.cpp|\"part.hpp\""                "core/client/part.cpp|\"capi/src/guard.hpp\""
  "core/base/part.cpp|<portal_session/portal_session.h>"
  "core/engine/part.cpp|<openssl/evp.h>"           "core/store/part.hpp|<openssl/evp.h>"
  "core/client/part.cpp|<curl/curl.h>"             "core/http/part.hpp|<curl/curl.h>"
  "core/client/part.cpp|<simdjson.h>"              "core/portal_api/part.hpp|<simdjson.h>"
  "core/backend/part.cpp|<CLI/CLI.hpp>"            "core/base/part.cpp|<zlib.h>"
  "core/base/part.cpp|<boost/any.hpp>"             "core/base/part.cpp|<iostream>"
  "core/base/part.cpp|<regex>"                     "core/base/part.cpp|<locale>"
  "capi/src/session.cpp|\"backend/part.hpp\""      "capi/src/session.cpp|\"planner/part.hpp\""
  "capi/src/session.cpp|<curl/curl.h>"             "capi/src/session.cpp|<iostream>"
  "capi/include/portal_session/portal_session.h|<stdio.h>"
  "bindings/cli/main.cpp|\"base/part.hpp\""        "bindings/cli/main.cpp|\"../../core/base/part.hpp\""
  "bindings/kotlin/jni/bridge.cpp|\"cli/options.hpp\""
  "bindings/kotlin/jni/bridge.cpp|\"program/part.hpp\""
  "capi/src/session.cpp|\"program/part.hpp\""      "core/client/part.cpp|\"program/part.hpp\""
  "bindings/kotlin/jni/bridge.cpp|<CLI/CLI.hpp>"   "bindings/kotlin/jni/bridge.cpp|<curl/curl.h>")

foreach(violation IN LISTS violations)
  string(REPLACE "|" ";" violation "${violation}")
  list(POP_FRONT violation file)
  make_sound_tree()
  file(APPEND ${WORK}/${file} "  # include ${violation}\n")
  run_check(result output)
  if(result EQUAL 0)
    message(FATAL_ERROR "${file} may include ${violation}: the check has a hole")
  endif()
  string(FIND "${output}" "${file} includes ${violation}" named)
  if(named EQUAL -1 AND NOT file MATCHES novelty)
    message(FATAL_ERROR "${file} with ${violation} failed, but for another reason:\n${output}")
  endif()
endforeach()
file(REMOVE_RECURSE ${WORK})
list(LENGTH violations count)
message(STATUS "The sound tree passes; ${count} violations, each found")
