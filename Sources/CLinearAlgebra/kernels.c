// OpenBLAS chooses its kernels by the processor's model number. Models that are newer than the library (Debian 12's 0.3.21
// knows neither Intel's Emerald Rapids nor Meteor Lake) get those of 2004, SSE3, with a fraction of the speed; libtorch's
// products come from the same library. Here such a processor gets the kernels of the widest instructions it has.
// Who sets OPENBLAS_CORETYPE has chosen already.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <strings.h>

#include "linear_algebra.h"

#if defined(__x86_64__) && defined(__linux__)

// After OpenBLAS's own start, before anything is multiplied. Its functions are looked up by name: a build of it for one
// processor alone has none to choose from.
__attribute__((constructor)) static void choose_kernels(void) {
    if (getenv("OPENBLAS_CORETYPE")) return;
    char *(*name)(void) = (char *(*)(void))dlsym(RTLD_DEFAULT, "openblas_get_corename");
    void (*quit)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "gotoblas_dynamic_quit");
    void (*init)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "gotoblas_dynamic_init");
    if (!name || !quit || !init || strcasecmp(name(), "Prescott") != 0) return;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    const int is_wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512cd");
    // Processes that this one starts inherit the choice.
    if (setenv("OPENBLAS_CORETYPE", is_wide ? "SkylakeX" : "Haswell", 0) != 0) return;
    quit();
    init();
}

#endif
