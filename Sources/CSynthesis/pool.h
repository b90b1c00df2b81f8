// A fixed set of threads that take numbered tasks in turn. The caller works too.
#pragma once

typedef struct ms_pool ms_pool;

// `worker` is in [0, threads): no two tasks run at once with the same one. The caller is worker 0.
typedef void (*ms_task)(void *state, int index, int worker);

ms_pool *ms_pool_create(int threads);
void ms_pool_destroy(ms_pool *pool);

// Runs task(state, 0 … count - 1); returns when all have finished. Denormal numbers count as zero meanwhile.
void ms_pool_run(ms_pool *pool, int count, ms_task task, void *state);
