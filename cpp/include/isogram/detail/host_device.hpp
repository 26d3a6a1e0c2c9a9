// Marks functions that are compiled for the host and for GPUs.
#pragma once

#if defined(__CUDACC__)
#define ISOGRAM_HOST_DEVICE __host__ __device__
#else
#define ISOGRAM_HOST_DEVICE
#endif
