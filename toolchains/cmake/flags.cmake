# The flags of everything that is ours: strict, small, hidden, without a path of the machine that built it.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

# Installed programs find the library beside them, wherever the tree is moved to.
if(APPLE)
  set(CMAKE_INSTALL_RPATH @loader_path/../${CMAKE_INSTALL_LIBDIR})
else()
  set(CMAKE_INSTALL_RPATH $ORIGIN/../${CMAKE_INSTALL_LIBDIR})
endif()

add_library(portal_flags INTERFACE)
target_compile_options(portal_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  $<$<BOOL:${PROJECT_IS_TOP_LEVEL}>:-Werror>  # a newer compiler's new warning never breaks the build of who includes us
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>  # gcc 12 at -O3 sees ghosts in each std::variant that moves
  -ffunction-sections -fdata-sections -fstack-protector-strong -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
target_include_directories(portal_flags INTERFACE ${PROJECT_SOURCE_DIR}/core)
target_link_libraries(portal_flags INTERFACE Threads::Threads tl::expected)

if(PORTAL_SESSION_SANITIZER)
  set(sanitizer_flags -fsanitize=${PORTAL_SESSION_SANITIZER} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  add_compile_options(${sanitizer_flags})
  add_link_options(${sanitizer_flags})
elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

# One folder of core/: a static library whose parts end up in libportal_session, and in the tests as they are.
#   portal_core_library(NAME SOURCES ... [LIBS ...])
function(portal_core_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  if(NOT PORTAL_SESSION_SANITIZER)  # the sanitizer of virtual calls reads the type information
    target_compile_options(${name} PRIVATE -fno-rtti)
  endif()
  target_link_libraries(${name} PUBLIC ${arg_LIBS} portal_flags)
endfunction()
