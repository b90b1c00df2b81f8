// Creating and destroying a context, whatever its network.
#define _GNU_SOURCE
#include "context.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// MARK: memory

struct ms_memory {
    ms_memory *next;
    void *start;
    size_t bytes;
    int is_pages;
};

static void *pages(size_t bytes) {
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
#if defined(MADV_HUGEPAGE)
    madvise(start, bytes, MADV_HUGEPAGE);
#endif
    return start;
}

static void *zeroed(size_t bytes) {
    void *start = NULL;
    if (posix_memalign(&start, 64, bytes) != 0) return NULL;
    memset(start, 0, bytes);
    return start;
}

static float *hold(ms_context *context, size_t floats, int is_pages) {
    size_t bytes = (floats ? floats : 1) * sizeof(float);
    ms_memory *memory = malloc(sizeof *memory);
    void *start = !memory ? NULL : is_pages ? pages(bytes) : zeroed(bytes);
    if (!start) {
        free(memory);
        return NULL;
    }
    *memory = (ms_memory){context->memory, start, bytes, is_pages};
    context->memory = memory;
    context->bytes += bytes;
    return start;
}

static void drop(ms_memory *memory) {
    if (memory->is_pages) munmap(memory->start, memory->bytes);
    else free(memory->start);
    free(memory);
}

float *ms_allocate(ms_context *context, size_t floats) { return hold(context, floats, 0); }
float *ms_pages(ms_context *context, size_t floats) { return hold(context, floats, 1); }

float *ms_copy(ms_context *context, const float *values, size_t count) {
    float *result = ms_allocate(context, count);
    if (result) memcpy(result, values, count * sizeof(float));
    return result;
}

void ms_release(ms_context *context, float *start) {
    for (ms_memory **place = &context->memory; start && *place; place = &(*place)->next) {
        ms_memory *memory = *place;
        if (memory->start != start) continue;
        *place = memory->next;
        context->bytes -= memory->bytes;
        drop(memory);
        return;
    }
}

// MARK: creation

static int thread_count(int wanted) {
    if (wanted > 0) return wanted;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > 1024 ? 1024 : (int)processors;
}

static ms_status choose_kernels(const char *wanted, const ms_kernels **chosen) {
    if (!wanted) wanted = getenv("DIRECTIONS_CPU");
    if (wanted && !*wanted) wanted = NULL;
    *chosen = NULL;
#if defined(__x86_64__)
    __builtin_cpu_init();
    int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int has_avx512 = MS_EMULATES_AVX512
        || (has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"));
    if (has_avx512 && (!wanted || strcmp(wanted, "avx512") == 0)) *chosen = &ms_kernels_avx512;
    else if (has_avx2 && (!wanted || strcmp(wanted, "avx2") == 0)) *chosen = &ms_kernels_avx2;
#endif
    if (!*chosen && (!wanted || strcmp(wanted, "portable") == 0)) *chosen = &ms_kernels_portable;
    return *chosen ? ms_ok : ms_no_such_path;
}

static ms_status fill(ms_context *context, const void *network) {
    ms_status status = context->plan->fill(context, network);
    if (status != ms_ok) return status;
    for (int worker = 0; worker < context->thread_count; worker++) {
        float *memory = ms_pages(context, context->plan->place_worker(context, worker, NULL));
        if (!memory) return ms_no_memory;
        context->plan->place_worker(context, worker, memory);
    }
    context->pool = ms_pool_create(context->thread_count);
    return context->pool ? ms_ok : ms_no_threads;
}

ms_status ms_create_context(
    const ms_plan *plan, const void *network, int threads, const char *path, ms_context **result) {
    if (!result) return ms_bad_argument;
    *result = NULL;
    if (!network || threads < 0 || threads > 1024) return ms_bad_argument;
    if (!plan->fits(network)) return ms_bad_network;
    ms_context *context = calloc(1, plan->context_bytes);
    if (!context) return ms_no_memory;
    context->plan = plan;
    context->thread_count = thread_count(threads);
    ms_status status = choose_kernels(path, &context->kernels);
    if (status == ms_ok) status = fill(context, network);
    if (status != ms_ok) {
        ms_destroy(context);
        return status;
    }
    *result = context;
    return ms_ok;
}

void ms_destroy(ms_context *context) {
    if (!context) return;
    if (context->pool) ms_pool_destroy(context->pool);
    while (context->memory) {
        ms_memory *memory = context->memory;
        context->memory = memory->next;
        drop(memory);
    }
    free(context);
}

const char *ms_path(const ms_context *context) { return context->kernels->name; }
int ms_threads(const ms_context *context) { return context->thread_count; }
size_t ms_bytes(const ms_context *context) { return context->bytes; }
