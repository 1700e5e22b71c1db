# MINNOW_WITH_CUDA: whether the CUDA backend is built. AUTO looks for a toolkit and goes on without.
set(MINNOW_CUDA AUTO CACHE STRING "The CUDA backend: AUTO (where a toolkit is), ON or OFF")
set_property(CACHE MINNOW_CUDA PROPERTY STRINGS AUTO ON OFF)
set(MINNOW_WITH_CUDA OFF)
set(MINNOW_LEAST_CUDA 12.4)
if(NOT MINNOW_CUDA)
  return()
endif()

# Before the language is enabled: CMake's default is the static runtime, and two runtimes in one
# process do not know of each other's streams.
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
set(minnow_choose_architectures OFF)
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(minnow_choose_architectures ON)
  set(CMAKE_CUDA_ARCHITECTURES 80)
endif()
include(CheckLanguage)
check_language(CUDA)
if(CMAKE_CUDA_COMPILER)
  enable_language(CUDA)
  find_package(CUDAToolkit ${MINNOW_LEAST_CUDA})
  if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know that nvcc has C++20
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
    set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  endif()
endif()
if(CMAKE_CUDA_COMPILER AND CUDAToolkit_FOUND)
  set(MINNOW_WITH_CUDA ON)
elseif(MINNOW_CUDA STREQUAL "AUTO")
  message(STATUS "minnow: no CUDA toolkit ${MINNOW_LEAST_CUDA} or newer: the CUDA backend is not built")
else()
  message(FATAL_ERROR "MINNOW_CUDA=${MINNOW_CUDA}, and there is no CUDA toolkit ${MINNOW_LEAST_CUDA} "
    "or newer. Put its nvcc on PATH, give -DCMAKE_CUDA_COMPILER=..., or leave MINNOW_CUDA=AUTO.")
endif()

# Machine code for what is common (80 serves 8.6 and 8.9 too) and one low PTX for all others.
if(MINNOW_WITH_CUDA AND minnow_choose_architectures)
  set(CMAKE_CUDA_ARCHITECTURES 75-real 80-real 90a-real)
  if(CUDAToolkit_VERSION VERSION_GREATER_EQUAL 12.8)
    list(APPEND CMAKE_CUDA_ARCHITECTURES 100-real 120-real)
  endif()
  list(APPEND CMAKE_CUDA_ARCHITECTURES 80-virtual)
endif()

# What the backend is built against, for a report that opens none of it.
function(minnow_header_version result header)
  set(version "")
  if(EXISTS "${header}")
    foreach(name ${ARGN})
      file(STRINGS "${header}" line REGEX "^#define ${name} [0-9]+" LIMIT_COUNT 1)
      string(REGEX MATCH "[0-9]+$" number "${line}")
      list(APPEND version "${number}")
    endforeach()
    list(JOIN version "." version)
  endif()
  set(${result} "${version}" PARENT_SCOPE)
endfunction()
if(MINNOW_WITH_CUDA)
  # cuDNN's headers are no part of the toolkit.
  find_path(MINNOW_CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
  mark_as_advanced(MINNOW_CUDNN_INCLUDE)
  set(MINNOW_BUILT_CUDART "${CUDAToolkit_VERSION_MAJOR}.${CUDAToolkit_VERSION_MINOR}")
  find_path(minnow_cublas_include cublas_api.h HINTS ${CUDAToolkit_INCLUDE_DIRS} NO_CACHE)
  minnow_header_version(MINNOW_BUILT_CUBLASLT "${minnow_cublas_include}/cublas_api.h"
    CUBLAS_VER_MAJOR CUBLAS_VER_MINOR CUBLAS_VER_PATCH)
  minnow_header_version(MINNOW_BUILT_CUDNN "${MINNOW_CUDNN_INCLUDE}/cudnn_version.h"
    CUDNN_MAJOR CUDNN_MINOR CUDNN_PATCHLEVEL)
endif()
