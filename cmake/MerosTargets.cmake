# Helpers with which components declare their targets.
#
#   meros_library(NAME meros_base SRCS a.cc DEPS other PCH base|rpc|master|none)
#                 UNITY, also of the next two: several sources are compiled as one where the
#                 preset wants it; names in anonymous namespaces must differ (docs/adr/0014)
#   meros_binary (NAME meros-agent SRCS main.cc DEPS meros_agent_shell)
#                 JEMALLOC: with jemalloc in place of the C library's malloc (docs/adr/0006)
#   meros_test   (NAME offer_book_test SRCS offer_book_test.cc DEPS meros_master_core
#                 [LABELS root integration] [TIMEOUT seconds])   GoogleTest with main
#   meros_script_test(NAME tidy_layering COMMAND ... [LABELS ...] [TIMEOUT seconds])
#   meros_benchmark(NAME resources_benchmark SRCS ... DEPS ...)   Google Benchmark with main
#   meros_fuzz_target(NAME wire_fuzz SRCS ... DEPS ...)           libFuzzer; tests/fuzz
#
# Test names are what ./check and the tidy test (every *_test.cc is registered) go by.

if(MEROS_PCH)
  file(WRITE ${CMAKE_BINARY_DIR}/pch/empty.cc "")
  add_library(meros_pch_base STATIC ${CMAKE_BINARY_DIR}/pch/empty.cc)
  target_precompile_headers(meros_pch_base PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch_base.h)
  foreach(kind rpc master)
    add_library(meros_pch_${kind} STATIC ${CMAKE_BINARY_DIR}/pch/empty.cc)
    target_precompile_headers(meros_pch_${kind} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/pch_${kind}.h)
    add_dependencies(meros_pch_${kind} meros_v1_protos)  # whose headers are to be there
  endforeach()
endif()

function(meros_use_pch target kind)
  if(MEROS_PCH AND kind AND NOT kind STREQUAL "none")
    target_precompile_headers(${target} REUSE_FROM meros_pch_${kind})
  endif()
endfunction()

function(meros_use_unity target wanted)
  if(MEROS_UNITY AND wanted)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

function(meros_library)
  cmake_parse_arguments(arg "UNITY" "NAME;PCH" "SRCS;DEPS" ${ARGN})
  if(arg_SRCS)
    add_library(${arg_NAME} STATIC ${arg_SRCS})
    target_link_libraries(${arg_NAME} PUBLIC ${arg_DEPS} meros_absl Threads::Threads)
    meros_use_pch(${arg_NAME} "${arg_PCH}")
    meros_use_unity(${arg_NAME} ${arg_UNITY})
  else()
    add_library(${arg_NAME} INTERFACE)
    target_link_libraries(${arg_NAME} INTERFACE ${arg_DEPS} meros_absl Threads::Threads)
  endif()
endfunction()

function(meros_binary)
  cmake_parse_arguments(arg "JEMALLOC;UNITY" "NAME;PCH" "SRCS;DEPS" ${ARGN})
  add_executable(${arg_NAME} ${arg_SRCS})
  # Sanitizers bring their own malloc.
  if(arg_JEMALLOC AND NOT MEROS_SANITIZE)
    target_sources(${arg_NAME} PRIVATE $<TARGET_OBJECTS:meros_malloc_conf>)
    target_link_libraries(${arg_NAME} PRIVATE PkgConfig::JEMALLOC)
  endif()
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS} meros_absl Threads::Threads)
  meros_use_pch(${arg_NAME} "${arg_PCH}")
  meros_use_unity(${arg_NAME} ${arg_UNITY})
endfunction()

function(meros_test)
  cmake_parse_arguments(arg "UNITY" "NAME;TIMEOUT;PCH" "SRCS;DEPS;LABELS;ARGS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${arg_NAME} ${arg_SRCS})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS} meros_absl GTest::gmock GTest::gtest
    GTest::gmock_main Threads::Threads)
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  meros_use_pch(${arg_NAME} "${arg_PCH}")
  meros_use_unity(${arg_NAME} ${arg_UNITY})
  add_test(NAME ${arg_NAME} COMMAND ${arg_NAME} ${arg_ARGS} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${arg_NAME} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "MEROS_BIN_DIR=${CMAKE_BINARY_DIR}/bin;MEROS_SOURCE_DIR=${CMAKE_SOURCE_DIR};MEROS_BUG_IS_FATAL=1")
endfunction()

function(meros_script_test)
  cmake_parse_arguments(arg "" "NAME;TIMEOUT" "COMMAND;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_test(NAME ${arg_NAME} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${arg_NAME} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "MEROS_BIN_DIR=${CMAKE_BINARY_DIR}/bin;MEROS_SOURCE_DIR=${CMAKE_SOURCE_DIR};MEROS_BUILD_DIR=${CMAKE_BINARY_DIR}")
endfunction()

function(meros_benchmark)
  cmake_parse_arguments(arg "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${arg_NAME} ${arg_SRCS})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS} meros_absl benchmark::benchmark
    benchmark::benchmark_main Threads::Threads)
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/benchmarks)
endfunction()

# Fuzz targets are built by clang in the preset "fuzz", with sanitizers, and run as tests of every
# other preset: fuzz_<name without _fuzz> runs the binary on tests/fuzz/corpus/<name> and then on.
if(MEROS_FUZZ)
  add_custom_target(fuzz_targets)
endif()

function(meros_fuzz_target)
  cmake_parse_arguments(arg "" "NAME" "SRCS;DEPS" ${ARGN})
  if(NOT MEROS_FUZZ)
    string(REGEX REPLACE "_fuzz$" "" stem ${arg_NAME})
    add_test(NAME fuzz_${stem} COMMAND tests/fuzz/run ${arg_NAME}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(fuzz_${stem} PROPERTIES LABELS fuzz TIMEOUT 120 SKIP_RETURN_CODE 77)
    return()
  endif()
  add_executable(${arg_NAME} ${arg_SRCS})
  target_compile_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
  target_link_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${arg_NAME} PRIVATE ${arg_DEPS} meros_absl Threads::Threads)
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  add_dependencies(fuzz_targets ${arg_NAME})
endfunction()
