#include "pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

struct ms_pool {
    int started;          // threads created
    pthread_t *handles;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    unsigned long round;  // counts calls of ms_pool_run
    int running;          // threads that have not finished this round
    int stopping;
    ms_task task;
    void *state;
    int count;
    atomic_int next;
};

typedef struct {
    ms_pool *pool;
    int worker;
} seat;

// A vector unit that meets a denormal number takes a hundred cycles over it.
static unsigned flush_denormals(void) {
#if defined(__x86_64__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    return before;
#else
    return 0;
#endif
}

static void restore(unsigned before) {
#if defined(__x86_64__)
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

static void take_tasks(ms_pool *pool, int worker) {
    for (;;) {
        int index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= pool->count) return;
        pool->task(pool->state, index, worker);
    }
}

static void *work(void *argument) {
    seat mine = *(seat *)argument;
    free(argument);
    ms_pool *pool = mine.pool;
    flush_denormals();
    unsigned long seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == seen && !pool->stopping) pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->stopping) break;
        seen = pool->round;
        pthread_mutex_unlock(&pool->lock);
        take_tasks(pool, mine.worker);
        pthread_mutex_lock(&pool->lock);
        if (--pool->running == 0) pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

ms_pool *ms_pool_create(int threads) {
    ms_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->handles = calloc((size_t)threads, sizeof *pool->handles);
    for (int worker = 1; pool->handles && worker < threads; worker++) {
        seat *place = malloc(sizeof *place);
        if (!place) break;
        *place = (seat){pool, worker};
        if (pthread_create(&pool->handles[pool->started], NULL, work, place) != 0) {
            free(place);
            break;
        }
        pool->started++;
    }
    if (!pool->handles || pool->started != threads - 1) {
        ms_pool_destroy(pool);
        return NULL;
    }
    return pool;
}

void ms_pool_destroy(ms_pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = 1;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->started; i++) pthread_join(pool->handles[i], NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->handles);
    free(pool);
}

void ms_pool_run(ms_pool *pool, int count, ms_task task, void *state) {
    if (count <= 0) return;
    unsigned before = flush_denormals();
    if (count == 1 || pool->started == 0) {
        for (int index = 0; index < count; index++) task(state, index, 0);
        restore(before);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->task = task;
    pool->state = state;
    pool->count = count;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pool->running = pool->started;
    pool->round++;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    take_tasks(pool, 0);
    pthread_mutex_lock(&pool->lock);
    while (pool->running > 0) pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    restore(before);
}
