// A decoded and validated module: immutable, shared by every process that runs it. Built by decode/module_decoder.h, checked by
// validate/module_validator.h; Module::load does both.
//
// Lifetime: reference-counted (std::shared_ptr); a process, a module handle of a guest and a message in flight each hold one.
// Threading: immutable after load, except FuncCode::code, which is published once per function with a release store.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/base/error.h"
#include "vm/feature.h"
#include "vm/func_code.h"
#include "vm/module_budget.h"
#include "vm/types.h"

namespace lunabeam::vm {

class HostRegistry;
struct HostFunction;
struct MemoryImages;
struct TableImages;

// A constant expression: a byte range of the module that ends with `end`, with the common single-instruction forms already
// evaluated.
struct ConstExpr {
  enum class Kind : u8 {
    kValue,  // value = the constant, as a slot (i32 zero-extended, floats as bits, null reference = 0; v128: and high).
    kGlobalGet,  // value = global index.
    kRefFunc,    // value = function index.
    kGeneral,    // Evaluate the bytes: vm/const_expr.h.
  };
  Kind kind = Kind::kValue;
  ValType type;  // Type of the result.
  u64 value = 0;
  u64 high = 0;   // kValue of a v128: its upper half.
  u32 begin = 0;  // Byte range [begin, end) in Module::bytes.
  u32 end = 0;
};

struct Import {
  std::string module;
  std::string name;
  ExternKind kind;
  u32 index;   // Index in the index space of its kind.
  u64 offset;  // Byte offset of the import in the module, for errors.
};

struct Export {
  std::string name;
  ExternKind kind;
  u32 index;
};

struct Table {
  TableType type;
  bool has_init = false;
  ConstExpr init;  // Meaningful iff has_init; else null references.
};

struct Global {
  GlobalType type;
  ConstExpr init;
};

enum class SegmentMode : u8 { kActive, kPassive, kDeclarative };

struct ElemSegment {
  SegmentMode mode;
  u32 table = 0;
  ConstExpr offset;  // kActive.
  ValType type;
  std::vector<ConstExpr> items;
};

struct DataSegment {
  SegmentMode mode;
  u32 memory = 0;
  ConstExpr offset;  // kActive.
  u32 begin = 0;     // Byte range [begin, end) in Module::bytes.
  u32 end = 0;
};

// Names of the custom section `name` (never an error of the module). Looked up only for messages and listings.
struct Names {
  std::string module;
  std::unordered_map<u32, std::string> functions;
};

// What the validator learns about one function body and the translator needs before its first instruction.
struct FuncBody {
  u32 begin = 0;  // Byte range [begin, end) of the body: local declarations and expression.
  u32 end = 0;
  u32 max_num_slots = 0;  // Deepest operand stack, in slots, of non-reference values ...
  u32 max_ref_slots = 0;  // ... and of references.
};

class Module : public std::enable_shared_from_this<Module> {
 public:
  // Decodes and validates `bytes` and resolves function imports that `hosts` knows, by module, name and type. Takes the bytes
  // over: bodies are translated from them at a function's first call.
  // `budget` pays for everything that stays, but for the bytes: mostly before, code once its size is known; nullptr: nobody does.
  // Cost: time and memory linear in bytes.size(), whatever sizes the module declares.
  // Errors: the first one found, with its byte offset. An import that `hosts` knows under another type only is an error
  // (kIncompatibleImportType); a function import that it does not know at all stays unresolved, see require_resolved().
  // kResourceLimit: the budget is exhausted.
  [[nodiscard]] static Result<std::shared_ptr<Module>> load(std::vector<u8> bytes, const HostRegistry* hosts,
                                                            FeatureSet features = FeatureSet::supported(),
                                                            std::unique_ptr<ModuleBudget> budget = nullptr);

  // Takes bytes from the budget. False: there is not that much left. Any thread.
  [[nodiscard]] bool pay(u64 byte_count) const noexcept { return budget == nullptr || budget->charge(byte_count); }

  // Error kUnknownImport for the first import that is not a resolved host function: what a process's module must satisfy.
  [[nodiscard]] Result<void> require_resolved() const;

  // nullptr when there is no such export. Cost: logarithmic in the number of exports.
  [[nodiscard]] const Export* find_export(std::string_view name) const;
  [[nodiscard]] const Export* find_export(std::string_view name, ExternKind kind) const;
  // Name section's name, else the export name, else "func[12]".
  [[nodiscard]] std::string function_name(u32 func_index) const;

  [[nodiscard]] u32 imported_func_count() const { return imported_funcs; }
  [[nodiscard]] TypeId func_type_id(u32 func_index) const { return func_types[func_index]; }

  ~Module();

  // --- Contents. Index spaces start with the imports. Read-only after load. ---
  std::unique_ptr<ModuleBudget> budget;  // ORDER: the first member, so that it goes last.
  std::vector<u8> bytes;
  FeatureSet features;
  std::string file_name;            // For messages; may be empty.
  u64 id = 0;                       // Unique in this VM: key of recycled memories.
  std::vector<TypeId> types;        // TypeIdx -> canonical.
  std::vector<TypeId> type_groups;  // First member of each rec group registered, to release.
  std::vector<Import> imports;
  std::vector<TypeId> func_types;  // FuncIdx -> canonical type.
  std::vector<Table> tables;
  std::vector<MemoryType> memories;
  std::vector<Global> globals;
  std::vector<TypeId> tags;
  std::vector<Export> exports;
  std::vector<ElemSegment> elems;
  std::vector<DataSegment> datas;
  std::vector<FuncBody> bodies;     // [func_index - imported_funcs]
  std::vector<u64> global_offsets;  // GlobalIdx -> first word in Ctx::globals (v128 takes two words).
  u32 global_words = 0;
  bool has_start = false;
  u32 start_func = 0;
  u32 imported_funcs = 0, imported_tables = 0, imported_memories = 0, imported_globals = 0, imported_tags = 0;
  Names names;
  // One per function, imports included; address = identity of the function in a process with one instance (rule P3).
  std::unique_ptr<FuncCode[]> codes;
  // Per imported function: the host function it is bound to, or nullptr (bound to another instance when instantiated).
  std::vector<const HostFunction*> host_imports;

  // Positions in `exports`, in the order of their names; made by the validator. Sorted, not hashed: names are hostile.
  std::vector<u32> exports_by_name;
  // Positions of exported functions, by function index, then as they are declared.
  std::vector<u32> exports_by_func;
  // First contents of the tables, shared by processes (rule P3); made by table_images(), see table.h. Any thread.
  mutable std::once_flag table_images_once;
  mutable std::shared_ptr<const TableImages> table_images;
  // First contents of the memories; made by memory_images(), see memory_image.h. Any thread.
  mutable std::once_flag memory_images_once;
  mutable std::shared_ptr<const MemoryImages> memory_images;
  // First-call translation: held while code is published, and while a large body is translated (translate.h).
  mutable std::mutex publish_lock;
  mutable std::mutex large_body_lock;  // ORDER: taken before publish_lock.
};

}  // namespace lunabeam::vm
