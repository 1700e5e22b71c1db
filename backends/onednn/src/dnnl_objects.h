#pragma once

/// Objects of oneDNN with an owner, and what differs between its C interfaces 2 and 3: a layout is
/// a struct there and an object here, and 3 makes a product in one call.

#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>

#include <cstdint>
#include <memory>
#include <type_traits>

#include "onednn_plugin.h"

namespace minnow {

struct Destroy {
  void operator()(dnnl_engine_t it) const { dnnl_engine_destroy(it); }
  void operator()(dnnl_stream_t it) const { dnnl_stream_destroy(it); }
  void operator()(dnnl_memory_t it) const { dnnl_memory_destroy(it); }
  void operator()(dnnl_primitive_t it) const { dnnl_primitive_destroy(it); }
  void operator()(dnnl_primitive_desc_t it) const { dnnl_primitive_desc_destroy(it); }
  void operator()(dnnl_primitive_attr_t it) const { dnnl_primitive_attr_destroy(it); }
#if DNNL_VERSION_MAJOR >= 3
  void operator()(dnnl_memory_desc_t it) const { dnnl_memory_desc_destroy(it); }
#endif
};
template <class Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Destroy>;

/// A call that oneDNN refused; it stays in this library.
struct Refused {
  OnednnAnswer answer;
};

inline void require(const char* call, dnnl_status_t status) {
  if (status == dnnl_success) return;
  throw Refused{{call, dnnl_status2str(status), status == dnnl_out_of_memory}};
}
#define MINNOW_DNNL(function, ...) require(#function, function(__VA_ARGS__))

/// Makes an object of oneDNN and owns it: create(&handle).
template <class Handle, class Create>
Owned<Handle> made(const char* call, Create create) {
  Handle handle = nullptr;
  require(call, create(&handle));
  return Owned<Handle>(handle);
}
#define MINNOW_DNNL_MAKE(Handle, function, ...) \
  made<Handle>(#function, [&](Handle* handle) { return function(handle, __VA_ARGS__); })

#if DNNL_VERSION_MAJOR >= 3
using Layout = Owned<dnnl_memory_desc_t>;
using LayoutView = const_dnnl_memory_desc_t;
#else
using Layout = std::unique_ptr<dnnl_memory_desc_t>;
using LayoutView = const dnnl_memory_desc_t*;
#endif

/// Of a matrix.
inline Layout layout_of(std::int64_t rows, std::int64_t cols, dnnl_data_type_t type,
                        dnnl_format_tag_t tag) {
  const dnnl_dims_t sides = {rows, cols};
#if DNNL_VERSION_MAJOR >= 3
  return MINNOW_DNNL_MAKE(dnnl_memory_desc_t, dnnl_memory_desc_create_with_tag, 2, sides, type,
                          tag);
#else
  auto layout = std::make_unique<dnnl_memory_desc_t>();
  MINNOW_DNNL(dnnl_memory_desc_init_by_tag, layout.get(), 2, sides, type, tag);
  return layout;
#endif
}

/// How C = A B is computed.
inline Owned<dnnl_primitive_desc_t> matmul(const Layout& a, const Layout& b, const Layout& c,
                                           const_dnnl_primitive_attr_t attributes,
                                           dnnl_engine_t engine) {
#if DNNL_VERSION_MAJOR >= 3
  return MINNOW_DNNL_MAKE(dnnl_primitive_desc_t, dnnl_matmul_primitive_desc_create, engine, a.get(),
                          b.get(), nullptr, c.get(), attributes);
#else
  dnnl_matmul_desc_t product{};
  MINNOW_DNNL(dnnl_matmul_desc_init, &product, a.get(), b.get(), nullptr, c.get());
  return MINNOW_DNNL_MAKE(dnnl_primitive_desc_t, dnnl_primitive_desc_create, &product, attributes,
                          engine, nullptr);
#endif
}

}  // namespace minnow
