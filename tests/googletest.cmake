find_package(GTest QUIET)
set(googletest_source /usr/src/googletest)  # Debian's package of sources, for cross compilers
if(NOT GTest_FOUND AND CMAKE_CROSSCOMPILING AND EXISTS ${googletest_source})
  set(INSTALL_GTEST OFF)
  add_subdirectory(${googletest_source} ${CMAKE_CURRENT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL)
elseif(NOT GTest_FOUND)
  message(FATAL_ERROR "isogram's C++ tests need GoogleTest: install it (Debian, Ubuntu: "
                      "apt-get install libgtest-dev), or configure with -DISOGRAM_BUILD_TESTS=OFF")
endif()
include(GoogleTest)
