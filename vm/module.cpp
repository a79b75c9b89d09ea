#include "vm/module.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <ranges>
#include <utility>

#include "vm/decode/module_decoder.h"
#include "vm/decode/names.h"
#include "vm/decode/structure.h"
#include "vm/frame.h"
#include "vm/host_function.h"
#include "vm/interp/translate.h"
#include "vm/limits.h"
#include "vm/type_registry.h"
#include "vm/validate/module_validator.h"

namespace lunabeam::vm {
namespace {

// Frames of more words have scratch slots within reach of short operands (func_code.h, kWideScratchSlots).
constexpr u64 kMaxNearFrameWords = 65'000;

struct SlotCount {
  u32 num = 0;
  u32 refs = 0;
};

// Slots of the declared locals of a body that was validated.
SlotCount count_locals(const Module& module, const FuncBody& body) {
  Reader reader(module.bytes, body.begin, module.bytes.size());
  DeferredError deferred;
  TypeReader types(reader, module.types, module.features, deferred);
  std::vector<LocalRun> runs;
  SlotCount count;
  if (!read_locals(reader, types, runs)) return count;
  u64 before = 0;
  for (const LocalRun& run : runs) {
    const auto length = static_cast<u32>(run.end - before);
    before = run.end;
    if (run.type.is_ref()) {
      count.refs += length;
    } else {
      count.num += length * run.type.slots();
    }
  }
  return count;
}

// Fixes the frame of every function (frame.h): parameters, scratch slots of wide frames, locals, temporaries, then references.
void lay_out_frames(Module& module) {
  const size_t count = module.func_types.size();
  module.codes = std::make_unique<FuncCode[]>(count);
  for (u32 i = 0; i < count; ++i) {
    FuncCode& code = module.codes[i];
    const FuncShape& shape = TypeRegistry::global().func_shape(module.func_types[i]);
    code.code.store(lazy_entry(), std::memory_order_relaxed);
    code.type = module.func_types[i];
    code.module = &module;
    code.func_index = i;
    code.num_params = shape.param_slots;
    code.ref_params = shape.param_refs;
    if (i < module.imported_funcs) {
      // A thunk runs in the frame: it holds parameters, then results.
      code.host = module.host_imports[i];
      code.ref_base = std::max(shape.param_slots, shape.result_slots);
      code.num_slots = code.ref_base + std::max(shape.param_refs, shape.result_refs);
    } else {
      const FuncBody& body = module.bodies[i - module.imported_funcs];
      const SlotCount locals = count_locals(module, body);
      code.zero_words = locals.num;
      u32 num = shape.param_slots + locals.num + body.max_num_slots;
      const u32 refs = shape.param_refs + locals.refs + body.max_ref_slots;
      if (frame_words_for(num + refs) > kMaxNearFrameWords) {
        num += kWideScratchSlots;
        code.zero_words += kWideScratchSlots;  // They lie between the parameters and the declared locals.
      }
      code.ref_base = num;
      code.num_slots = num + refs;
    }
    code.frame_words = frame_words_for(code.num_slots);
  }
}

void lay_out_globals(Module& module) {
  u32 words = 0;
  module.global_offsets.reserve(module.globals.size());
  for (const Global& global : module.globals) {
    module.global_offsets.push_back(words);
    words += global.type.type.slots();
  }
  module.global_words = words;
}

void list_exported_functions(Module& module) {
  std::vector<u32>& list = module.exports_by_func;
  for (u32 i = 0; i < module.exports.size(); ++i) {
    if (module.exports[i].kind == ExternKind::kFunc) list.push_back(i);
  }
  std::ranges::sort(list, {}, [&module](u32 position) { return std::pair(module.exports[position].index, position); });
}

Result<void> resolve_host_functions(Module& module, const HostRegistry* hosts) {
  module.host_imports.assign(module.imported_funcs, nullptr);
  if (hosts == nullptr) return {};
  for (const Import& import : module.imports) {
    if (import.kind != ExternKind::kFunc) continue;
    const FuncType& type = TypeRegistry::global().func(module.func_types[import.index]);
    if (hosts->find(import.module, import.name, type, &module.host_imports[import.index]) ==
        HostRegistry::Match::kOtherType) {
      return fail(ErrorCode::kIncompatibleImportType, import.offset,
                  fmt::format("`{}::{}` is not of type {}", import.module, import.name, to_string(type)));
    }
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<Module>> Module::load(std::vector<u8> bytes, const HostRegistry* hosts, FeatureSet features,
                                             std::unique_ptr<ModuleBudget> budget) {
  static std::atomic<u64> next_id{1};
  if (bytes.size() > kMaxModuleBytes)
    return fail(ErrorCode::kImplementationLimit, Error::kNoOffset, "module of 4 GiB or more");
  auto module = std::make_shared<Module>();
  module->budget = std::move(budget);
  module->bytes = std::move(bytes);
  module->features = features;
  module->id = next_id.fetch_add(1, std::memory_order_relaxed);
  SourceMap map;
  VM_TRY(decode_module(*module, map));
  VM_TRY(validate_module(*module, map));
  VM_TRY(resolve_host_functions(*module, hosts));
  decode_names(*module, map);
  lay_out_frames(*module);
  lay_out_globals(*module);
  list_exported_functions(*module);
  return module;
}

Result<void> Module::require_resolved() const {
  for (const Import& import : imports) {
    if (import.kind == ExternKind::kFunc && host_imports[import.index] != nullptr) continue;
    return fail(ErrorCode::kUnknownImport, import.offset,
                fmt::format("`{}::{}` has not been defined", import.module, import.name));
  }
  return {};
}

const Export* Module::find_export(std::string_view name) const {
  const auto name_at = [this](u32 position) { return std::string_view(exports[position].name); };
  const auto it = std::ranges::lower_bound(exports_by_name, name, {}, name_at);  // Names are unique in a valid module.
  return it != exports_by_name.end() && name_at(*it) == name ? &exports[*it] : nullptr;
}

const Export* Module::find_export(std::string_view name, ExternKind kind) const {
  const Export* const entry = find_export(name);
  return entry != nullptr && entry->kind == kind ? entry : nullptr;
}

std::string Module::function_name(u32 func_index) const {
  if (const auto it = names.functions.find(func_index); it != names.functions.end()) return it->second;
  const auto func_at = [this](u32 position) { return exports[position].index; };
  const auto it = std::ranges::lower_bound(exports_by_func, func_index, {}, func_at);
  if (it != exports_by_func.end() && func_at(*it) == func_index) return exports[*it].name;
  return fmt::format("func[{}]", func_index);
}

Module::~Module() {
  if (codes != nullptr) {
    for (size_t i = 0; i < func_types.size(); ++i) {
      std::free(codes[i].storage);
      std::free(codes[i].catches);
    }
  }
  // The last one first: groups refer to earlier ones.
  for (const TypeId group : std::views::reverse(type_groups)) TypeRegistry::global().release(group);
}

}  // namespace lunabeam::vm
