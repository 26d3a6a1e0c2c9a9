# Compiled by nvcc for isogram::cuda, and as C++ for the tests that run kernels on the CPU.
set(isogram_cuda_sources
  ${CMAKE_CURRENT_LIST_DIR}/src/center.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/cka.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/compare.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/distances.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/gbs.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/gram.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/graph.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/greedy.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/jsd.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/match.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/narrow.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/prepare.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/rsm.cu
  ${CMAKE_CURRENT_LIST_DIR}/src/tokens.cu)
