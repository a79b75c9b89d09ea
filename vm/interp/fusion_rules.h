// The sequences of operations that have handlers of their own: products of small sets, by rules that follow from how programs compute
// addresses, walk arrays and close loops, not from profiles of particular programs. Ids are numbered from kFusedBase in the
// order of the rules.
#pragma once

#include <array>
#include <initializer_list>

#include "vm/interp/op_table.h"

namespace lunabeam::vm::interp {

inline constexpr u32 kMaxParts = 5;
inline constexpr u32 kMaxFused = 4608;

struct Fused {
  std::array<u16, kMaxParts> ids{};
  u8 parts = 0;
};

namespace detail {

// A set of base ids.
struct IdSet {
  std::array<u16, 128> ids{};
  u32 size = 0;

  constexpr void add(u16 id) { ids[size++] = id; }
  constexpr IdSet operator+(const IdSet& other) const {
    IdSet sum = *this;
    for (u32 i = 0; i < other.size; ++i) sum.add(other.ids[i]);
    return sum;
  }
};

using Ops = std::initializer_list<Opcode>;
using Forms = std::initializer_list<Form>;

constexpr IdSet binary(Ops ops, Forms forms, Dest dest) {
  IdSet set;
  for (const Opcode op : ops) {
    for (const Form form : forms) set.add(op_id(op, form, dest));
  }
  return set;
}
constexpr IdSet loads(Ops ops, std::initializer_list<LoadForm> forms, Dest dest) {
  IdSet set;
  for (const Opcode op : ops) {
    for (const LoadForm form : forms) set.add(op_id(op, form, dest));
  }
  return set;
}
constexpr IdSet stores(Ops ops, std::initializer_list<StoreForm> forms) {
  IdSet set;
  for (const Opcode op : ops) {
    for (const StoreForm form : forms) set.add(op_id(op, form));
  }
  return set;
}
constexpr IdSet branches(Ops ops, Forms forms, bool back) {
  IdSet set;
  for (const Opcode op : ops) {
    for (const Form form : forms) set.add(branch_id(op, form, back));
  }
  return set;
}
constexpr IdSet specials(std::initializer_list<Special> ops) {
  IdSet set;
  for (const Special op : ops) set.add(op_id(op));
  return set;
}
constexpr IdSet unary(Ops ops, UnaryForm form, Dest dest) {
  IdSet set;
  for (const Opcode op : ops) set.add(op_id(op, form, dest));
  return set;
}

// What a part leaves in or takes from an accumulator.
enum class Class : u8 { kNone, kI32, kI64, kF32, kF64 };

constexpr Class class_of(char letter) {
  switch (letter) {
    case 'i':
    case 'a': return Class::kI32;
    case 'I': return Class::kI64;
    case 'f': return Class::kF32;
    case 'F': return Class::kF64;
    default: return Class::kNone;
  }
}
// Result of an A form that must be consumed: kNone for S forms, which others may read from their slot.
constexpr Class produces(u16 id) {
  const OpDesc& op = kOps[id];
  switch (op.kind) {
    case OpKind::kBinary:
    case OpKind::kFloatBinary:
    case OpKind::kUnary:
    case OpKind::kLoad: return op.dest == Dest::kA ? class_of(info(op.opcode()).results()[0]) : Class::kNone;
    default: return Class::kNone;
  }
}
constexpr Class consumes(u16 id) {
  const OpDesc& op = kOps[id];
  switch (op.kind) {
    case OpKind::kBinary:
    case OpKind::kFloatBinary:
    case OpKind::kBranch:
    case OpKind::kFloatBranch: {
      const auto form = static_cast<Form>(op.form);
      return form == Form::kAS || form == Form::kSA || form == Form::kAI ? class_of(info(op.opcode()).signature[0])
                                                                         : Class::kNone;
    }
    case OpKind::kUnary:
      return static_cast<UnaryForm>(op.form) == UnaryForm::kA ? class_of(info(op.opcode()).signature[0]) : Class::kNone;
    case OpKind::kLoad:
      switch (static_cast<LoadForm>(op.form)) {
        case LoadForm::kA: return Class::kI32;
        case LoadForm::kLA: return Class::kI64;
        default: return Class::kNone;
      }
    case OpKind::kStore:
      switch (static_cast<StoreForm>(op.form)) {
        case StoreForm::kAS: return Class::kI32;
        case StoreForm::kLAS: return Class::kI64;
        case StoreForm::kSA:
        case StoreForm::kLSA: return class_of(info(op.opcode()).signature[1]);
        default: return Class::kNone;
      }
    default: return Class::kNone;
  }
}
struct Classes {
  std::array<Class, kFusedBase> out{};
  std::array<Class, kFusedBase> in{};
};
inline constexpr Classes kClasses = [] {
  Classes classes;
  for (u16 id = 0; id < kFusedBase; ++id) {
    classes.out[id] = produces(id);
    classes.in[id] = consumes(id);
  }
  return classes;
}();
// Whether `second` can follow `first` in code that the translator makes: what is left in an accumulator is of the type that is
// taken from it. Specials take what there is.
constexpr bool fits(u16 first, u16 second) {
  const Class out = kClasses.out[first];
  const Class in = kClasses.in[second];
  return out == Class::kNone || in == Class::kNone || out == in;
}

class FusedList {
 public:
  std::array<Fused, kMaxFused> list{};
  u32 size = 0;

