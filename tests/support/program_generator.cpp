#include "tests/support/program_generator.h"

#include <algorithm>
#include <iterator>

namespace lunabeam::tests {

ProgramGenerator::ProgramGenerator(Random random, GeneratorOptions options)
    : random_(random), options_(options), value_letters_("iiiIIfFFr"), letters_("iIfFr") {
  const auto add = [&](bool wanted, std::string_view often, std::string_view once, std::string_view statements) {
    if (!wanted) return;
    value_letters_ += often;
    letters_ += once;
    extra_statements_ += statements;
  };
  add(options.vectors, "vvv", "v", "AAA");
  add(options.objects, "nnnbmaae", "nbmae", "OOOOOOOOOOOOCW");
  add(options.exceptions, "x", "x", "XXXX");
  add(options.wide_memory, "", "", "AABB");
  if (options.exceptions) tags_ = {"i", options.objects ? "vn" : "f", "", "FI"};
}

Bytes ProgramGenerator::build() {
  if (options_.objects) declare_types();
  if (options_.exceptions) module_.define_letter('x', {0x69});
  print_i32_ = module_.import_func("spectest", "print_i32", module_.type("i", ""));
  print_mixed_ = module_.import_func("spectest", "print_i32_f32", module_.type("if", ""));
  first_func_ = print_mixed_ + 1;
  for (const std::string& payload : tags_) module_.tag(module_.type(payload, ""));
  define_tables_and_globals();
  if (options_.calls > 0) {
    for (u32 i = 0; i < options_.num_functions; ++i) functions_.push_back({types(5), types(2)});
  }
  for (u32 i = 0; i < options_.num_functions; ++i) function(i);
  module_.elem_active(1, i32_const(0), {first_func_, print_i32_});
  for (u32 i = 0; i < functions_.size(); ++i) module_.elem_active(0, i32_const(static_cast<i32>(i)), {first_func_ + i});
  define_exports();
  module_.data_passive("some bytes that memory.init may copy around");
  return module_.build();
}

void ProgramGenerator::declare_types() {
  // Type indices: 0 $node, 1 $leaf, a subtype of it with (mut f64) (mut i16), 2 $bytes, 3 $nodes.
  const Bytes fields{0x7F, 1, 0x63, 0, 1, 0x6E, 1, 0x78, 1, 0x7B, 1, 0x63, 3, 1};
  module_.rec_group({seq({{0x50, 0, 0x5F, 6}, fields}),
                     seq({{0x50, 1, 0, 0x5F, 8}, fields, {0x7C, 1, 0x77, 1}}),
                     {0x5E, 0x78, 1},
                     {0x5E, 0x63, 0, 1}});
  module_.define_letter('a', {0x6E});
  const auto references = [&](char nullable, char present, u8 index) {
    module_.define_letter(nullable, {0x63, index});
    module_.define_letter(present, {0x64, index});
    return module_.type(std::string_view(&nullable, 1), std::string_view(&present, 1));
  };
  guard_node_ = references('n', 'N', 0);
  guard_bytes_ = references('b', 'B', 2);
  guard_nodes_ = references('m', 'M', 3);
  any_to_node_ = module_.type("a", "n");
}

void ProgramGenerator::define_tables_and_globals() {
  module_.memory(2, 3);
  if (options_.wide_memory) module_.memory64(1, 3);
  module_.table('r', 16, 16);
  module_.table('r', 8, 12);
  num_tables_ = 2;
  module_.global('i', true, i32_const(kFuel));
  module_.global('i', true, i32_const(7));
  module_.global('I', true, i64_const(-9));
  module_.global('f', true, seq({{0x43}, {0, 0, 0x20, 0x40}}));
  module_.global('F', true, seq({{0x44}, {0, 0, 0, 0, 0, 0, 4, 0x40}}));
  module_.global('r', true, ref_null_func());
  global_letters_ = " iIfFr";
  const auto add = [&](char letter, const Bytes& init) {
    module_.global(letter, true, init);
    global_letters_ += letter;
  };
  if (options_.vectors) add('v', {0xFD, 0x0C, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  if (options_.objects) {
    module_.table('a', 8, 20);
    ++num_tables_;
    add('n', {0xFB, 0x01, 0});
    add('b', {0xD0, 2});
    add('m', {0xD0, 3});
    add('a', {0xD0, 0x6E});
    add('e', {0xD0, 0x6F});
    node_elems_ = module_.elem_passive('n', {{0xFB, 0x01, 0}, {0xD0, 0}, {0xFB, 0x01, 1}, {0xD0, 0}});
  }
  if (options_.exceptions) add('x', {0xD0, 0x69});
  if (options_.calls > 0) {
    calls_global_ = static_cast<u32>(global_letters_.size());
    module_.global('i', true, i32_const(static_cast<i32>(options_.calls)));
    global_letters_ += ' ';
  }
}

void ProgramGenerator::define_exports() {
  u32 reset = 0;
  if (options_.exports_all) {
    Bytes body = seq({i32_const(kFuel), global_set(0)});
    if (options_.calls > 0) append(body, seq({i32_const(static_cast<i32>(options_.calls)), global_set(calls_global_)}));
    reset = module_.func(module_.type("", ""), body);
  }
  for (u32 i = 0; i < functions_.size(); ++i) {
    if (options_.exports_all) module_.export_item("r" + std::to_string(i), ModuleBuilder::kFunc, reset);
    module_.export_item("f" + std::to_string(i), ModuleBuilder::kFunc, first_func_ + i);
  }
  module_.export_item("memory", ModuleBuilder::kMemory, 0);
  if (!options_.exports_all) return;
  if (options_.wide_memory) module_.export_item("wide", ModuleBuilder::kMemory, 1);
  for (u32 i = 0; i < global_letters_.size(); ++i)
    module_.export_item("g" + std::to_string(i), ModuleBuilder::kGlobal, i);
  for (u32 i = 0; i < num_tables_; ++i) module_.export_item("t" + std::to_string(i), ModuleBuilder::kTable, i);
}

std::string ProgramGenerator::types(u32 most) {
  std::string out;
  const u32 n = random_.chance(6) ? random_.below(20) : random_.below(most + 1);
  for (u32 i = 0; i < n; ++i) out += value_letters_[random_.below(static_cast<u32>(value_letters_.size()))];
  return out;
}

void ProgramGenerator::function(u32 index) {
  const GeneratedFunction made = index < functions_.size() ? functions_[index] : GeneratedFunction{types(5), types(2)};
  locals_ = made.params;
  std::string declared = types(6) + "iIfF";
  locals_ += declared;
  scratch_f32_ = static_cast<u32>(locals_.size());
  scratch_f64_ = scratch_f32_ + 1;
  declared += "fF";
  const auto scratch = [&](char letter) {
    declared += letter;
    return static_cast<u32>(made.params.size() + declared.size() - 1);
  };
  if (options_.vectors) scratch_v128_ = scratch('v');
  if (options_.objects) {
    scratch_node_ = scratch('n');
    scratch_i32_ = scratch('i');
    (void)scratch('i');
  }
  declared.append(options_.extra_locals, 'i');
  results_ = made.results;
  code_.clear();
  stack_.clear();
  if (options_.calls > 0) guard_calls();
  for (u32 i = 0; i < options_.extra_operands; ++i) append(code_, i32_const(1));
  stack_.assign(options_.extra_operands, 'i');
  labels_ = {{results_, stack_.size()}};
  budget_ = static_cast<i32>(options_.statements);
  bool reachable = true;
  while (reachable && budget_ > 0) reachable = statement();
  if (reachable) {
    finish(results_);
    code_.push_back(0x0F);  // return: drops what lies below the results.
  }
  module_.func(module_.type(made.params, made.results), code_, declared);
  if (index >= functions_.size()) functions_.push_back(made);
}

void ProgramGenerator::guard_calls() {
  append(code_, seq({global_get(calls_global_), {0x45, 0x04, 0x40}}));
  labels_ = {{results_, 0}};
  for (const char type : results_) constant(type);
  stack_.clear();
  append(code_, seq({{0x0F, kEnd}, global_get(calls_global_), i32_const(1), {0x6B}, global_set(calls_global_)}));
}

// --- Operands ---

void ProgramGenerator::float_constant(char type) {
  const bool usual = random_.chance(50);
  if (type == 'f') {
    const u32 bits = usual ? 0x3F00'0000 + (random_.below(8) << 22) : static_cast<u32>(random_.next()) & 0xBFFF'FFFF;
    code_.push_back(0x43);
    for (u32 i = 0; i < 4; ++i) code_.push_back(static_cast<u8>(bits >> 8 * i));
  } else {
    const u64 bits =
        usual ? 0x3FE0'0000'0000'0000 + (u64{random_.below(8)} << 51) : random_.next() & 0xBFFF'FFFF'FFFF'FFFF;
    code_.push_back(0x44);
    for (u32 i = 0; i < 8; ++i) code_.push_back(static_cast<u8>(bits >> 8 * i));
  }
}

void ProgramGenerator::constant(char type) {
  static constexpr i64 kInteresting[] = {0,
                                         1,
                                         -1,
                                         2,
                                         31,
                                         63,
                                         127,
                                         255,
                                         32767,
                                         32768,
                                         -32768,
                                         -32769,
                                         65535,
                                         65536,
                                         0x7FFF'FFFF,
                                         -0x8000'0000LL,
                                         0xFFFF'FFFFLL,
                                         0x1'0000'0000LL,
                                         0x7FFF'FFFF'FFFF'FFFFLL};
  const i64 value = random_.chance(50) ? kInteresting[random_.below(std::size(kInteresting))]
                                       : static_cast<i64>(random_.next()) >> random_.below(64);
  switch (type) {
    case 'i': append(code_, i32_const(static_cast<i32>(value))); break;
    case 'I': append(code_, i64_const(value)); break;
    case 'f':
    case 'F': float_constant(type); break;
    case 'v': {
      put({0xFD, 0x0C});
      const u64 halves[2] = {static_cast<u64>(value), random_.chance(50) ? static_cast<u64>(value) : random_.next()};
      for (u32 i = 0; i < 16; ++i) code_.push_back(static_cast<u8>(halves[i / 8] >> i % 8 * 8));
      break;
    }
    case 'r':
      if (random_.chance(50) || functions_.empty()) {
        append(code_, ref_null_func());
      } else {
        append(code_, ref_func(first_func_ + random_.below(static_cast<u32>(functions_.size()))));
      }
      break;
    default: object_constant(type);
  }
  stack_ += type;
}

int ProgramGenerator::local_of(char type) {
  const auto n = static_cast<u32>(locals_.size());
  const u32 start = random_.below(n);
  for (u32 i = 0; i < n; ++i) {
    if (locals_[(start + i) % n] == type) return static_cast<int>((start + i) % n);
  }
  return -1;
}

void ProgramGenerator::push(char type) {
  const int local = local_of(type);
  if (local >= 0 && random_.chance(65)) {
    put(0x20, static_cast<u64>(local));
    stack_ += type;
  } else if (random_.chance(12) && global_letters_.find(type) != std::string::npos) {
    put(0x23, global_of(type));
    stack_ += type;
  } else {
    constant(type);
  }
}

void ProgramGenerator::need(std::string_view wanted) {
  if (random_.chance(85)) {
    for (size_t keep = std::min(wanted.size(), height()); keep > 0; --keep) {
      if (std::string_view(stack_).substr(stack_.size() - keep) != wanted.substr(0, keep)) continue;
      wanted.remove_prefix(keep);
      break;
    }
  }
  for (const char type : wanted) push(type);
}

void ProgramGenerator::finish(std::string_view wanted) {
  size_t keep = 0;
  const size_t floor = labels_.back().floor;
  while (keep < wanted.size() && floor + keep < stack_.size() && stack_[floor + keep] == wanted[keep]) ++keep;
  while (height() > keep) {
    put({0x1A});
    pop(1);
  }
  for (const char type : wanted.substr(keep)) push(type);
}

void ProgramGenerator::mask(i32 bits, char type) {
  if (random_.chance(3)) return;
  append(code_, type == 'i' ? i32_const(bits) : i64_const(bits));
  put({static_cast<u8>(type == 'i' ? 0x71 : 0x83)});
}

void ProgramGenerator::canonical(char type) {
  if (type != 'f' && type != 'F') return;
  const u32 scratch = type == 'f' ? scratch_f32_ : scratch_f64_;
  put(0x22, scratch);
  append(code_, type == 'f' ? Bytes{0x43, 0, 0, 0, 0} : Bytes{0x44, 0, 0, 0, 0, 0, 0, 0, 0});
  put(0x20, scratch);
  put(0x20, scratch);
  put({static_cast<u8>(type == 'f' ? 0x5B : 0x61)});
  put({0x1B});
}

void ProgramGenerator::canonical_lanes(bool is_f32) {
  put(0x22, scratch_v128_);
  put(0x20, scratch_v128_);
  put(0x20, scratch_v128_);
  put({0xFD, static_cast<u8>(is_f32 ? 0x41 : 0x47), 0xFD, 0x4E});  // eq, and
}

// --- Statements ---

bool ProgramGenerator::statement() {
  constexpr u32 kUsual = 30;
  --budget_;
  const u32 kind = random_.below(kUsual + static_cast<u32>(extra_statements_.size()));
  if (kind >= kUsual) {
    switch (extra_statements_[kind - kUsual]) {
      case 'A': return access();
      case 'B': return wide_bulk();
      case 'C': return churn();
      case 'W': return walk();
      case 'X': return exception();
      default: return object();
    }
  }
  switch (kind) {
    default: return numeric();
    case 0:
    case 1:
    case 2: return set_local();
    case 3: {
      const char type = any_letter();
      need(std::string_view(&type, 1));
      put(0x24, global_of(type));
      pop(1);
      return true;
    }
    case 4:
    case 5: return load();
    case 6:
    case 7: return store();
    case 8: return select();
    case 9:
      if (height() == 0) return true;
      put({0x1A});
      pop(1);
      return true;
    case 10:
    case 11:
    case 12:
    case 13: return block();
    case 14:
    case 15:
    case 16: return br_if();
    case 17: return random_.chance(75) || branch();
    case 18: return random_.chance(50) || br_table();
    case 19:
    case 20: return call();
    case 21: return call_indirect();
    case 22: return bulk();
    case 23: return table();
    case 24: push(any_letter()); return true;
    case 25:
      if (random_.chance(96)) return true;
      put({0x00});
      return false;
    case 26: return reference();
  }
}

bool ProgramGenerator::set_local() {
  const auto local = random_.below(static_cast<u32>(locals_.size()));
  need(std::string_view(&locals_[local], 1));
  const bool tee = random_.chance(40);
  put(tee ? 0x22 : 0x21, local);
  if (!tee) pop(1);
  return true;
}

bool ProgramGenerator::select() {
  const char type = any_letter();
  need(std::string{type, type, 'i'});
  pop(2);
  if (std::string_view("iIfFv").find(type) != std::string_view::npos) {
    put({0x1B});
  } else {
    append(code_, seq({{0x1C, 1}, module_.code(type)}));
  }
  return true;
}

bool ProgramGenerator::block() {
  if (labels_.size() > 7) return true;
  const u8 kind = static_cast<u8>(0x02 + random_.below(3));
  if (kind == 0x04) {
    need("i");
    pop(1);
  }
  const size_t take = random_.chance(50) ? 0 : std::min<size_t>(height(), random_.below(3));
  const std::string params = stack_.substr(stack_.size() - take);
  const std::string results = random_.chance(50) ? "" : types(3);
  const std::string outer = stack_;
  open_block(kind, module_.type(params, results));
  labels_.push_back({kind == 0x03 ? params : results, stack_.size() - take});
  if (kind == 0x03) spend_fuel();
  arm(results, kind == 0x03);
  if (kind == 0x04) {
    code_.push_back(0x05);
    stack_ = outer;
    arm(results, false);
  }
  code_.push_back(kEnd);
  labels_.pop_back();
  stack_ = outer.substr(0, outer.size() - take) + results;
  return true;
}

void ProgramGenerator::arm(const std::string& results, bool loops) {
  const u32 statements = random_.below(9);
  for (u32 i = 0; i < statements; ++i) {
    if (budget_ <= 0) break;
    if (!statement()) return;
  }
  if (loops && random_.chance(70)) {
    need(labels_.back().types);
    put(0x23, 0);
    append(code_, i32_const(static_cast<i32>(random_.below(8))));
    put({0x71});
    if (random_.chance(50)) put({0x45});
    put(0x0D, 0);
  }
  finish(results);
}

void ProgramGenerator::spend_fuel() {
  put(0x23, 0);
  append(code_, i32_const(1));
  put({0x6B});
  put(0x24, 0);
  put(0x23, 0);
  append(code_, i32_const(0));
  put({0x48, 0x04, 0x40, 0x00, kEnd});
}

bool ProgramGenerator::br_if() {
  const u32 depth = label();
  need(label_types(depth) + "i");
  pop(1);
  put(0x0D, depth);
  return true;
}

bool ProgramGenerator::branch() {
  const u32 depth = label();
  need(label_types(depth));
  if (random_.chance(50)) {
    put(0x0C, depth);
  } else {
    need(results_);
    put({0x0F});
  }
  return false;
}

bool ProgramGenerator::br_table() {
  const u32 depth = label();
  need(label_types(depth));
  const u32 n = random_.below(6);
  push('i');
  if (random_.chance(80)) mask(7);
  code_.push_back(0x0E);
  append(code_, leb(n));
  for (u32 i = 0; i < n; ++i) {
    const u32 other = random_.below(static_cast<u32>(labels_.size()));
    append(code_, leb(label_types(other) == label_types(depth) ? other : depth));
  }
  append(code_, leb(depth));
  return false;
}

// --- Calls ---

bool ProgramGenerator::finish_call(const GeneratedFunction& function, u8 call_code, u8 tail_code,
                                   const Bytes& immediates) {
  const bool is_tail = function.results == results_ && random_.chance(20);
  append(code_, seq({{is_tail ? tail_code : call_code}, immediates}));
  if (is_tail) return false;
  pop(function.params.size());
  stack_ += function.results;
  return true;
}

bool ProgramGenerator::call() {
  if (random_.chance(15)) {
    const bool mixed = random_.chance(50);
    need(mixed ? "if" : "i");
    pop(mixed ? 2 : 1);
    append(code_, tests::call(mixed ? print_mixed_ : print_i32_));
    return true;
  }
  if (functions_.empty()) return true;
  const u32 callee = random_.below(static_cast<u32>(functions_.size()));
  const GeneratedFunction& function = functions_[callee];
  need(function.params);
  return finish_call(function, 0x10, 0x12, leb(first_func_ + callee));
}

bool ProgramGenerator::call_indirect() {
  if (functions_.empty()) return true;
  const u32 callee = random_.below(static_cast<u32>(functions_.size()));
  const GeneratedFunction& function = functions_[callee];
  need(function.params);
  append(code_, i32_const(static_cast<i32>(random_.chance(90) ? callee : random_.below(20))));
  const u32 type = module_.type(function.params, function.results);
  return finish_call(function, 0x11, 0x13, seq({leb(type), {0}}));
}

bool ProgramGenerator::call_ref() {
  if (functions_.empty()) return true;
  const u32 callee = random_.below(static_cast<u32>(functions_.size()));
  const GeneratedFunction& function = functions_[callee];
  const u32 type = module_.type(function.params, function.results);
  need(function.params);
  if (random_.chance(95)) {
    append(code_, ref_func(first_func_ + callee));
  } else {
    code_.push_back(0xD0);
    append(code_, signed_leb(static_cast<i64>(type)));
  }
  return finish_call(function, 0x14, 0x15, leb(type));
}

}  // namespace lunabeam::tests
