// Statements of ProgramGenerator on references, objects of the garbage-collected heap and exceptions.
#include <algorithm>

#include "tests/support/program_generator.h"

namespace lunabeam::tests {
namespace {

constexpr std::string_view kNodeFields = "inaivm";  // The fourth is packed.
constexpr u8 kPackedField = 3;
constexpr u8 kNode = 0, kLeaf = 1, kBytes = 2, kNodes = 3;
constexpr u8 kGc = 0xFB;

constexpr u8 index_of(char type) { return type == 'n' ? kNode : type == 'b' ? kBytes : kNodes; }
constexpr bool is_reference(char type) { return std::string_view("rnbmaex").find(type) != std::string_view::npos; }

}  // namespace

void ProgramGenerator::object_constant(char type) {
  switch (type) {
    case 'x': put({0xD0, 0x69}); break;
    case 'e':
      if (random_.chance(50)) {
        put({0xD0, 0x6F});
      } else {
        append(code_, i32_const(static_cast<i32>(random_.next())));
        put({kGc, 0x1C, kGc, 0x1B});  // ref.i31, extern.convert_any
      }
      break;
    case 'a':
      if (random_.chance(30)) {
        put({0xD0, 0x6E});
      } else if (random_.chance(30)) {
        append(code_, i32_const(static_cast<i32>(random_.next())));
        put({kGc, 0x1C});
      } else {
        fresh("nbm"[random_.below(3)]);
      }
      break;
    default:
      if (random_.chance(30)) {
        put({0xD0, index_of(type)});
      } else {
        fresh(type);
      }
  }
}

void ProgramGenerator::fresh(char type) {
  if (type == 'n') {
    put({kGc, 0x01, random_.chance(70) ? kNode : kLeaf});
    return;
  }
  append(code_, i32_const(static_cast<i32>(type == 'b' ? 8 + random_.below(9) : 4 + random_.below(4))));
  put({kGc, 0x07, index_of(type)});
}

void ProgramGenerator::non_null(char type) {
  if (random_.chance(3)) return;
  const u32 guard = type == 'n' ? guard_node_ : type == 'b' ? guard_bytes_ : guard_nodes_;
  open_block(0x02, guard);
  put(0xD6, 0);
  fresh(type);
  put({kEnd});
}

bool ProgramGenerator::reference() {
  // Of the references there are, not only those to functions.
  char type = 'r';
  if (letters_.size() > 6) {
    do {
      type = any_letter();
    } while (!is_reference(type));
  }
  switch (random_.below(4)) {
    case 0:
      if (type == 'r' && !random_.chance(10) && !functions_.empty()) {
        append(code_, ref_func(first_func_ + random_.below(static_cast<u32>(functions_.size()))));
        stack_ += 'r';
        if (const int local = local_of('r'); local >= 0 && random_.chance(50)) put(0x22, static_cast<u64>(local));
      } else if (type == 'r' || random_.chance(4)) {
        need(std::string_view(&type, 1));
      } else {
        return true;
      }
      put({0xD4});
      return true;
    case 1: {
      const u32 depth = label();
      need(label_types(depth) + type);
      put(0xD5, depth);
      return true;
    }
    case 2: {
      const u32 depth = label();
      if (label_types(depth).empty() || !is_reference(label_types(depth).back())) return true;
      need(label_types(depth));
      put(0xD6, depth);
      pop(1);
      return true;
    }
    default: return call_ref();
  }
}

// --- Objects ---

bool ProgramGenerator::object() {
  switch (random_.below(12)) {
    case 0:
    case 1:
    case 2: return struct_field();
    case 3:
    case 4: return array_element();
    case 5: return array_range();
    case 6:
    case 7: return new_object();
    case 8: return cast();
    case 9: {
      const std::string pair{"nbm"[random_.below(3)], "nbm"[random_.below(3)]};
      need(pair);
      pop(2);
      put({0xD3});
      stack_ += 'i';
      return true;
    }
    case 10:
      if (random_.chance(50)) {
        need("i");
        put({kGc, 0x1C});
        stack_.back() = 'a';
      } else {
        need("i");
        put({kGc, 0x1C, kGc, static_cast<u8>(0x1D + random_.below(2))});
      }
      return true;
    default:
      if (random_.chance(50)) {
        need("a");
        put({kGc, 0x1B});
        stack_.back() = 'e';
      } else {
        need("e");
        put({kGc, 0x1A});
        stack_.back() = 'a';
      }
      return true;
  }
}

bool ProgramGenerator::struct_field() {
  const u8 field = static_cast<u8>(random_.below(static_cast<u32>(kNodeFields.size())));
  const char type = kNodeFields[field];
  need("n");
  non_null('n');
  if (random_.chance(50)) {
    const u8 get = field == kPackedField ? static_cast<u8>(3 + random_.below(2)) : 2;
    put({kGc, get, kNode, field});
    stack_.back() = type;
  } else {
    push(type);
    put({kGc, 0x05, kNode, field});
    pop(2);
  }
  return true;
}

bool ProgramGenerator::array_element() {
  const char type = "bm"[random_.below(2)];
  const u8 index = index_of(type);
  need(std::string_view(&type, 1));
  non_null(type);
  if (random_.chance(10)) {
    put({kGc, 0x0F});
    stack_.back() = 'i';
    return true;
  }
  small_operands(1, type == 'b' ? 7 : 3);
  if (random_.chance(50)) {
    put({kGc, static_cast<u8>(type == 'b' ? 0x0C + random_.below(2) : 0x0B), index});
    pop(2);
    stack_ += type == 'b' ? 'i' : 'n';
  } else {
    push(type == 'b' ? 'i' : 'n');
    put({kGc, 0x0E, index});
    pop(3);
  }
  return true;
}

bool ProgramGenerator::array_range() {
  const char type = "bm"[random_.below(2)];
  const u8 index = index_of(type);
  need(std::string_view(&type, 1));
  non_null(type);
  small_operands(1, 3);
  switch (random_.below(3)) {
    case 0:
      push(type == 'b' ? 'i' : 'n');
      small_operands(1, type == 'b' ? 7 : 3);
      put({kGc, 0x10, index});
      pop(4);
      return true;
    case 1:
      push(type);
      non_null(type);
      small_operands(2, 1);
      put({kGc, 0x11, index, index});
      pop(5);
      return true;
    default:
      small_operands(2, 1);
      if (type == 'b') {
        put({kGc, 0x12, index, 0});
      } else {
        put({kGc, 0x13, index});
        append(code_, leb(node_elems_));
      }
      pop(4);
      return true;
  }
}

bool ProgramGenerator::new_object() {
  switch (random_.below(7)) {
    case 0:
    case 1:
      need(kNodeFields);
      pop(kNodeFields.size());
      put({kGc, 0x00, kNode});
      stack_ += 'n';
      return true;
    case 2:
      need(std::string(kNodeFields) + "Fi");
      pop(kNodeFields.size() + 2);
      put({kGc, 0x00, kLeaf});
      stack_ += 'n';
      return true;
    case 3: {
      const bool bytes = random_.chance(50);
      need(bytes ? "i" : "n");
      small_operands(1, bytes ? 0xFFF : 0x1F);
      pop(2);
      put({kGc, 0x06, bytes ? kBytes : kNodes});
      stack_ += bytes ? 'b' : 'm';
      return true;
    }
    case 4:
      need("nnnn");
      pop(4);
      put({kGc, 0x08, kNodes, 4});
      stack_ += 'm';
      return true;
    case 5:
      small_operands(2, 7);
      pop(2);
      put({kGc, 0x09, kBytes, 0});
      stack_ += 'b';
      return true;
    default:
      small_operands(2, 1);
      pop(2);
      put({kGc, 0x0A, kNodes});
      append(code_, leb(node_elems_));
      stack_ += 'm';
      return true;
  }
}

bool ProgramGenerator::cast() {
  static constexpr u8 kTargets[] = {kNode, kLeaf, kBytes, kNodes, 0x6C,
                                    0x6B,  0x6A,  0x6D,   0x71};  // ... i31 struct array eq none
  // From nodes up and down again.
  if (!stack_.empty() && height() > 0 && stack_.back() == 'n' && random_.chance(50)) stack_.back() = 'a';
  need("a");
  switch (random_.below(4)) {
    case 0:
      put({kGc, static_cast<u8>(0x14 + random_.below(2)), kTargets[random_.below(std::size(kTargets))]});
      stack_.back() = 'i';
      return true;
    case 1:
      // What is no node becomes a new one.
      open_block(0x02, any_to_node_);
      put({kGc, 0x18, 0x01, 0x00, 0x6E, random_.chance(70) ? kNode : kLeaf, 0x1A});
      fresh('n');
      put({kEnd});
      stack_.back() = 'n';
      return true;
    case 2: {
      const u32 depth = label();
      const std::string& wanted = label_types(depth);
      if (wanted.empty() || std::string_view("nbma").find(wanted.back()) == std::string_view::npos) return true;
      need(wanted.substr(0, wanted.size() - 1) + 'a');
      const u8 target = wanted.back() == 'a' ? kTargets[random_.below(std::size(kTargets))] : index_of(wanted.back());
      put({kGc, 0x18, static_cast<u8>(0x01 + random_.below(2) * 2)});  // anyref to (ref t) or (ref null t)
      append(code_, leb(depth));
      put({0x6E, target});
      return true;
    }
    default:
      if (!random_.chance(15)) return true;
      put({kGc, static_cast<u8>(0x16 + random_.below(2)), kNode});
      stack_.back() = 'n';
      return true;
  }
}

bool ProgramGenerator::churn() {
  const u32 counter = scratch_i32_ + 1;
  append(code_, i32_const(static_cast<i32>(1 + random_.below(12))));
  put(0x21, counter);
  put({0x03, 0x40});
  const bool makes_list = random_.chance(50);
  if (makes_list) {
    // node = new node(counter, node, node, counter, vector, null)
    put(0x20, counter);
    put(0x20, scratch_node_);
    put(0x20, scratch_node_);
    put(0x20, counter);
    constant('v');
    pop(1);
    put({0xD0, kNodes, kGc, 0x00, kNode});
    put(0x21, scratch_node_);
  } else {
    append(code_, i32_const(static_cast<i32>(random_.below(random_.chance(10) ? 60'000 : 600))));
    put({kGc, 0x07, random_.chance(50) ? kBytes : kNodes, 0x1A});
  }
  put(0x20, counter);
  append(code_, i32_const(1));
  put({0x6B});
  put(0x22, counter);
  put({0x0D, 0, kEnd});
  if (makes_list && random_.chance(70)) {
    put(0x20, scratch_node_);
    stack_ += 'n';
  }
  return true;
}

bool ProgramGenerator::walk() {
  const u32 sum = scratch_i32_, counter = scratch_i32_ + 1;
  need("n");
  pop(1);
  put(0x21, scratch_node_);
  append(code_, i32_const(20));  // The list may be a ring.
  put(0x21, counter);
  put({0x02, 0x40, 0x03, 0x40});
  put(0x20, counter);
  put({0x45, 0x0D, 1});
  put(0x20, counter);
  append(code_, i32_const(1));
  put({0x6B});
  put(0x21, counter);
  put(0x20, scratch_node_);
  put({0xD1, 0x0D, 1});
  // sum = sum * 31 + node.value + node.packed
  put(0x20, sum);
  append(code_, i32_const(31));
  put({0x6C});
  put(0x20, scratch_node_);
  put({kGc, 0x02, kNode, 0, 0x6A});
  put(0x20, scratch_node_);
  put({kGc, 0x03, kNode, kPackedField, 0x6A});
  put(0x21, sum);
  put(0x20, scratch_node_);
  put({kGc, 0x02, kNode, 1});
  put(0x21, scratch_node_);
  put({0x0C, 0, kEnd, kEnd});
  put(0x20, sum);
  stack_ += 'i';
  return true;
}

// --- Exceptions ---

bool ProgramGenerator::exception() {
  switch (random_.below(8)) {
    case 0: conditional_throw(); return true;
    case 1: {
      if (!random_.chance(30)) return true;
      const u32 tag = random_.below(static_cast<u32>(tags_.size()));
      need(tags_[tag]);
      put(0x08, tag);
      return false;
    }
    case 2:
      // Null mostly, unless a handler has just caught it.
      if (height() == 0 || stack_.back() != 'x' || !random_.chance(40)) return true;
      put({0x0A});
      return false;
    default: return try_block();
  }
}

void ProgramGenerator::conditional_throw() {
  small_operands(1, 3);
  pop(1);
  put({0x04, 0x40});
  labels_.push_back({"", stack_.size()});
  const size_t below = stack_.size();
  const u32 tag = random_.below(static_cast<u32>(tags_.size()));
  need(tags_[tag]);
  put(0x08, tag);
  put({kEnd});
  labels_.pop_back();
  stack_.resize(below);
}

bool ProgramGenerator::try_block() {
  if (labels_.size() > 7) return true;
  const auto all = static_cast<u32>(tags_.size());
  // The clause `tag` (all: any exception), with or without the exception itself, to a label of exactly these types.
  const auto types_of = [&](u32 tag, bool with_ref) {
    return (tag == all ? std::string() : tags_[tag]) + (with_ref ? "x" : "");
  };
  const u32 tag = random_.below(all + 1);
  const bool with_ref = random_.chance(40);
  const std::string payload = types_of(tag, with_ref);
  const size_t below = stack_.size();
  open_block(0x02, module_.type("", payload));
  labels_.push_back({payload, below});

  const std::string results = types(2);
  open_block(0x1F, module_.type("", results));
  Bytes clauses;
  u32 num_clauses = 0;
  const auto add_clause = [&](u32 clause_tag, bool clause_ref, u32 depth) {
    clauses.push_back(static_cast<u8>((clause_tag == all ? 2 : 0) + (clause_ref ? 1 : 0)));
    if (clause_tag != all) append(clauses, leb(clause_tag));
    append(clauses, leb(depth));
    ++num_clauses;
  };
  for (u32 tries = random_.below(4); tries > 0; --tries) {
    const u32 other = random_.below(all + 1);
    const bool other_ref = random_.chance(40);
    const u32 depth = random_.below(static_cast<u32>(labels_.size()));
    if (label_types(depth) == types_of(other, other_ref)) add_clause(other, other_ref, depth);
  }
  add_clause(tag, with_ref, 0);
  append(code_, seq({leb(num_clauses), clauses}));
  labels_.push_back({results, below});
  if (random_.chance(50)) conditional_throw();
  arm(results, false);
  put({kEnd});
  labels_.pop_back();
  stack_.resize(below);
  stack_ += results;
  finish(payload);
  put({kEnd});
  labels_.pop_back();
  stack_.resize(below);
  stack_ += payload;
  return true;
}

}  // namespace lunabeam::tests
