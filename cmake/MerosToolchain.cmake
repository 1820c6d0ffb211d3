# Compiler, linker and flags: one place for everything that is the same for all targets.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Programs like libraries: gcc takes a precompiled header only where this flag is the same.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE -fPIC)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness that ccache's manual asks for with precompiled headers, and no more of it.
  set(launcher ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Everywhere, because gcc compares this flag too when it looks at a precompiled header.
add_compile_options(-pthread)
# Deprecated fields of the public schema are still served to those who use them.
add_compile_options(-Wno-deprecated-declarations)
add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fdiagnostics-color=always)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wthread-safety)
elseif(MEROS_PCH)
  add_compile_options(-fpch-preprocess)  # lets ccache see through gcc's precompiled headers
endif()
if(MEROS_SANITIZE)
  # A finding ends the program: a test that only prints it would pass.
  add_compile_options(-fsanitize=${MEROS_SANITIZE} -fno-sanitize-recover=all)
  add_compile_options(-fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # It sees uninitialised values in its own instrumentation.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  add_link_options(-fsanitize=${MEROS_SANITIZE})
endif()
if(MEROS_FUZZ)
  # The libraries report coverage, not only the target.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/gen)
