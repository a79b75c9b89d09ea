#include "vm/validate/module_validator.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "vm/decode/module_decoder.h"
#include "vm/limits.h"
#include "vm/validate/const_expr_validator.h"
#include "vm/validate/function_validator.h"

namespace lunabeam::vm {
namespace {

constexpr u64 kMaxElements32 = 0xFFFF'FFFF;

// Pages that a memory of the type may have at most: a whole address space, or as many as its size can be told in.
constexpr u64 max_pages(const MemoryType& type) {
  const u32 bits = type.limits.address_type == AddressType::kI64 ? 64 : 32;
  return type.page_size_log2 == 0 ? ~u64{0} >> (64 - bits) : u64{1} << (bits - type.page_size_log2);
}

class ModuleValidator {
 public:
  ModuleValidator(Module& module, const SourceMap& map)
      : module_(module), map_(map), declared_(module.func_types.size(), false), const_exprs_(module, declared_) {}

  [[nodiscard]] Result<void> validate() {
    VM_TRY(check_memories());
    VM_TRY(check_tables());
    VM_TRY(check_tags());
    VM_TRY(check_globals());
    VM_TRY(check_exports());
    VM_TRY(check_start());
    VM_TRY(check_elements());
    VM_TRY(check_datas());
    return check_bodies();
  }

 private:
  [[nodiscard]] u32 all_globals() const { return static_cast<u32>(module_.globals.size()); }
  [[nodiscard]] Result<void> unsupported(Feature feature, u64 offset, std::string_view what) const {
    return fail(ErrorCode::kUnsupportedFeature, offset, fmt::format("{} ({})", name_of(feature), what));
  }
  // Offsets of the imports of one kind, by index.
  [[nodiscard]] std::vector<u32> import_offsets(ExternKind kind) const {
    std::vector<u32> offsets;
    for (size_t i = 0; i < module_.imports.size(); ++i) {
      if (module_.imports[i].kind == kind) offsets.push_back(map_.imports[i]);
    }
    return offsets;
  }

  [[nodiscard]] static Result<void> check_limits(const Limits& limits, u64 most, ErrorCode code, u64 offset) {
    if (limits.min > most || (limits.has_max && limits.max > most)) return fail(code, offset);
    if (limits.has_max && limits.min > limits.max) return fail(ErrorCode::kSizeMinimumGreater, offset);
    return {};
  }

  [[nodiscard]] Result<void> check_memories() {
    std::vector<u32> offsets = import_offsets(ExternKind::kMemory);
    offsets.insert(offsets.end(), map_.own_memories.begin(), map_.own_memories.end());
    for (u32 i = 0; i < module_.memories.size(); ++i) {
      const u64 offset = offsets[i];
      const MemoryType& memory = module_.memories[i];
      if (memory.page_size_log2 != 0 && memory.page_size_log2 != 16) return fail(ErrorCode::kInvalidPageSize, offset);
      VM_TRY(check_limits(memory.limits, max_pages(memory), ErrorCode::kMemorySizeLimit, offset));
      if (memory.shared && !memory.limits.has_max) return fail(ErrorCode::kSharedWithoutMaximum, offset);
      if (i > 0 && !module_.features.has(Feature::kMultiMemory))
        return unsupported(Feature::kMultiMemory, offset, "several memories");
      if (i >= kMaxMemories)
        return fail(ErrorCode::kImplementationLimit, offset, fmt::format("{} memories", module_.memories.size()));
    }
    return {};
  }

  [[nodiscard]] Result<void> check_tables() {
    std::vector<u32> offsets = import_offsets(ExternKind::kTable);
    offsets.insert(offsets.end(), map_.own_tables.begin(), map_.own_tables.end());
    for (u32 i = 0; i < module_.tables.size(); ++i) {
      Table& table = module_.tables[i];
      const u64 offset = offsets[i];
      if (table.type.limits.address_type == AddressType::kI32) {
        VM_TRY(check_limits(table.type.limits, kMaxElements32, ErrorCode::kTableSizeLimit, offset));
      } else {
        VM_TRY(check_limits(table.type.limits, ~u64{0}, ErrorCode::kTableSizeLimit, offset));
      }
      if (table.has_init) {
        VM_TRY(const_exprs_.validate(table.init, table.type.element, module_.imported_globals));
      } else if (i >= module_.imported_tables && !table.type.element.is_defaultable()) {
        return fail(ErrorCode::kTypeMismatch, offset, "a table of non-nullable references needs an initializer");
      }
    }
    return {};
  }

  [[nodiscard]] Result<void> check_tags() {
    for (const TypeId tag : module_.tags) {
      if (!TypeRegistry::global().func(tag).results.empty())
        return fail(ErrorCode::kTypeMismatch, Error::kNoOffset, "a tag has no results");
    }
    return {};
  }

  [[nodiscard]] Result<void> check_globals() {
    for (u32 i = module_.imported_globals; i < module_.globals.size(); ++i) {
      Global& global = module_.globals[i];
      // A global sees imports and the globals before it.
      VM_TRY(const_exprs_.validate(global.init, global.type.type, i));
    }
    return {};
  }

