// Opens libTorchShim.so when the first function over libtorch is called, and passes calls on to it.
#define _GNU_SOURCE
#include "CTorch.h"

#include <dlfcn.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LIBRARY "libTorchShim.so"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct ct_table *table;
static char problem[1024];

// The folder of a file, in place.
static void cut_name(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
}

// OpenBLAS, from which libtorch has its products, chooses its kernels by the processor's model number. Models that are newer
// than the library (Debian 12's 0.3.21 knows neither Intel's Emerald Rapids nor Meteor Lake) get those of 2004, SSE3, with a
// fraction of the speed. Such a processor gets the kernels of the widest instructions it has. Who sets OPENBLAS_CORETYPE has
// chosen already. The functions are looked up by name: a build of OpenBLAS for one processor has none to choose from.
// Kernels must not change under a product that is being computed: a thread beside the main one, as a server's, leaves them.
static void choose_kernels(void *library) {
#if defined(__x86_64__) && defined(__linux__)
    if (gettid() != getpid()) return;
    static const char variable[] = "OPENBLAS_CORETYPE";
    char *(*name)(void) = (char *(*)(void))dlsym(library, "openblas_get_corename");
    void (*quit)(void) = (void (*)(void))dlsym(library, "gotoblas_dynamic_quit");
    void (*init)(void) = (void (*)(void))dlsym(library, "gotoblas_dynamic_init");
    if (getenv(variable) || !name || !quit || !init || strcasecmp(name(), "Prescott") != 0) return;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    const int is_wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
    if (setenv(variable, is_wide ? "SkylakeX" : "Haswell", 0) != 0) return;
    quit();
    init();
    unsetenv(variable);
#endif
}

static void open_library(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(problem, sizeof problem, "can't be loaded (%s)", dlerror());
        return;
    }
    ct_table_getter getter = (ct_table_getter)dlsym(library, CT_TABLE_SYMBOL);
    table = getter ? getter(sizeof(struct ct_table)) : NULL;
    if (!table) snprintf(problem, sizeof problem, "has a %s of another version (%s)", LIBRARY, path);
    choose_kernels(library);
}

// Beside the program, in ../lib beside it, or beside the library that this code is part of.
static void load(void) {
    const char *named = getenv("DIRECTIONS_TORCH_SHIM");
    if (named && *named) {
        open_library(named);
        return;
    }
    char folders[2][PATH_MAX] = {"", ""};
    const ssize_t length = readlink("/proc/self/exe", folders[0], PATH_MAX - 1);
    folders[0][length > 0 ? length : 0] = 0;
    Dl_info here;
    if (dladdr((void *)load, &here) && here.dli_fname) snprintf(folders[1], PATH_MAX, "%s", here.dli_fname);
    static const char *const places[] = {"", "/../lib", "/../lib/directions"};
    for (int i = 0; i < 2; i++) {
        if (!folders[i][0]) continue;
        cut_name(folders[i]);
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            char path[PATH_MAX + 64];
            snprintf(path, sizeof path, "%s%s/%s", folders[i], places[k], LIBRARY);
            if (access(path, R_OK) == 0) {
                open_library(path);
                return;
            }
        }
    }
    snprintf(problem, sizeof problem, "can't be loaded (there is no %s beside the program)", LIBRARY);
}

static const struct ct_table *loaded(void) {
    pthread_once(&once, load);
    return table;
}

int ct_load(void) { return loaded() ? 0 : -1; }

int ct_keep_freed_memory(void) {
#ifdef __GLIBC__
    const bool done = mallopt(M_MMAP_THRESHOLD, 1 << 30) && mallopt(M_TRIM_THRESHOLD, INT_MAX)
        && mallopt(M_TOP_PAD, 64 << 20);
    return done ? 0 : -1;
#else
    return 0;
#endif
}

#define CT_FUNCTION(type, failure, name, parameters, arguments) \
    type name parameters {                                      \
        const struct ct_table *torch = loaded();                \
        return torch ? torch->name arguments : failure;         \
    }
#include "functions.def"
#undef CT_FUNCTION

const char *ct_last_error(void) { return loaded() ? table->last_error() : problem; }
