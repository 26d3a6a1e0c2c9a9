# Machine code for the data-centre GPUs that the compiler knows, and PTX of the oldest, from which
# drivers compile for whatever else there is.
function(isogram_cuda_architectures result)
  set(architectures 80-virtual)
  execute_process(COMMAND ${CMAKE_CUDA_COMPILER} --list-gpu-code
    OUTPUT_VARIABLE known COMMAND_ERROR_IS_FATAL ANY)
  foreach(architecture IN ITEMS 80 90 100 120)
    if(known MATCHES "sm_${architecture}\n")
      list(APPEND architectures ${architecture}-real)
    endif()
  endforeach()
  set(${result} ${architectures} PARENT_SCOPE)
endfunction()
