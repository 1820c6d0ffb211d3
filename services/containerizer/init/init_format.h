// What the containerizer and meros-init have agreed upon: descriptors, the request that says what
// to run, the failure report and the files of a container's runtime directory. Both sides are built
// from this header; kInitVersion tells them apart when an upgrade replaced only one. Plain data, no
// library: meros-init links nothing but libc.
//
// A request is an InitHeader, then `group_count` uint32_t, padding to 8 bytes, `rlimit_count`
// InitRlimits, then strings that each end in a zero byte: sandbox directory, host name, program,
// `argument_count` arguments, `environment_count` entries of the form NAME=VALUE.
//
// Thread rule: immutable.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace meros::containerizer {

inline constexpr uint32_t kInitMagic = 0x4f52454d;  // "MERO"
inline constexpr uint32_t kInitVersion = 1;

// Descriptors with which meros-init starts. 0, 1 and 2 are those of the command.
enum InitFd : int {
  kInitRequestFd = 3,  // memfd that holds the request
  kInitGoFd = 4,       // pipe: one byte means go; end of file means that the containerizer is gone
  kInitReportFd = 5,   // pipe: an InitFailure, or end of file once the command is being executed
  kInitRuntimeDirFd = 6,  // the container's runtime directory
  kInitFdCount = 7,
};

enum InitFlag : uint32_t {
  kInitOwnPids = 1u << 0,    // is pid 1 of a pid namespace; with kInitOwnMounts: fresh /proc
  kInitOwnMounts = 1u << 1,  // mount namespace: cut propagation
  kInitSetHostname = 1u << 2,
  kInitSetUser = 1u << 3,  // uid, gid and groups are to be taken on
};

struct InitHeader {
  uint32_t magic;
  uint32_t version;
  uint32_t flags;  // InitFlag
  uint32_t uid;
  uint32_t gid;
  uint32_t group_count;
  uint32_t rlimit_count;
  uint32_t argument_count;
  uint32_t environment_count;
  uint32_t reserved;
};

struct InitRlimit {
  int32_t resource;  // RLIMIT_*
  uint32_t reserved;
  uint64_t soft;  // UINT64_MAX: unlimited
  uint64_t hard;
};

// The step at which a start failed.
enum InitStep : int32_t {
  kStepRequest = 1,
  kStepMounts,
  kStepProc,
  kStepHostname,
  kStepFork,
  kStepRlimit,
  kStepGroups,
  kStepUser,
  kStepSandbox,
  kStepExecute,
};

struct InitFailure {
  int32_t step;   // InitStep
  int32_t error;  // errno
};

// Files in the runtime directory, written by meros-init, each by rename from kInitTemporaryFile.
// They hold "<wait status, 0 in started> <nanoseconds since the Unix epoch>\n".
inline constexpr char kInitStartedFile[] = "started";  // the command was executed
inline constexpr char kInitExitFile[] = "exit";        // the command has ended
inline constexpr char kInitTemporaryFile[] = ".init.tmp";

}  // namespace meros::containerizer
