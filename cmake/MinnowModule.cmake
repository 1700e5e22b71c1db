# One helper per kind of target, so that every room's CMakeLists.txt reads the same.
include(GNUInstallDirs)
include(GenerateExportHeader)
include(CMakePackageConfigHelpers)

# A kind that a switch forgets does not compile.
set(MINNOW_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror=switch)
if(MINNOW_WERROR)
  list(APPEND MINNOW_WARNINGS -Werror)
endif()
set(MINNOW_GENERATED "${PROJECT_BINARY_DIR}/generated")

# minnow_options(target): warnings and sanitizers of everything that is built here.
function(minnow_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE
    "$<$<OR:$<COMPILE_LANGUAGE:CXX>,$<COMPILE_LANG_AND_ID:CUDA,Clang>>:${MINNOW_WARNINGS}>"
    "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-Xcompiler=-Wall,-Wextra>")
  if(MINNOW_WERROR)
    target_compile_options(${target}
      PRIVATE "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:SHELL:-Werror all-warnings>")
  endif()
  if(MINNOW_SANITIZE)
    target_compile_options(${target} PRIVATE
      "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${MINNOW_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all>")
    target_link_options(${target} PRIVATE -fsanitize=${MINNOW_SANITIZE})
  endif()
endfunction()

# minnow_uses(target module ...): the target sees these modules' public headers and no others.
function(minnow_uses target)
  target_include_directories(${target} PRIVATE "${MINNOW_GENERATED}")
  if(NOT BUILD_SHARED_LIBS)
    target_compile_definitions(${target} PRIVATE MINNOW_STATIC_DEFINE)
  endif()
  foreach(used IN LISTS ARGN)
    target_include_directories(${target}
      PRIVATE $<TARGET_PROPERTY:minnow_${used},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()
endfunction()

# minnow_module(name SOURCES ... [HEADERS ...] [USES module ...] [LIBRARIES target ...])
# An object library minnow_<name>: public headers under include/, which only the modules that name
# it in USES can see; third parties in LIBRARIES stay private.
function(minnow_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;HEADERS;USES;LIBRARIES" ${ARGN})
  add_library(minnow_${name} OBJECT ${arg_SOURCES})
  minnow_options(minnow_${name})
  set_target_properties(minnow_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(BUILD_SHARED_LIBS)
    target_compile_definitions(minnow_${name} PRIVATE minnow_EXPORTS)
  endif()
  target_include_directories(minnow_${name}
    PRIVATE src include INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/include")
  minnow_uses(minnow_${name} ${arg_USES})
  foreach(library IN LISTS arg_LIBRARIES)
    # Compile flags only: what has to be linked is linked once, into libminnow.
    target_include_directories(minnow_${name} SYSTEM
      PRIVATE $<TARGET_PROPERTY:${library},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()
  list(TRANSFORM arg_HEADERS PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/include/")
  set_target_properties(minnow_${name} PROPERTIES MINNOW_HEADERS "${arg_HEADERS}"
    MINNOW_INCLUDE "${CMAKE_CURRENT_SOURCE_DIR}/include")
endfunction()

# minnow_add_library(MODULES ...): libminnow from the modules' objects, and its installation.
function(minnow_add_library)
  cmake_parse_arguments(arg "" "" "MODULES" ${ARGN})
  add_library(minnow)
  add_library(minnow::minnow ALIAS minnow)
  minnow_options(minnow)
  generate_export_header(minnow EXPORT_MACRO_NAME MINNOW_API
    EXPORT_FILE_NAME "${MINNOW_GENERATED}/minnow/export.h")
  set(headers "${PROJECT_SOURCE_DIR}/include/minnow/minnow.h")
  set(bases "${PROJECT_SOURCE_DIR}/include")
  foreach(module IN LISTS arg_MODULES)
    target_sources(minnow PRIVATE $<TARGET_OBJECTS:minnow_${module}>)
    get_target_property(module_headers minnow_${module} MINNOW_HEADERS)
    get_target_property(module_include minnow_${module} MINNOW_INCLUDE)
    if(module_headers)  # the ground floor has none that a program may see
      list(APPEND headers ${module_headers})
      list(APPEND bases ${module_include})
    endif()
    get_target_property(extra_objects minnow_${module} MINNOW_EXTRA_OBJECTS)
    if(extra_objects)
      get_target_property(extra_targets minnow_${module} MINNOW_EXTRA_TARGETS)
      add_dependencies(minnow ${extra_targets})
      target_sources(minnow PRIVATE ${extra_objects})
      foreach(object IN LISTS extra_objects)
        if(object MATCHES "\\.o$")
          set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
        endif()
      endforeach()
    endif()
  endforeach()
  target_sources(minnow
    PUBLIC FILE_SET HEADERS BASE_DIRS ${bases} FILES ${headers}
    PUBLIC FILE_SET generated TYPE HEADERS BASE_DIRS "${MINNOW_GENERATED}"
           FILES "${MINNOW_GENERATED}/minnow/export.h")
  set_target_properties(minnow PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION 0.${PROJECT_VERSION_MINOR} LINKER_LANGUAGE CXX
    VERIFY_INTERFACE_HEADER_SETS ON INTERFACE_HEADER_SETS_TO_VERIFY HEADERS
    ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib"
    LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
  target_link_libraries(minnow PRIVATE ZLIB::ZLIB Threads::Threads ${CMAKE_DL_LIBS})
  if(NOT BUILD_SHARED_LIBS)
    target_compile_definitions(minnow PUBLIC MINNOW_STATIC_DEFINE)
  endif()
  if(MINNOW_INSTALL)
    minnow_install()
  endif()
endfunction()

function(minnow_install)
  install(TARGETS minnow EXPORT minnow-targets
    FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILE_SET generated DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/minnow")
  install(EXPORT minnow-targets NAMESPACE minnow:: DESTINATION "${package_dir}")
  configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/minnow-config.cmake.in"
    "${PROJECT_BINARY_DIR}/minnow-config.cmake" INSTALL_DESTINATION "${package_dir}")
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/minnow-config-version.cmake"
    COMPATIBILITY SameMinorVersion)
  install(FILES "${PROJECT_BINARY_DIR}/minnow-config.cmake"
    "${PROJECT_BINARY_DIR}/minnow-config-version.cmake" DESTINATION "${package_dir}")
  # Relative, so that an installed tree can be moved.
  set(pc_folder "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
  file(RELATIVE_PATH MINNOW_PC_PREFIX "${pc_folder}" "${CMAKE_INSTALL_PREFIX}")
  file(RELATIVE_PATH MINNOW_PC_INCLUDE "${pc_folder}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
  set(MINNOW_PC_DEFINES "")
  set(MINNOW_PC_PRIVATE "")
  if(NOT BUILD_SHARED_LIBS)
    set(MINNOW_PC_DEFINES "-DMINNOW_STATIC_DEFINE")
    set(MINNOW_PC_PRIVATE "-lz -pthread -lstdc++ -lm")
  endif()
  configure_file("${PROJECT_SOURCE_DIR}/cmake/minnow.pc.in" "${PROJECT_BINARY_DIR}/minnow.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/minnow.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()
