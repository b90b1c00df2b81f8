// What libTorchShim.so shows: the table of functions that CTorch.h declares.
#pragma once
#include <stddef.h>

struct ct_table;

#ifdef __cplusplus
extern "C" {
#endif

// The functions over libtorch; NULL where `size`, the caller's sizeof(struct ct_table), is another than this library's.
const struct ct_table *ct_torch_table(size_t size);

#ifdef __cplusplus
}
#endif
