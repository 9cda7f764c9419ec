# Warnings are errors, for our own code; and the flags that make an exploit harder.
add_library(imgfs_flags INTERFACE)
target_compile_options(imgfs_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Werror
  -fstack-protector-strong -fno-omit-frame-pointer
  $<$<CXX_COMPILER_ID:GNU>:-fstack-clash-protection>)
target_compile_definitions(imgfs_flags INTERFACE
  IMGFS_VERSION="${PROJECT_VERSION}"
  FUSE_USE_VERSION=314 _FILE_OFFSET_BITS=64
  $<$<CONFIG:Release>:_FORTIFY_SOURCE=2> $<$<CONFIG:Release>:_GLIBCXX_ASSERTIONS>)
target_link_options(imgfs_flags INTERFACE -Wl,-z,relro,-z,now)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
if(IMGFS_SANITIZE)
  # For every target, also the tests' own, or the halves do not fit together.
  add_compile_options(-fsanitize=${IMGFS_SANITIZE} -fno-sanitize-recover=all)
  # What the sanitizers put in makes GCC's optimizer warn of paths that cannot be taken; the release
  # build, which has the same sources, takes these warnings as errors.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(imgfs_flags INTERFACE -Wno-stringop-overflow -Wno-maybe-uninitialized -Wno-array-bounds)
  endif()
  add_link_options(-fsanitize=${IMGFS_SANITIZE})
endif()
