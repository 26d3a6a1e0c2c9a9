// isogram._cuda: the kernels for arrays on a GPU, one register function per operation. Tests build
// the same sources on emulated kernels, as _cuda_emulated.
//
// Every function only enqueues work on its stream, so none gives up the GIL. isogram._device, the
// only caller, checks arrays and provides the memory of results and scratch.
#include "cuda_module.hpp"

#include <pybind11/pybind11.h>

#include "interpreter.hpp"
#include "isogram/cuda/device.hpp"

namespace {

void raise_cuda_error(const isogram::cuda::Error& error) {
  namespace py = pybind11;
  py::set_error(py::module_::import("isogram._errors").attr("CudaError"), error.what());
}

}  // namespace

ISOGRAM_MODULE(ISOGRAM_CUDA_MODULE, module) {
  using namespace isogram::bindings;
  load_numpy();
  module.doc() = "The CUDA kernels of isogram. Private: use the functions of the isogram package.";
  pybind11::register_local_exception_translator([](std::exception_ptr raised) {
    try {
      if (raised) std::rethrow_exception(raised);
    } catch (const isogram::cuda::Error& error) {
      raise_cuda_error(error);
    }
  });
  register_cuda_prepare(module);
  register_cuda_distances(module);
  register_cuda_gram(module);
  register_cuda_center(module);
  register_cuda_cka(module);
  register_cuda_graph(module);
  register_cuda_gbs(module);
  register_cuda_compare(module);
  register_cuda_jsd(module);
  register_cuda_match(module);
  register_cuda_rsm(module);
}