  // All sequences of one operation of each set, in order, that fit.
  constexpr void add(std::initializer_list<IdSet> sets) { extend(Fused{}, sets.begin(), sets.end()); }

 private:
  constexpr void extend(const Fused& begun, const IdSet* set, const IdSet* end) {
    if (set == end) {
      list[size++] = begun;
      return;
    }
    for (u32 i = 0; i < set->size; ++i) {
      const u16 id = set->ids[i];
      if (begun.parts != 0 && !fits(begun.ids[begun.parts - 1], id)) continue;
      Fused longer = begun;
      longer.ids[longer.parts++] = id;
      extend(longer, set + 1, end);
    }
  }
};

constexpr FusedList fused_list() {
  using enum Opcode;
  using enum Form;
  constexpr Dest A = Dest::kA;
  constexpr Dest S = Dest::kS;
  FusedList f;

  // --- Sets. SA forms of commutative operations do not occur: fuse() turns them into AS. ---
  // Values computed from slots into acc, from acc into acc, and the ends of such chains.
  const IdSet from_slots32 = binary({i32_add, i32_mul, i32_and}, {kSS, kSI}, A) +
                             binary({i32_sub, i32_or, i32_xor}, {kSS}, A) +
                             binary({i32_shl, i32_shr_s, i32_shr_u, i32_rotl}, {kSI}, A);
  const IdSet from_slots64 = binary({i64_add, i64_mul, i64_and}, {kSS, kSI}, A) +
                             binary({i64_sub, i64_or, i64_xor}, {kSS}, A) +
                             binary({i64_shl, i64_shr_s, i64_shr_u, i64_rotl}, {kSI}, A);
  const auto chain32 = [](Dest d) {
    return binary({i32_add, i32_and, i32_xor}, {kAS, kAI}, d) + binary({i32_sub}, {kAS, kSA}, d) +
           binary({i32_mul, i32_or}, {kAS}, d) + binary({i32_shl, i32_shr_s, i32_shr_u, i32_rotl}, {kAI}, d);
  };
  const auto chain64 = [](Dest d) {
    return binary({i64_add, i64_and, i64_xor}, {kAS, kAI}, d) + binary({i64_sub}, {kAS, kSA}, d) +
           binary({i64_mul, i64_or}, {kAS}, d) + binary({i64_shl, i64_shr_s, i64_shr_u, i64_rotl}, {kAI}, d);
  };
  const IdSet loads32 =
      loads({i32_load, i32_load8_u, i32_load8_s, i32_load16_u, i32_load16_s}, {LoadForm::kS, LoadForm::kA}, A);
  const IdSet loads64 = loads({i64_load, i64_load32_u, i64_load8_u}, {LoadForm::kS, LoadForm::kA}, A);
  const auto loads_at_acc = [](Dest d) {
    return loads({i32_load, i32_load8_u, i32_load8_s, i32_load16_u, i32_load16_s, i64_load, i64_load8_u, i64_load32_u,
                  f32_load, f64_load},
                 {LoadForm::kA}, d);
  };
  const IdSet address = binary({i32_add}, {kSS, kSI, kAS, kAI}, A) + binary({i32_shl, i32_and}, {kSI, kAI}, A);
  const IdSet loads32_kept =
      loads({i32_load, i32_load8_u, i32_load8_s, i32_load16_u, i32_load16_s}, {LoadForm::kS, LoadForm::kA}, S);
  const IdSet stores32 = stores({i32_store, i32_store8, i32_store16}, {StoreForm::kSA});
  const IdSet stores64 = stores({i64_store}, {StoreForm::kSA});
  const IdSet stores_at_acc =
      stores({i32_store, i32_store8, i32_store16, i64_store, f32_store, f64_store}, {StoreForm::kAS});
  const IdSet tests = specials({Special::br_if_A, Special::br_ifz_A, Special::br_if_back_A, Special::br_ifz_back_A});
  const IdSet compares32 = binary({i32_eq, i32_ne, i32_lt_s, i32_lt_u, i32_gt_s, i32_gt_u}, {kSS, kSI, kAS, kAI}, A) +
                           binary({i32_le_s, i32_le_u, i32_ge_s, i32_ge_u}, {kSS, kAS}, A);
  const IdSet step32 = binary({i32_add}, {kSI, kSS}, S);
  const IdSet ends = branches({i32_ne, i32_lt_s, i32_lt_u, i32_eq, i32_gt_s, i32_gt_u, i32_ge_s, i32_le_s},
                              {kSS, kSI, kAS, kAI}, true);
  const IdSet ret = specials({Special::ret_A});
  const IdSet moves = specials({Special::mov});
  const IdSet consts = specials({Special::const16, Special::const32u});

  // Addresses of static data and other constants beyond 16 bits.
  const IdSet const32 = specials({Special::const32u});
  const IdSet const64 = specials({Special::const64});
  const IdSet with_const32 = binary({i32_add, i32_mul, i32_and, i32_or, i32_xor}, {kSS, kAS}, S);
  const IdSet add_const = binary({i32_add}, {kSS, kAS}, A);
  const IdSet add_const_acc = binary({i32_add}, {kAS}, A);
  const IdSet scale = binary({i32_shl}, {kSI, kAI}, A);
  const IdSet stores_imm = stores({i32_store, i32_store8, i32_store16, i64_store}, {StoreForm::kSI});
  const IdSet loads_x = loads({i32_load, i32_load8_u, i64_load, f64_load}, {LoadForm::kX}, S);
  const IdSet table_branch = specials({Special::br_table_A});

  // --- Chains of integer arithmetic ---
  f.add({from_slots32, chain32(S)});
  f.add({chain32(A), chain32(S)});
  f.add({from_slots64, chain64(S)});
  f.add({chain64(A), chain64(S)});

  // --- Addresses, loads, and what is done with what was loaded ---
  f.add({address, loads_at_acc(S)});
  f.add({binary({i32_shl}, {kSI, kAI}, A) + binary({i32_and}, {kAI}, A), binary({i32_add}, {kAS, kAI}, A),
         loads_at_acc(S)});
  f.add({loads32, chain32(S)});
  f.add({loads64, chain64(S)});
  f.add({loads32, tests});
  f.add({loads32, branches({i32_eq, i32_ne, i32_lt_s, i32_lt_u, i32_gt_s, i32_gt_u}, {kAS, kAI}, false)});
  f.add({loads32, branches({i32_eq, i32_ne}, {kAS, kAI}, true)});
  f.add({binary({i32_add}, {kSS, kAS}, A), loads({i32_load, i32_load8_u}, {LoadForm::kA}, A), chain32(S)});

  f.add({address, loads({i32_load, i32_load8_u}, {LoadForm::kA}, A), tests + table_branch});
  f.add({address, loads({i32_load, i32_load8_u}, {LoadForm::kA}, A), branches({i32_eq, i32_ne}, {kAS, kAI}, false)});
  f.add({binary({i32_add}, {kSS, kSI, kAS, kAI}, S) + binary({i32_shl}, {kSI}, S), loads_at_acc(S)});
  f.add({loads32_kept, branches({i32_eq, i32_ne, i32_lt_s, i32_lt_u, i32_gt_s, i32_gt_u}, {kAS, kAI}, false)});
  f.add({loads32_kept, branches({i32_eq, i32_ne, i32_lt_u, i32_gt_u, i32_lt_s, i32_gt_s}, {kAS, kAI}, true)});
  f.add({loads32_kept, tests + table_branch});
  f.add({loads32 + chain32(A) + binary({i32_and, i32_add}, {kSI}, A), table_branch});

  // --- Operations with large constants ---
  f.add({const32, with_const32});
  f.add({const32, add_const, loads_at_acc(S)});
  f.add({scale, const32, add_const_acc, loads_at_acc(S)});
  f.add({scale, const32, add_const_acc, loads({i32_load}, {LoadForm::kA}, A), table_branch});
  f.add({const32, binary({i32_add}, {kSS, kAS}, S), stores_imm});
  f.add({const32, add_const, stores_at_acc});
  f.add({const32, branches({i32_eq, i32_ne, i32_lt_u, i32_gt_u, i32_lt_s, i32_gt_s}, {kSS, kAS}, false)});
  f.add({const32, branches({i32_eq, i32_ne, i32_lt_u, i32_lt_s}, {kSS, kAS}, true)});
  f.add({step32, const32, branches({i32_ne, i32_eq}, {kAS}, true)});
  f.add({from_slots32 + chain32(A), const32, binary({i32_add, i32_mul, i32_and, i32_xor}, {kAS}, S)});
  f.add({const64, binary({i64_add, i64_mul, i64_and, i64_or, i64_xor}, {kSS, kAS}, S)});
  f.add({const64, binary({f64_add, f64_sub, f64_mul, f64_div}, {kSS, kAS, kSA}, S)});
  f.add({binary({f64_add, f64_sub, f64_mul}, {kSS, kAS}, A), const64,
         binary({f64_add, f64_sub, f64_mul, f64_div}, {kAS}, S)});

  // --- Statics, through offsets beyond 16 bits ---
  f.add({loads({i32_load, i32_load8_u}, {LoadForm::kX}, S), chain32(S) + tests});
  f.add({loads({i32_load, i32_load8_u}, {LoadForm::kX}, S),
         branches({i32_eq, i32_ne, i32_lt_u, i32_lt_s}, {kAS, kAI}, false)});
  f.add({loads({i64_load}, {LoadForm::kX}, S), chain64(S)});
  f.add({loads({f64_load}, {LoadForm::kX}, S), binary({f64_add, f64_mul}, {kAS}, S)});
  f.add({binary({i32_add}, {kSS, kSI, kAI}, S) + binary({i32_shl}, {kSI}, S),
         loads_x + stores({i32_store}, {StoreForm::kX})});
  f.add({specials({Special::const16}), loads_x + stores({i32_store}, {StoreForm::kX})});

  // --- Stores of computed values, stores to computed addresses, copies ---
  f.add({from_slots32 + chain32(A) + loads32, stores32});
  f.add({from_slots64 + chain64(A) + loads64, stores64});
  f.add({address, stores_at_acc});

  f.add({binary({i32_add}, {kSS, kSI, kAS, kAI}, S), stores_imm});
  f.add({binary({i32_add}, {kSI, kSS, kAI, kAS}, S) + binary({i32_and, i32_or, i32_xor}, {kSS, kAS}, S), stores32});
  f.add({stores({i32_store, i32_store8, i64_store, f64_store}, {StoreForm::kSA, StoreForm::kSS}),
         specials({Special::br, Special::br_back})});
  f.add({stores({i32_store, i32_store8}, {StoreForm::kSS, StoreForm::kSI}),
         stores({i32_store, i32_store8}, {StoreForm::kSS, StoreForm::kSI})});
  f.add({stores({i32_store, i32_store8, i64_store, f64_store, f32_store}, {StoreForm::kSA}),
         binary({i32_add}, {kSI}, S)});
  f.add({stores({i32_store, i32_store8, i64_store, f64_store, f32_store}, {StoreForm::kSA}),
         binary({i32_add}, {kSI}, S), tests + ends});

  // --- Loop ends and tests ---
  f.add({step32 + binary({i32_add}, {kAI}, S), ends});
  f.add({binary({i32_add}, {kSI}, S), binary({i32_add}, {kSI}, S), ends});
  f.add({step32, tests + specials({Special::br_if_back_S, Special::br_back})});
  f.add({binary({i32_add}, {kSI}, S), binary({i32_add}, {kSI}, S),
         specials({Special::br_if_back_S, Special::br_if_back_A, Special::br_back})});
  f.add({step32, step32});
  f.add({step32 + binary({i32_add}, {kAS, kAI}, S),
         branches({i32_eq, i32_ne, i32_lt_u, i32_gt_u, i32_lt_s, i32_gt_s, i32_ge_s}, {kSS, kSI, kAS, kAI}, false)});
  f.add({step32, moves});
  f.add({step32, moves, ends + specials({Special::br_back})});
  f.add({step32, loads({i32_load, i32_load8_u}, {LoadForm::kS}, S)});
  f.add({loads({i32_load, i32_load8_u}, {LoadForm::kS}, S), step32});
  f.add({loads({i32_load, i32_load8_u}, {LoadForm::kS}, S), loads({i32_load, i32_load8_u}, {LoadForm::kS}, S)});
  f.add({step32, scale});
  f.add({binary({i32_and}, {kSS, kSI, kAS, kAI}, A), tests});
  f.add({from_slots32 + chain32(A),
         branches({i32_eq, i32_ne, i32_lt_u, i32_gt_u, i32_lt_s, i32_gt_s}, {kAS, kAI}, false)});
  f.add({compares32, specials({Special::select_A_S, Special::fselect_A_S})});

  // --- Floats ---
  const auto float_chain = [&f](Opcode add, Opcode sub, Opcode mul, Opcode div, Opcode load, Opcode store) {
    const IdSet heads = binary({add, sub, mul, div}, {kSS, kAS}, A) + binary({sub, div}, {kSA}, A);
    const IdSet tails = binary({add, sub, mul, div}, {kAS}, S) + binary({sub, div}, {kSA}, S);
    const IdSet load_here = loads({load}, {LoadForm::kS, LoadForm::kA}, A);
    f.add({heads, tails});
    f.add({load_here, tails});
    f.add({heads, stores({store}, {StoreForm::kSA})});
    f.add({load_here, stores({store}, {StoreForm::kSA})});
    f.add({load_here, binary({mul}, {kAS}, A), binary({add, sub}, {kAS}, S) + binary({sub}, {kSA}, S)});
    f.add({loads({load}, {LoadForm::kS}, S), load_here, binary({add, sub, mul}, {kAS}, S)});
    f.add({binary({mul}, {kSS}, S), binary({mul}, {kSS}, A), binary({add, sub}, {kAS}, S) + binary({sub}, {kSA}, S)});
    f.add({binary({mul, add, sub}, {kSS}, S), binary({mul, add, sub}, {kSS}, S)});
  };
  float_chain(f64_add, f64_sub, f64_mul, f64_div, f64_load, f64_store);
  float_chain(f32_add, f32_sub, f32_mul, f32_div, f32_load, f32_store);

  // --- Moves ---
  f.add({moves, moves});
  f.add({moves, moves, moves});
  f.add({moves + consts,
         specials({Special::br, Special::br_back, Special::br_if_S, Special::br_ifz_S, Special::br_if_back_S})});
  f.add({moves, moves, specials({Special::br, Special::br_back})});
  f.add({consts, consts + moves});
  f.add({moves, consts + step32});
  f.add({moves, branches({i32_ne, i32_eq, i32_lt_s, i32_lt_u, i32_gt_s, i32_gt_u}, {kSS, kSI}, true)});

  // --- Table lookups by masked index, conditions of 64 bits ---
  const IdSet mask = binary({i32_and}, {kSI, kAI}, A);
  const IdSet scale_acc = binary({i32_shl}, {kAI}, A);
  const IdSet table_loads = loads({i32_load, i32_load8_u, i32_load16_u, i64_load, f64_load}, {LoadForm::kA}, S);
  f.add({mask, scale_acc, binary({i32_add}, {kAS, kAI}, A), table_loads});
  f.add({mask, scale_acc, const32, add_const_acc, table_loads});
  f.add({binary({i32_add, i32_xor}, {kSS, kAS}, A) + binary({i32_add}, {kAI}, A), mask, binary({i32_shl}, {kAI}, S)});
  f.add({const32, binary({i32_add}, {kSS, kAS}, S), loads_at_acc(S)});
  const IdSet compares64 = binary({i64_eq, i64_ne, i64_lt_s, i64_lt_u, i64_gt_s, i64_gt_u}, {kSS, kSI, kAS, kAI}, A);
  const IdSet selects = specials({Special::select_A_S, Special::fselect_A_S});
  f.add({compares64, selects});
  f.add({binary({i64_and}, {kSI, kAI}, A), binary({i64_eq, i64_ne}, {kAI}, A), selects});
  f.add({binary({i32_and}, {kSI, kAI}, A), selects});
  const IdSet ends64 = branches({i64_eq, i64_ne, i64_lt_s, i64_lt_u, i64_gt_s, i64_gt_u}, {kSS, kSI, kAS, kAI}, true);
  const IdSet branches64 =
      branches({i64_eq, i64_ne, i64_lt_s, i64_lt_u, i64_gt_s, i64_gt_u}, {kSS, kSI, kAS, kAI}, false);
  f.add({binary({i64_add}, {kSI, kSS, kAI}, S), ends64 + branches64});
  f.add({binary({i64_and}, {kSI, kAI, kSS}, A) + loads64, branches({i64_eq, i64_ne}, {kAS, kAI}, false)});
  f.add({binary({i64_add}, {kSI}, S), binary({i64_shr_u, i64_add}, {kSI}, S)});

  // --- Ends of loops that store ---
  f.add({stores_imm, binary({i32_add}, {kSI, kSS}, S)});
  f.add({stores_imm, binary({i32_add}, {kSI, kSS}, S), branches({i32_ne, i32_lt_u, i32_lt_s}, {kSS, kAS}, true)});
  f.add({const32, binary({i32_add}, {kSS}, S), stores_imm, binary({i32_add}, {kSI, kSS}, S),
         branches({i32_ne, i32_lt_u, i32_lt_s}, {kSS, kAS}, true)});
  f.add({binary({i32_add, i32_sub}, {kSI, kSS, kAS}, A), stores32, specials({Special::br, Special::br_back})});
  f.add({stores({i32_store, i32_store8, i64_store, f64_store, f32_store}, {StoreForm::kSA}),
         binary({i32_add}, {kSI}, S), specials({Special::br_back})});

  // --- Calls and returns, the shadow stack's pointer ---
  const IdSet calls = specials({Special::call_1, Special::call_2, Special::call_3});
  f.add({binary({i32_add, i32_sub}, {kSI, kSS}, S), calls});
  f.add({moves + consts, calls});
  const IdSet indirect_calls = specials(
      {Special::call_indirect_0, Special::call_indirect_1, Special::call_indirect_2, Special::call_indirect_3});
  f.add({loads({i32_load}, {LoadForm::kS, LoadForm::kA}, S), indirect_calls});
  f.add({binary({i32_add}, {kSS, kAS}, A), loads({i32_load}, {LoadForm::kA}, S), indirect_calls});
  f.add({const32, binary({i32_add, i32_mul, i32_xor, i32_and}, {kSS, kAS}, A), ret});
  f.add({from_slots32 + chain32(A) + from_slots64 + chain64(A) + loads32 + loads64, ret});
  f.add({specials({Special::global_get_A}), binary({i32_add}, {kAI}, S) + binary({i32_sub}, {kAS}, S),
         specials({Special::global_set_A})});
  f.add({binary({i32_add}, {kSI}, A), specials({Special::global_set_A})});
  return f;
}

}  // namespace detail

inline constexpr detail::FusedList kFused = detail::fused_list();

// All ids, base and fused.
inline constexpr u16 kOpCount = static_cast<u16>(kFusedBase + kFused.size);

}  // namespace lunabeam::vm::interp