  // Position of the first export whose name an earlier one has. Sorts by name, in time that no choice of names makes worse.
  [[nodiscard]] size_t first_duplicate_export() {
    std::vector<u32>& order = module_.exports_by_name;
    order.resize(module_.exports.size());
    std::iota(order.begin(), order.end(), 0u);
    const auto name_at = [this](u32 position) { return std::string_view(module_.exports[position].name); };
    std::ranges::sort(order, {}, [&](u32 position) { return std::pair(name_at(position), position); });
    size_t first = order.size();
    for (size_t i = 1; i < order.size(); ++i) {
      if (name_at(order[i]) == name_at(order[i - 1])) first = std::min<size_t>(first, order[i]);
    }
    return first;
  }

  [[nodiscard]] Result<void> check_exports() {
    const size_t duplicate = first_duplicate_export();
    for (size_t i = 0; i < module_.exports.size(); ++i) {
      const Export& entry = module_.exports[i];
      const auto check_index = [&](size_t size, ErrorCode code) -> Result<void> {
        if (entry.index < size) return {};
        return fail(code, map_.exports[i], fmt::format("{}", entry.index));
      };
      switch (entry.kind) {
        case ExternKind::kFunc:
          VM_TRY(check_index(module_.func_types.size(), ErrorCode::kUnknownFunction));
          declared_[entry.index] = true;
          break;
        case ExternKind::kTable: VM_TRY(check_index(module_.tables.size(), ErrorCode::kUnknownTable)); break;
        case ExternKind::kMemory: VM_TRY(check_index(module_.memories.size(), ErrorCode::kUnknownMemory)); break;
        case ExternKind::kGlobal: VM_TRY(check_index(module_.globals.size(), ErrorCode::kUnknownGlobal)); break;
        case ExternKind::kTag: VM_TRY(check_index(module_.tags.size(), ErrorCode::kUnknownTag)); break;
      }
      if (i == duplicate)
        return fail(ErrorCode::kDuplicateExportName, map_.exports[i], fmt::format("`{}`", entry.name));
    }
    return {};
  }

  [[nodiscard]] Result<void> check_start() {
    if (!module_.has_start) return {};
    if (module_.start_func >= module_.func_types.size()) {
      return fail(ErrorCode::kUnknownFunction, map_.start, fmt::format("{}", module_.start_func));
    }
    const FuncType& type = TypeRegistry::global().func(module_.func_types[module_.start_func]);
    if (!type.params.empty() || !type.results.empty())
      return fail(ErrorCode::kStartFunction, map_.start, "has parameters or results");
    return {};
  }

  [[nodiscard]] Result<void> check_elements() {
    for (size_t i = 0; i < module_.elems.size(); ++i) {
      ElemSegment& segment = module_.elems[i];
      if (segment.mode == SegmentMode::kActive) {
        if (segment.table >= module_.tables.size())
          return fail(ErrorCode::kUnknownTable, map_.elems[i], fmt::format("{}", segment.table));
        const TableType& table = module_.tables[segment.table].type;
        if (!TypeRegistry::global().matches(segment.type, table.element)) {
          return fail(ErrorCode::kTypeMismatch, map_.elems[i], detail::mismatch_text(table.element, segment.type));
        }
        VM_TRY(const_exprs_.validate(segment.offset, value_type_of(table.limits.address_type), all_globals()));
      }
      for (ConstExpr& item : segment.items) VM_TRY(const_exprs_.validate(item, segment.type, all_globals()));
    }
    return {};
  }

  [[nodiscard]] Result<void> check_datas() {
    for (size_t i = 0; i < module_.datas.size(); ++i) {
      DataSegment& segment = module_.datas[i];
      if (segment.mode != SegmentMode::kActive) continue;
      if (segment.memory >= module_.memories.size()) {
        return fail(ErrorCode::kUnknownMemory, map_.datas[i], fmt::format("{}", segment.memory));
      }
      const AddressType address = module_.memories[segment.memory].limits.address_type;
      VM_TRY(const_exprs_.validate(segment.offset, value_type_of(address), all_globals()));
    }
    return {};
  }

  [[nodiscard]] Result<void> check_bodies() {
    NullSink sink;
    FunctionValidator<NullSink> validator(module_, sink, &declared_, map_.has_data_count);
    for (u32 i = 0; i < module_.bodies.size(); ++i) {
      FuncBody& body = module_.bodies[i];
      VM_TRY(validator.validate(module_.imported_funcs + i, body.max_num_slots, body.max_ref_slots));
    }
    return {};
  }

  Module& module_;
  const SourceMap& map_;
  std::vector<bool> declared_;  // Functions that ref.func may name in bodies.
  ConstExprValidator const_exprs_;
};

}  // namespace

Result<void> validate_module(Module& module, const SourceMap& map) {
  Result<void> result = map.deferred.has_value() ? Result<void>(std::unexpected(map.deferred.error()))
                                                 : ModuleValidator(module, map).validate();
  if (result) return result;
  if (std::optional<Error> malformed = find_malformed_body(module, map, 0))
    return std::unexpected(*std::move(malformed));
  return result;
}

}  // namespace lunabeam::vm
