# One object library per instruction set: only these files get ISA flags, so no other code can
# come to need a processor that the dispatcher has not checked for.

if(MSVC)
  message(FATAL_ERROR "isogram's kernels use the vector extension of GCC and Clang: use clang-cl")
endif()

function(isogram_add_simd_level target level)
  add_library(isogram_simd_${level} OBJECT
    ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../src/simd/kernels_${level}.cpp)
  target_compile_features(isogram_simd_${level} PRIVATE cxx_std_20)
  target_include_directories(isogram_simd_${level} PRIVATE
    ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../include)
  target_compile_options(isogram_simd_${level} PRIVATE
    ${ARGN}
    -O3                # the micro-kernels live from unrolling, in every build type
    -ffp-contract=fast # a*b+c may become one FMA: faster, and one rounding less
    -fno-exceptions    # kernels never throw; spares a weak reference to the unwinder
    -fno-math-errno -fno-trapping-math)  # lets ternaries become blends; values are not changed
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Vectors wider than the level's registers are split by the compiler on purpose, and never
    # cross a function that another level could call: their ABI does not matter.
    target_compile_options(isogram_simd_${level} PRIVATE -Wno-psabi)
  endif()
  set_target_properties(isogram_simd_${level} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
  isogram_set_warnings(isogram_simd_${level})
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:isogram_simd_${level}>)
  set_property(TARGET ${target} APPEND PROPERTY ISOGRAM_SIMD_LEVELS ${level})  # for tests/guards
endfunction()

function(isogram_add_simd_levels target)
  isogram_add_simd_level(${target} baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    isogram_add_simd_level(${target} avx2 -mavx2 -mfma)
    isogram_add_simd_level(${target} avxvnni -mavxvnni -mavx2 -mfma)
    # GCC prefers 256-bit vectors on early AVX-512 processors; the micro-kernels want all 512.
    isogram_add_simd_level(${target} avx512
      -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mprefer-vector-width=512)
    isogram_add_simd_level(${target} avx512vnni
      -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512vnni -mavx2 -mfma
      -mprefer-vector-width=512)
    isogram_add_simd_level(${target} avx512bf16
      -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512bf16 -mavx2 -mfma
      -mprefer-vector-width=512)
    target_compile_definitions(${target} PRIVATE ISOGRAM_HAVE_X86_LEVELS)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    isogram_add_simd_level(${target} neon)
    target_compile_definitions(${target} PRIVATE ISOGRAM_HAVE_NEON)
  endif()
endfunction()
