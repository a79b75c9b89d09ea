#include "vm/interp/fusion.h"

#include <array>

#include "vm/base/check.h"
#include "vm/interp/fusion_rules.h"
#include "vm/interp/op_length.h"
#include "vm/interp/ops.h"

namespace lunabeam::vm::interp {

static_assert(kOpCount <= kMaxOps);

namespace {

// The sequences as a tree, made at compile time: from a node, an operation leads to the node of the longer sequence.
// Invariant 1: node 0 is the root; 0 as a successor means that no sequence goes on from there.
class FusionTree {
 public:
  // Where a step leads to: the node of longer sequences, and the fused operation that ends there, or 0.
  struct Step {
    u32 key = 0;  // node << 16 | id; 0 = none (id 0 is no operation).
    u16 node = 0;
    u16 fused = 0;
  };

  constexpr FusionTree() {
    for (u32 i = 0; i < kFused.size; ++i) {
      const Fused& fused = kFused.list[i];
      u16 node = 0;
      for (u32 part = 0; part + 1u < fused.parts; ++part) {
        Step& step = grow(node, fused.ids[part]);
        if (step.node == 0) step.node = nodes_++;
        node = step.node;
      }
      const u16 last = fused.ids[fused.parts - 1];
      const auto id = static_cast<u16>(kFusedBase + i);
      end(grow(node, last), id);
      if (has_a_form(last)) end(grow(node, last - 1), id);
    }
  }

  // False: no sequence goes on from the node with `id`. True is a guess that is right nearly always, from a table that stays in the
  // nearest cache.
  [[nodiscard]] bool may_follow(u16 node, u16 id) const {
    return (followers_[node][id / 64 % kFilterWords] >> (id % 64) & 1) != 0;
  }
  [[nodiscard]] constexpr const Step& next(u16 node, u16 id) const { return steps_[find(u32{node} << 16 | id)]; }

 private:
  static constexpr u32 kPlaceBits = 14;
  static constexpr u32 kPlaces = 1u << kPlaceBits;
  static constexpr u32 kMaxNodes = 512;
  static constexpr u32 kFilterWords = 4;

  // An S form is one above its A form.
  static constexpr bool has_a_form(u16 id) {
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

  // The step's place, or the free one where it would be.
  [[nodiscard]] constexpr u32 find(u32 key) const {
    u32 at = (key * 0x9E37'79B1u) >> (32 - kPlaceBits);
    while (steps_[at].key != 0 && steps_[at].key != key) at = (at + 1) % kPlaces;
    return at;
  }
  constexpr Step& grow(u16 node, u16 id) {
    const u32 key = u32{node} << 16 | id;
    Step& step = steps_[find(key)];
    if (step.key == 0) {
      VM_CHECK(nodes_ < kMaxNodes && ++size_ < kPlaces / 2);
      step.key = key;
      followers_[node][id / 64 % kFilterWords] |= u64{1} << (id % 64);
    }
    return step;
  }
  static constexpr void end(Step& step, u16 id) {
    if (step.fused == 0) step.fused = id;
  }

  std::array<Step, kPlaces> steps_{};
  std::array<std::array<u64, kFilterWords>, kMaxNodes> followers_{};
  u32 size_ = 0;
  u16 nodes_ = 1;
};

constexpr FusionTree kTree;

// What an operation may be written as without changing what it does, so that rules need not name every spelling: a commutative one with
// acc on the right is the one with acc on the left (their fields are the same), a comparison the swapped one.
struct Spelling {
  constexpr Spelling() {
    for (u16 id = 0; id < kFusedBase; ++id) ids[id] = usual(id);
  }
  static constexpr u16 usual(u16 id) {
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
  std::array<u16, kFusedBase> ids{};
};

constexpr Spelling kSpelling;

// What fuse() looks up of every operation, together.
struct Entry {
  u16 id = 0;    // Its usual spelling ...
  u16 node = 0;  // ... and the node of the sequences that begin with that.
  u8 words = 0;  // Length; 0 = computed from the operands.
};
constexpr auto kEntries = [] {
  std::array<Entry, kFusedBase> entries{};
  for (u16 id = 0; id < kFusedBase; ++id) {
    const u16 usual = kSpelling.ids[id];
    entries[id] = Entry{.id = usual, .node = kTree.next(0, usual).node, .words = kOps[id].words};
  }
  return entries;
}();

[[nodiscard]] u32 length(const Insn* insn) {
  const u32 words = kEntries[insn->op].words;
  return words != 0 ? words : op_words(insn);
}

}  // namespace

void fuse(std::span<Insn> code) noexcept {
  for (size_t at = 0; at < code.size();) {
    Insn& insn = code[at];
    insn.op = kEntries[base_op(insn.op)].id;
    at += length(&insn);
  }
  // Every instruction becomes the head of the longest sequence that starts with it, also inside another's: jumps lead anywhere.
  for (size_t at = 0; at < code.size();) {
    Insn& head = code[at];
    const size_t behind = at + length(&head);
    u16 node = kEntries[head.op].node;
    at = behind;
    u16 best = 0;
    for (size_t next = behind; node != 0 && next < code.size(); next += length(&code[next])) {
      if (!kTree.may_follow(node, code[next].op)) break;
      const FusionTree::Step& step = kTree.next(node, code[next].op);
      node = step.node;
      if (step.fused != 0) best = step.fused;
    }
    if (best != 0) head.op = best;
  }
}

u16 base_op(u16 id) noexcept { return id < kFusedBase ? id : kFused.list[id - kFusedBase].ids[0]; }

std::span<const u16> fused_parts(u16 id) noexcept {
  const Fused& fused = kFused.list[id - kFusedBase];
  return std::span(fused.ids).first(fused.parts);
}

u16 op_count() noexcept { return kOpCount; }

}  // namespace lunabeam::vm::interp
