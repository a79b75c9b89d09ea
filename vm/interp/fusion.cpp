#include "vm/interp/fusion.h"

#include <vector>

#include "vm/base/check.h"
#include "vm/interp/fusion_rules.h"
#include "vm/interp/op_length.h"
#include "vm/interp/ops.h"

namespace lunabeam::vm::interp {

static_assert(kOpCount <= kMaxOps);

namespace {

// The sequences as a tree: from a node, an operation leads to the node of the longer sequence.
// Invariant 1: node 0 is the root; 0 as a successor means none.
class FusionTree {
 public:
  FusionTree() : slots_(kSlots), fused_(1, 0) {
    for (u32 i = 0; i < kFused.size; ++i) {
      const Fused& fused = kFused.list[i];
      u16 node = 0;
      for (u32 part = 0; part + 1u < fused.parts; ++part) node = grow(node, fused.ids[part]);
      const u16 last = fused.ids[fused.parts - 1];
      const auto id = static_cast<u16>(kFusedBase + i);
      end(grow(node, last), id);
      if (has_a_form(last)) end(grow(node, last - 1), id);
    }
    for (u16 id = 0; id < kFusedBase; ++id) heads_[id] = look_up(0, id);
  }

  [[nodiscard]] u16 head(u16 id) const { return heads_[id]; }
  [[nodiscard]] u16 next(u16 node, u16 id) const { return look_up(node, id); }
  // The fused operation that ends at `node`, or 0.
  [[nodiscard]] u16 fused(u16 node) const { return fused_[node]; }

 private:
  static constexpr u32 kSlots = 32768;
  struct Slot {
    u32 key = 0;  // node << 16 | id; 0 = free (id 0 is no operation).
    u16 node = 0;
  };

  // An S form is one above its A form.
  static bool has_a_form(u16 id) {
    const OpDesc& op = kOps[id];
    switch (op.kind) {
      case OpKind::kBinary:
      case OpKind::kFloatBinary:
      case OpKind::kUnary: return op.dest == Dest::kS;
      case OpKind::kLoad: return op.dest == Dest::kS && static_cast<LoadForm>(op.form) != LoadForm::kX;
      case OpKind::kVector:
        return op.dest == Dest::kS &&
               (family_of(op.opcode()) == OpFamily::kVectorTest || family_of(op.opcode()) == OpFamily::kVectorExtract);
      case OpKind::kSpecial: return op.special() == Special::select_A_S || op.special() == Special::fselect_A_S;
      default: return false;
    }
  }

  static u32 place(u32 key) { return (key * 0x9E37'79B1u) >> 17; }
  [[nodiscard]] u16 look_up(u16 node, u16 id) const {
    const u32 key = u32{node} << 16 | id;
    for (u32 at = place(key); slots_[at].key != 0; at = (at + 1) % kSlots) {
      if (slots_[at].key == key) return slots_[at].node;
    }
    return 0;
  }
  u16 grow(u16 node, u16 id) {
    if (const u16 there = look_up(node, id); there != 0) return there;
    VM_CHECK(fused_.size() < kSlots / 2);
    const u32 key = u32{node} << 16 | id;
    u32 at = place(key);
    while (slots_[at].key != 0) at = (at + 1) % kSlots;
    slots_[at] = Slot{key, static_cast<u16>(fused_.size())};
    fused_.push_back(0);
    return slots_[at].node;
  }
  void end(u16 node, u16 id) {
    if (fused_[node] == 0) fused_[node] = id;
  }

  std::vector<Slot> slots_;
  std::vector<u16> fused_;
  u16 heads_[kFusedBase];
};

const FusionTree& tree() {
  static const FusionTree kTree;
  return kTree;
}

// What an operation may be written as without changing what it does, so that rules need not name every spelling: a commutative one with
// acc on the right is the one with acc on the left (their fields are the same), a comparison the swapped one.
struct Spelling {
  Spelling() {
    for (u16 id = 0; id < kFusedBase; ++id) ids[id] = usual(id);
  }
  static u16 usual(u16 id) {
    const OpDesc& op = kOps[id];
    const bool right = (op.kind == OpKind::kBinary || op.kind == OpKind::kFloatBinary || op.kind == OpKind::kBranch) &&
                       static_cast<Form>(op.form) == Form::kSA;
    if (!right) return id;
    const Opcode opcode = op.opcode();
    if (op.kind == OpKind::kBranch) return branch_id(swapped(opcode), Form::kAS, op.back);
    if (family_of(opcode) == OpFamily::kIntCompare) return op_id(swapped(opcode), Form::kAS, op.dest);
    switch (opcode) {
      case Opcode::i32_add:
      case Opcode::i32_mul:
      case Opcode::i32_and:
      case Opcode::i32_or:
      case Opcode::i32_xor:
      case Opcode::i64_add:
      case Opcode::i64_mul:
      case Opcode::i64_and:
      case Opcode::i64_or:
      case Opcode::i64_xor:
      case Opcode::f32_add:
      case Opcode::f32_mul:
      case Opcode::f64_add:
      case Opcode::f64_mul: return op_id(opcode, Form::kAS, op.dest);
      default: return id;
    }
  }
  u16 ids[kFusedBase];
};

}  // namespace

void fuse(std::span<Insn> code) noexcept {
  static const Spelling kSpelling;
  const FusionTree& sequences = tree();
  // Every instruction becomes the head of the longest sequence that starts with it, also inside another's: jumps lead anywhere.
  size_t starts[kMaxParts];
  u32 known = 0;
  size_t end = 0;  // Behind the last known start.
  const auto look = [&] {
    if (end >= code.size()) return false;
    Insn& insn = code[end];
    insn.op = kSpelling.ids[base_op(insn.op)];
    starts[known++] = end;
    end += op_words(&insn);
    return true;
  };
  for (;;) {
    if (known == 0 && !look()) return;
    Insn& head = code[starts[0]];
    u16 node = sequences.head(head.op);
    u16 best = 0;
    for (u32 part = 1; node != 0 && part < kMaxParts; ++part) {
      if (part == known && !look()) break;
      node = sequences.next(node, code[starts[part]].op);
      if (node != 0 && sequences.fused(node) != 0) best = sequences.fused(node);
    }
    if (best != 0) head.op = best;
    for (u32 i = 1; i < known; ++i) starts[i - 1] = starts[i];
    --known;
  }
}

u16 base_op(u16 id) noexcept { return id < kFusedBase ? id : kFused.list[id - kFusedBase].ids[0]; }

std::span<const u16> fused_parts(u16 id) noexcept {
  const Fused& fused = kFused.list[id - kFusedBase];
  return std::span(fused.ids).first(fused.parts);
}

u16 op_count() noexcept { return kOpCount; }

}  // namespace lunabeam::vm::interp
