// Kernels for every processor of the architecture, as level-inl.hpp has them unless told otherwise.
#include "table-inl.hpp"
