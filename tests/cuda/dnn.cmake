# Tests that compile the plugin's sources for cuDNN's graph interface.
set(plugin "${PROJECT_SOURCE_DIR}/backends/cuda")
function(minnow_dnn_test name)
  list(TRANSFORM ARGN PREPEND "${plugin}/src/" OUTPUT_VARIABLE sources)
  minnow_test(cuda_${name} SOURCES ${name}_test.cpp ${sources} LABELS cuda
    LIBRARIES minnow_base CUDA::cudart ${CMAKE_DL_LIBS})
  target_include_directories(cuda_${name}_test PRIVATE
    ../fake_cuda "${plugin}" "${plugin}/src")
  target_include_directories(cuda_${name}_test SYSTEM PRIVATE "${MINNOW_CUDNN_INCLUDE}")
endfunction()

minnow_dnn_test(dnn
  call.cpp cudnn_library.cpp dnn_descriptor.cpp dnn_graph.cpp dnn_product.cpp library.cpp)
add_dependencies(cuda_dnn_test fake_cuda)
set_tests_properties(cuda_dnn PROPERTIES ENVIRONMENT "${fakes};${sanitizers};FAKE_CUDA=1")

# The real libraries, over the toolkit's stub of the driver under the name that cuDNN opens. What
# they leave behind when the driver refuses is not the plugin's.
minnow_dnn_test(dnn_engines call.cpp dnn_descriptor.cpp dnn_graph.cpp library.cpp)
set(stub "${CMAKE_CURRENT_BINARY_DIR}/stub")
file(MAKE_DIRECTORY "${stub}")
file(CREATE_LINK "${CUDAToolkit_LIBRARY_DIR}/stubs/libcuda.so" "${stub}/libcuda.so.1" SYMBOLIC)
set_tests_properties(cuda_dnn_engines PROPERTIES
  ENVIRONMENT "LD_LIBRARY_PATH=${stub}:${CUDAToolkit_LIBRARY_DIR};${sanitizers}:detect_leaks=0"
  SKIP_REGULAR_EXPRESSION "SKIPPED")
