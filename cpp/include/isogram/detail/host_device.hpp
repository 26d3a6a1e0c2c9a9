// For functions that host code and kernels of a GPU share.
#pragma once

#if defined(__CUDACC__)
#define ISOGRAM_HOST_DEVICE __host__ __device__
#else
#define ISOGRAM_HOST_DEVICE
#endif
