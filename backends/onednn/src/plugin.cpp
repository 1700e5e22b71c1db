// libminnow_onednn.so: bf16 products by oneDNN's matmul.

#include "onednn_plugin.h"

#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <vector>

#include "dnnl_objects.h"

// Of libgomp, which oneDNN computes with. <omp.h> is the compiler's, and clang's is for another
// library.
extern "C" int omp_get_max_threads();
extern "C" void omp_set_num_threads(int threads);

namespace minnow {
namespace {

/// While it lives, oneDNN uses the calling thread alone. The setting belongs to the thread, and
/// what the application had chosen for it comes back at the end.
class OneThread {
 public:
  OneThread() : saved_(omp_get_max_threads()) {
    if (saved_ != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (saved_ != 1) omp_set_num_threads(saved_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int saved_;
};

struct Operands {
  Layout a, b, c;
};

Operands operands_of(Bf16Shape shape) {
  // Anything else than these layouts without gaps is computed by ways that allocate in every call.
  return {.a = layout_of(shape.rows, shape.depth, dnnl_bf16, dnnl_ab),
          .b = layout_of(shape.depth, kBf16Cols, dnnl_bf16, dnnl_BA16a32b2a),
          .c = layout_of(shape.rows, kBf16Cols, dnnl_f32, dnnl_ab)};
}

const char* implementation_of(const_dnnl_primitive_desc_t description) {
  const char* text = nullptr;
  MINNOW_DNNL(dnnl_primitive_desc_query, description, dnnl_query_impl_info_str, 0, &text);
  return text;
}

Owned<dnnl_primitive_desc_t> describe(const Operands& operands, dnnl_engine_t engine) {
  const auto attributes =
      made<dnnl_primitive_attr_t>("dnnl_primitive_attr_create", dnnl_primitive_attr_create);
  MINNOW_DNNL(dnnl_primitive_attr_set_scratchpad_mode, attributes.get(), dnnl_scratchpad_mode_user);
  auto description = matmul(operands.a, operands.b, operands.c, attributes.get(), engine);
  // Right and a thousand times too slow.
  if (std::strncmp(implementation_of(description.get()), "ref", 3) == 0) {
    throw Refused{{"dnnl_primitive_desc_query", "its reference implementation alone", false}};
  }
  return description;
}

LayoutView workspace_of(const_dnnl_primitive_desc_t description) {
  return dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
}

Owned<dnnl_engine_t> cpu_engine() {
  return MINNOW_DNNL_MAKE(dnnl_engine_t, dnnl_engine_create, dnnl_cpu, 0);
}

/// Calls work() and turns what it throws into an answer.
template <class Work>
OnednnAnswer answer_of(Work work) noexcept {
  try {
    const OneThread one;
    work();
    return {};
  } catch (const Refused& refused) {
    return refused.answer;
  } catch (const std::bad_alloc&) {
    return {"oneDNN", "std::bad_alloc", true};
  } catch (...) {
    return {"oneDNN", "a C++ exception", false};
  }
}

}  // namespace

/// One for each thread: setting where an operand lies changes the memory object.
struct OnednnThread {
  Owned<dnnl_stream_t> stream;
  Owned<dnnl_memory_t> a, b, c, workspace;
};

struct OnednnProduct {
  OnednnProduct(Bf16Shape shape, int count) : engine(cpu_engine()) {
    const Operands operands = operands_of(shape);
    const auto description = describe(operands, engine.get());
    primitive = MINNOW_DNNL_MAKE(dnnl_primitive_t, dnnl_primitive_create, description.get());
    std::snprintf(implementation, sizeof implementation, "%s",
                  implementation_of(description.get()));
    const auto memory = [&](LayoutView of) {
      return MINNOW_DNNL_MAKE(dnnl_memory_t, dnnl_memory_create, of, engine.get(),
                              DNNL_MEMORY_NONE);
    };
    for (int i = 0; i < count; ++i) {
      threads.push_back({MINNOW_DNNL_MAKE(dnnl_stream_t, dnnl_stream_create, engine.get(),
                                          dnnl_stream_default_flags),
                         memory(operands.a.get()), memory(operands.b.get()),
                         memory(operands.c.get()), memory(workspace_of(description.get()))});
    }
  }

  Owned<dnnl_engine_t> engine;
  Owned<dnnl_primitive_t> primitive;
  char implementation[64] = "";
  std::vector<OnednnThread> threads;
};

namespace {

const char* version() {
  static const auto text = [] {
    struct {
      char text[48] = "";
    } made;
    const dnnl_version_t* loaded = dnnl_version();
    std::snprintf(made.text, sizeof made.text, "%d.%d.%d", loaded->major, loaded->minor,
                  loaded->patch);
    return made;
  }();
  return text.text;
}

OnednnAnswer workspace_bytes(Bf16Shape shape, std::int64_t* bytes) {
  return answer_of([&] {
    // Threads of another kind would not heed OneThread.
    const unsigned threads = dnnl_version()->cpu_runtime;
    if (threads != DNNL_RUNTIME_OMP && threads != DNNL_RUNTIME_SEQ) {
      throw Refused{{"dnnl_version", "built with threads that are not OpenMP's", false}};
    }
    const auto engine = cpu_engine();
    const auto description = describe(operands_of(shape), engine.get());
    *bytes = static_cast<std::int64_t>(dnnl_memory_desc_get_size(workspace_of(description.get())));
  });
}

OnednnAnswer create(Bf16Shape shape, int threads, OnednnProduct** product) {
  return answer_of([&] { *product = new OnednnProduct(shape, threads); });
}

const char* implementation(const OnednnProduct* product) { return product->implementation; }

OnednnAnswer run(OnednnProduct* product, int thread, const std::uint16_t* a, const std::uint16_t* b,
                 float* c, void* workspace) {
  return answer_of([&] {
    const OnednnThread& own = product->threads[static_cast<std::size_t>(thread)];
    // oneDNN takes what it only reads as void*, too.
    const auto place = [](const Owned<dnnl_memory_t>& memory, const void* at) {
      MINNOW_DNNL(dnnl_memory_set_data_handle, memory.get(), const_cast<void*>(at));
    };
    place(own.a, a);
    place(own.b, b);
    place(own.c, c);
    place(own.workspace, workspace);
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, own.a.get()},
                                         {DNNL_ARG_WEIGHTS, own.b.get()},
                                         {DNNL_ARG_DST, own.c.get()},
                                         {DNNL_ARG_SCRATCHPAD, own.workspace.get()}};
    MINNOW_DNNL(dnnl_primitive_execute, product->primitive.get(), own.stream.get(), 4, arguments);
    MINNOW_DNNL(dnnl_stream_wait, own.stream.get());
  });
}

void destroy(OnednnProduct* product) { delete product; }

}  // namespace

extern "C" __attribute__((visibility("default"))) const OnednnPlugin* minnow_onednn() {
  static constexpr OnednnPlugin kPlugin{.abi = kOnednnAbi,
                                        .version = version,
                                        .workspace_bytes = workspace_bytes,
                                        .create = create,
                                        .implementation = implementation,
                                        .run = run,
                                        .destroy = destroy};
  return &kPlugin;
}

}  // namespace minnow
