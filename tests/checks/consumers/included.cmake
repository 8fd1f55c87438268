# Builds and runs an app whose own build includes the library's.
#   cmake -DSOURCE=repository -DWORK=folder -DCOMPILER=cc -DCXX_COMPILER=c++ [-DOPTIONS=-Dx=y,...] -P included.cmake
cmake_minimum_required(VERSION 3.25)
string(REPLACE "," ";" options "${OPTIONS}")
execute_process(COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET
  COMMAND ${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR}/add_subdirectory -B ${WORK} -DPORTAL_SESSION=${SOURCE}
          -DCMAKE_C_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER=${CXX_COMPILER} -DCMAKE_CXX_FLAGS=-O0 ${options})
execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK} --target app COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
execute_process(COMMAND ${WORK}/app COMMAND_ERROR_IS_FATAL ANY)
