// Linked into each program of ours that handles keys or tokens: the process writes no core dump. Their arguments, variables
// and buffers pass through libraries that know nothing of secret pages. It runs before main, so nothing is read before it.
// Never part of the library: whether an app dumps core is the app's decision.
#include <sys/resource.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

namespace {

[[gnu::constructor]] void write_no_core_dumps() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
#if defined(__linux__)
    ::prctl(PR_SET_DUMPABLE, 0);  // a handler in /proc/sys/kernel/core_pattern ignores the limit; nor may others attach
#endif
}

}  // namespace
