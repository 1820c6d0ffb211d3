// Clang's thread-safety attributes; nothing under other compilers. See
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html for their meaning.
#pragma once

#if defined(__clang__)
#define MEROS_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define MEROS_THREAD_ATTRIBUTE(x)
#endif

#define MEROS_CAPABILITY(x) MEROS_THREAD_ATTRIBUTE(capability(x))
#define MEROS_SCOPED_CAPABILITY MEROS_THREAD_ATTRIBUTE(scoped_lockable)
#define MEROS_GUARDED_BY(x) MEROS_THREAD_ATTRIBUTE(guarded_by(x))
#define MEROS_REQUIRES(...) MEROS_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define MEROS_EXCLUDES(...) MEROS_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define MEROS_ACQUIRE(...) MEROS_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define MEROS_RELEASE(...) MEROS_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define MEROS_NO_THREAD_SAFETY_ANALYSIS MEROS_THREAD_ATTRIBUTE(no_thread_safety_analysis)
