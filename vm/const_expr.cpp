// Constant expressions of more than one instruction, and the rarer single ones.
#include "vm/const_expr.h"

#include <cstdlib>
#include <cstring>

#include "vm/base/check.h"
#include "vm/gc/heap.h"
#include "vm/gc/layout.h"
#include "vm/interp/gc_ops.h"
#include "vm/type_registry.h"

namespace lunabeam::vm {
namespace {

// Operators as the binary format encodes them (spec 3.0, "Instructions"); those allowed here and implemented.
enum Operator : u8 {
  kEnd = 0x0B,
  kGlobalGet = 0x23,
  kI32Const = 0x41,
  kI64Const = 0x42,
  kF32Const = 0x43,
  kF64Const = 0x44,
  kI32Add = 0x6A,
  kI32Sub = 0x6B,
  kI32Mul = 0x6C,
  kI64Add = 0x7C,
  kI64Sub = 0x7D,
  kI64Mul = 0x7E,
  kRefNull = 0xD0,
  kRefFunc = 0xD2,
  kGcPrefix = 0xFB,
  kVectorPrefix = 0xFD,
};
// Behind kGcPrefix.
enum GcOperator : u8 {
  kStructNew = 0,
  kStructNewDefault = 1,
  kArrayNew = 6,
  kArrayNewDefault = 7,
  kArrayNewFixed = 8,
  kAnyConvertExtern = 26,
  kExternConvertAny = 27,
  kRefI31 = 28,
};

// InitBudget::note_work for an expression, beside the objects it makes.
constexpr u64 kEvalBytes = 128;
constexpr u64 kEvalBytesPerByte = 16;

// LEB128 of validated bytes.
u64 read_unsigned(const u8*& p) {
  u64 value = 0;
  for (u32 shift = 0;; shift += 7) {
    const u8 byte = *p++;
    value |= static_cast<u64>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
}

i64 read_signed(const u8*& p) {
  u64 value = 0;
  for (u32 shift = 0;;) {
    const u8 byte = *p++;
    value |= static_cast<u64>(byte & 0x7F) << shift;
    shift += 7;
    if ((byte & 0x80) == 0) {
      if (shift < 64 && (byte & 0x40) != 0) value |= ~u64{0} << shift;
      return static_cast<i64>(value);
    }
  }
}

template <class T>
u64 read_bits(const u8*& p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  p += sizeof value;
  return value;
}

// The operand stack. References lie apart, where the collector sees them: an operator may allocate.
class Operands {
 public:
  Operands(ExecContext& exec, u64 expr_bytes)
      : scope_(exec, ref_storage(expr_bytes), &refs_), nums_at_(num_storage()) {}
  ~Operands() { std::free(heap_); }
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;

  // False: out of memory.
  [[nodiscard]] bool ok() const { return scope_.words() != nullptr; }

  void push_num(u64 value) { nums_at_[nums_++] = value; }
  void push_ref(u64 value) { scope_.words()[refs_++] = value; }
  void push(ValType type, const u64* words) {
    for (u32 i = 0; i < type.slots(); ++i) type.is_ref() ? push_ref(words[i]) : push_num(words[i]);
  }
  [[nodiscard]] u64 pop_num() { return nums_at_[--nums_]; }
  // The topmost `count` words of either class, or all there are of them from the first on.
  [[nodiscard]] const u64* top_nums(u64 count) const { return nums_at_ + nums_ - count; }
  [[nodiscard]] const u64* top_refs(u64 count) const { return scope_.words() + refs_ - count; }
  [[nodiscard]] const u64* top(ValType type, u64 count) const {
    return type.is_ref() ? top_refs(count) : top_nums(count * type.slots());
  }
  void drop(u64 nums, u64 refs) {
    nums_ -= nums;
    refs_ -= refs;
  }

 private:
  static constexpr u64 kInlineWords = 64;

  // An operand takes at least two bytes of the expression; it has at most two words.
  u64* ref_storage(u64 expr_bytes) {
    words_ = expr_bytes + 2;
    if (words_ <= kInlineWords) return inline_;
    heap_ = static_cast<u64*>(std::malloc(2 * words_ * sizeof(u64)));
    return heap_;
  }
  u64* num_storage() { return scope_.words() == nullptr ? nullptr : scope_.words() + words_; }

  u64 inline_[2 * kInlineWords];
  u64* heap_ = nullptr;
  u64 words_ = 0;  // Room for each class.
  u64 nums_ = 0;
  u64 refs_ = 0;
  gc::RootScope scope_;
  u64* nums_at_;
};

// Where objects are made, and who pays.
struct Maker {
  ExecContext& exec;
  InitBudget& budget;
};

// The operators that make objects. False: out of memory, or of the budget.
bool make_struct(const Maker& maker, TypeId id, bool from_operands, Operands& operands) {
  const TypeRegistry& registry = TypeRegistry::global();
  const gc::Layout& layout = registry.layout(id);
  if (!maker.budget.take(layout.bytes)) return false;
  u8* const object = gc::allocate(maker.exec, layout.bytes);
  if (object == nullptr) return false;
  std::memset(object, 0, layout.bytes);
  std::memcpy(object, &layout.header, sizeof layout.header);
  if (from_operands) {
    const std::vector<FieldType>& fields = registry.get(id).fields;
    u64 nums = 0;
    u64 refs = 0;
    for (const FieldType& field : fields) (field.storage.is_ref() ? refs : nums) += field.storage.slots();
    const u64* num = operands.top_nums(nums);
    const u64* ref = operands.top_refs(refs);
    for (size_t i = 0; i < fields.size(); ++i) {
      const ValType storage = fields[i].storage;
      const u64*& from = storage.is_ref() ? ref : num;
      std::memcpy(object + layout.fields[i], from, u64{1} << gc::storage_log2(storage));
      from += storage.slots();
    }
    operands.drop(nums, refs);
  }
  operands.push_ref(reinterpret_cast<u64>(object));
  return true;
}

// An array, uninitialised. 0: out of memory, or of the budget.
u64 allocate_array(const Maker& maker, u64 array_header, u64 length) {
  if (length > 0xFFFF'FFFF || !maker.budget.take(gc::array_bytes(gc::element_log2_of(array_header), length))) return 0;
  return gc::allocate_array(maker.exec, array_header, length);
}

// Elements that all are the same value, the one below the length that was popped (array.new), or 0.
bool make_array(const Maker& maker, TypeId id, bool from_operand, u64 length, Operands& operands) {
  const TypeRegistry& registry = TypeRegistry::global();
  const ValType element = registry.get(id).fields[0].storage;
  const u64 array = allocate_array(maker, registry.layout(id).header, length);
  if (array == 0) return false;
  const u32 size_log2 = gc::storage_log2(element);
  u8* const elements = gc::array_elements(array);
  if (from_operand) {
    interp::fill_elements(elements, size_log2, 0, length, operands.top(element, 1));
    operands.drop(element.is_ref() ? 0 : element.slots(), element.is_ref() ? 1 : 0);
  } else {
    std::memset(elements, 0, length << size_log2);
  }
  operands.push_ref(array);
  return true;
}

bool make_fixed_array(const Maker& maker, TypeId id, u64 length, Operands& operands) {
  const TypeRegistry& registry = TypeRegistry::global();
  const ValType element = registry.get(id).fields[0].storage;
  const u64 array = allocate_array(maker, registry.layout(id).header, length);
  if (array == 0) return false;
  const u64 size = u64{1} << gc::storage_log2(element);
  const u64* value = operands.top(element, length);
  u8* at = gc::array_elements(array);
  for (u64 i = 0; i < length; ++i, at += size, value += element.slots()) std::memcpy(at, value, size);
  operands.drop(element.is_ref() ? 0 : length * element.slots(), element.is_ref() ? length : 0);
  operands.push_ref(array);
  return true;
}

// One operator behind kGcPrefix. False: out of memory, or of the budget.
bool eval_gc_operator(const Ctx& ctx, const u8*& p, Operands& operands, InitBudget& budget) {
  const auto type = [&] { return ctx.module->types[read_unsigned(p)]; };
  const Maker maker{*ctx.exec, budget};
  switch (read_unsigned(p)) {
    case kStructNew: return make_struct(maker, type(), true, operands);
    case kStructNewDefault: return make_struct(maker, type(), false, operands);
    case kArrayNew: return make_array(maker, type(), true, operands.pop_num(), operands);
    case kArrayNewDefault: return make_array(maker, type(), false, operands.pop_num(), operands);
    case kArrayNewFixed: {
      const TypeId id = type();
      return make_fixed_array(maker, id, read_unsigned(p), operands);
    }
    case kRefI31: operands.push_ref(gc::make_i31(static_cast<u32>(operands.pop_num()))); return true;
    case kAnyConvertExtern:
    case kExternConvertAny: return true;
    default: VM_UNREACHABLE("operator that the validator does not allow in a constant expression");
  }
}

}  // namespace

bool eval_general_const_expr(const Ctx& ctx, const ConstExpr& expr, u64* out, InitBudget* budget) noexcept {
  VM_CHECK(budget != nullptr);
  const Module& module = *ctx.module;
  budget->note_work(kEvalBytes + (expr.end - expr.begin) * kEvalBytesPerByte);
  Operands operands(*ctx.exec, expr.end - expr.begin);
  if (!operands.ok()) return false;
  const u8* p = module.bytes.data() + expr.begin;
  for (bool done = false; !done;) {
    VM_DCHECK(p < module.bytes.data() + expr.end);
    const u8 op = *p++;
    switch (op) {
      case kEnd: done = true; break;
      case kI32Const: operands.push_num(static_cast<u32>(read_signed(p))); break;
      case kI64Const: operands.push_num(static_cast<u64>(read_signed(p))); break;
      case kF32Const: operands.push_num(read_bits<u32>(p)); break;
      case kF64Const: operands.push_num(read_bits<u64>(p)); break;
      case kGlobalGet: {
        const u64 index = read_unsigned(p);
        operands.push(module.globals[index].type.type, ctx.globals + module.global_offsets[index]);
        break;
      }
      case kRefNull:
        read_signed(p);
        operands.push_ref(0);
        break;
      case kRefFunc: operands.push_ref(func_ref(ctx, static_cast<u32>(read_unsigned(p)))); break;
      case kGcPrefix:
        if (!eval_gc_operator(ctx, p, operands, *budget)) return false;
        break;
      case kVectorPrefix:  // v128.const is the only one.
        read_unsigned(p);
        operands.push_num(read_bits<u64>(p));
        operands.push_num(read_bits<u64>(p));
        break;
      default: {
        const u64 b = operands.pop_num();
        const u64 a = operands.pop_num();
        switch (op) {
          case kI32Add: operands.push_num(static_cast<u32>(a + b)); break;
          case kI32Sub: operands.push_num(static_cast<u32>(a - b)); break;
          case kI32Mul: operands.push_num(static_cast<u32>(a * b)); break;
          case kI64Add: operands.push_num(a + b); break;
          case kI64Sub: operands.push_num(a - b); break;
          case kI64Mul: operands.push_num(a * b); break;
          default: VM_UNREACHABLE("operator that the validator does not allow in a constant expression");
        }
      }
    }
  }
  std::memcpy(out, operands.top(expr.type, 1), expr.type.slots() * sizeof(u64));
  return true;
}

}  // namespace lunabeam::vm
