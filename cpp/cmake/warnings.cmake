# Warnings for isogram's own targets only: a parent project keeps its own.
function(isogram_set_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion
                                           -Wno-sign-conversion)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict)  # false alarms on std::string's +
  endif()
  if(ISOGRAM_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(ISOGRAM_SANITIZE AND (ISOGRAM_SANITIZE_KERNELS OR NOT target MATCHES "^isogram_simd_"))
    target_compile_options(${target} PRIVATE -fsanitize=${ISOGRAM_SANITIZE} -fno-omit-frame-pointer
                                             -fno-sanitize-recover=undefined)
    target_link_options(${target} PUBLIC -fsanitize=${ISOGRAM_SANITIZE})
  endif()
endfunction()
