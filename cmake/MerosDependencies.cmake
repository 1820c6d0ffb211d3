# Third-party libraries, all from Debian 12 packages (the list is in tools/packages.txt).
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(LIBCAP REQUIRED IMPORTED_TARGET libcap)
pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
find_path(ZOOKEEPER_INCLUDE_DIR zookeeper/zookeeper.h REQUIRED)
find_library(ZOOKEEPER_MT_LIBRARY zookeeper_mt REQUIRED)
# The client with threads of its own; its blocking calls (THREADED) are not used.
add_library(ZooKeeper::zookeeper_mt INTERFACE IMPORTED)
target_include_directories(ZooKeeper::zookeeper_mt INTERFACE ${ZOOKEEPER_INCLUDE_DIR})
target_link_libraries(ZooKeeper::zookeeper_mt INTERFACE ${ZOOKEEPER_MT_LIBRARY})
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
# Debian's interpreter, whose python3-protobuf and python3-yaml packages the tests use.
find_program(MEROS_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH REQUIRED)

# absl components used all over; naming them once keeps component lists short.
add_library(meros_absl INTERFACE)
target_link_libraries(meros_absl INTERFACE
  absl::status absl::statusor absl::strings absl::str_format absl::time absl::flat_hash_map
  absl::flat_hash_set absl::btree absl::inlined_vector absl::hash absl::flags absl::flags_parse)
