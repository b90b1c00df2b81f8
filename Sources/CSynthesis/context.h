// What every context is, whatever its network: kernels, threads, and the memory that goes with it.
//
// A network's own context begins with an `ms_context`; its plan says how it is checked and filled.
#pragma once

#include "CSynthesis.h"
#include "kernels.h"
#include "pool.h"

typedef struct ms_memory ms_memory;

// One kind of network.
typedef struct {
    size_t context_bytes;                // of the network's own context
    int (*fits)(const void *network);    // whether the network as its file has it makes sense
    // Packs the weights. The kernels and the number of threads are there already.
    ms_status (*fill)(ms_context *context, const void *network);
    // Lays out what a thread works in: for each thread once with NULL, for the floats needed, and once with memory.
    size_t (*place_worker)(ms_context *context, int worker, float *memory);
} ms_plan;

struct ms_context {
    const ms_plan *plan;
    const ms_kernels *kernels;
    ms_pool *pool;
    int thread_count;
    ms_memory *memory;  // all that is held, the newest first
    size_t bytes;
};

// Creates a context by a plan; the arguments are those of `ms_create`.
ms_status ms_create_context(
    const ms_plan *plan, const void *network, int threads, const char *path, ms_context **result);

// Zeroed memory that goes with the context, aligned for every path; a copy in such; and whole pages of it, which no
// thread has touched yet. NULL when there is none.
float *ms_allocate(ms_context *context, size_t floats);
float *ms_copy(ms_context *context, const float *values, size_t count);
float *ms_pages(ms_context *context, size_t floats);

// Gives memory back before the context goes; NULL is nothing.
void ms_release(ms_context *context, float *memory);

// Lays POINTER out at the next free float of `memory`; where that is null, only counts in `total`.
#define PLACE(POINTER, FLOATS)                                                                                         \
    do {                                                                                                               \
        size_t floats = ((size_t)(FLOATS) + 15) / 16 * 16;                                                             \
        if (memory) (POINTER) = memory + total;                                                                        \
        total += floats;                                                                                               \
    } while (0)

static inline int ms_padded(int channels) { return (channels + ms_block - 1) / ms_block * ms_block; }
static inline int ms_least(int a, int b) { return a < b ? a : b; }
static inline int ms_most(int a, int b) { return a > b ? a : b; }
static inline size_t ms_larger(size_t a, size_t b) { return a > b ? a : b; }
static inline int ms_parts(int length, int part) { return (length + part - 1) / part; }
