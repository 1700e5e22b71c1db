# MINNOW_WITH_ONEDNN: whether bf16 on the CPU is built. AUTO looks for oneDNN and goes on without.
set(MINNOW_ONEDNN AUTO CACHE STRING "bf16 on the CPU through oneDNN: AUTO (where it is), ON or OFF")
set_property(CACHE MINNOW_ONEDNN PROPERTY STRINGS AUTO ON OFF)
set(MINNOW_WITH_ONEDNN OFF)
if(NOT MINNOW_ONEDNN)
  return()
endif()

find_path(MINNOW_DNNL_INCLUDE oneapi/dnnl/dnnl.h)
find_library(MINNOW_DNNL_LIBRARY dnnl)
# Beside the compiler, where CMake does not look.
find_library(MINNOW_GOMP_LIBRARY NAMES gomp libgomp.so.1 PATHS ${CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES})
mark_as_advanced(MINNOW_DNNL_INCLUDE MINNOW_DNNL_LIBRARY MINNOW_GOMP_LIBRARY)
if(MINNOW_DNNL_INCLUDE)
  file(STRINGS "${MINNOW_DNNL_INCLUDE}/oneapi/dnnl/dnnl_version.h" minnow_dnnl_major
    REGEX "^#define DNNL_VERSION_MAJOR +[23]$")
endif()
if(MINNOW_DNNL_LIBRARY AND MINNOW_GOMP_LIBRARY AND minnow_dnnl_major)
  set(MINNOW_WITH_ONEDNN ON)
elseif(MINNOW_ONEDNN STREQUAL "AUTO")
  message(STATUS "minnow: no oneDNN 2 or 3 (libdnnl-dev): bf16 on the CPU is not built")
else()
  message(FATAL_ERROR "MINNOW_ONEDNN=${MINNOW_ONEDNN}, and there is no oneDNN 2 or 3 with libgomp. "
    "Install libdnnl-dev, or leave MINNOW_ONEDNN=AUTO.")
endif()
