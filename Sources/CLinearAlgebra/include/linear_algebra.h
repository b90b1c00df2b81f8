// OpenBLAS and LAPACKE of the system, with the kernels that the processor deserves; see kernels.c.
#include <cblas.h>
#include <lapacke.h>
