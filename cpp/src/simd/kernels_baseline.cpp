// Kernels for every processor of the architecture, with the defaults of level-inl.hpp.
#include "table-inl.hpp"
