// Random valid modules for differential tests of execution: structured functions that call each other, with memory, tables and
// globals. The same seed gives the same module. Bits of NaNs, which the specification leaves open, never reach integers, memory or
// control flow, so that all engines must agree on everything but the NaN results themselves.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/module_builder.h"
#include "vm/opcode.h"

namespace lunabeam::tests {

// splitmix64.
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    u64 z = state_ += 0x9E37'79B9'7F4A'7C15;
    z = (z ^ z >> 30) * 0xBF58'476D'1CE4'E5B9;
    z = (z ^ z >> 27) * 0x94D0'49BB'1331'11EB;
    return z ^ z >> 31;
  }
  // 0 .. n-1.
  u32 below(u32 n) { return static_cast<u32>(next() % n); }
  bool chance(u32 percent) { return below(100) < percent; }

 private:
  u64 state_;
};

// What a generated module exports: functions f0, f1, ..., memory 0 and the globals.
struct GeneratedFunction {
  std::string params;  // Letters as in host_function.h.
  std::string results;
};

struct GeneratorOptions {
  u32 num_functions = 5;
  u32 statements = 40;  // About so many per function.
  // Every function gets so many more i32 locals, and pushes so many constants before its first statement: with enough of both,
  // its operands are out of reach of short operand fields.
  u32 extra_locals = 0;
  u32 extra_operands = 0;
};

class ProgramGenerator {
 public:
  static constexpr u32 kNumGlobals = 6;  // fuel, i, I, f, F, r

  ProgramGenerator(u64 seed, GeneratorOptions options) : random_(seed), options_(options) {}

  Bytes build() {
    print_i32_ = module_.import_func("spectest", "print_i32", module_.type("i", ""));
    print_mixed_ = module_.import_func("spectest", "print_i32_f32", module_.type("if", ""));
    first_func_ = print_mixed_ + 1;
    module_.memory(2, 3);
    module_.table('r', 16, 16);
    module_.table('r', 8, 12);
    module_.global('i', true, i32_const(300));
    module_.global('i', true, i32_const(7));
    module_.global('I', true, i64_const(-9));
    module_.global('f', true, seq({{0x43}, {0, 0, 0x20, 0x40}}));
    module_.global('F', true, seq({{0x44}, {0, 0, 0, 0, 0, 0, 4, 0x40}}));
    module_.global('r', true, ref_null_func());
    for (u32 i = 0; i < options_.num_functions; ++i) function();
    module_.elem_active(1, i32_const(0), {first_func_, print_i32_});
    for (u32 i = 0; i < functions_.size(); ++i) {
      module_.elem_active(0, i32_const(static_cast<i32>(i)), {first_func_ + i});
      module_.export_item("f" + std::to_string(i), ModuleBuilder::kFunc, first_func_ + i);
    }
    module_.data_passive("some bytes that memory.init may copy around");
    module_.export_item("memory", ModuleBuilder::kMemory, 0);
    return module_.build();
  }
  [[nodiscard]] const std::vector<GeneratedFunction>& functions() const { return functions_; }

 private:
  struct Label {
    std::string types;
    size_t floor;  // Operands below its block's parameters.
  };

  static constexpr u8 kEnd = 0x0B;

  std::string types(u32 most) {
    static constexpr std::string_view kLetters = "iiiIIfFFr";
    std::string out;
    const u32 n = random_.chance(6) ? random_.below(20) : random_.below(most + 1);
    for (u32 i = 0; i < n; ++i) out += kLetters[random_.below(kLetters.size())];
    return out;
  }

  void function() {
    GeneratedFunction made{types(5), types(2)};
    locals_ = made.params;
    std::string declared = types(6) + "iIfF";
    locals_ += declared;
    // Of each float type one that nothing else uses, for canonical().
    scratch_f32_ = static_cast<u32>(locals_.size());
    scratch_f64_ = scratch_f32_ + 1;
    declared += "fF";
    declared.append(options_.extra_locals, 'i');
    results_ = made.results;
    code_.clear();
    stack_.clear();
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
    functions_.push_back(made);
  }

  // --- Operands ---

  void put(std::initializer_list<u8> bytes) { append(code_, bytes); }
  void put(u8 code, u64 immediate) { append(code_, op(code, immediate)); }
  [[nodiscard]] size_t height() const { return stack_.size() - labels_.back().floor; }

  void constant(char type) {
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
      case 'f': {
        const u32 bits = random_.chance(50) ? 0x3F00'0000 + (random_.below(8) << 22)
                                            : static_cast<u32>(random_.next()) & 0xBFFF'FFFF;
        code_.push_back(0x43);
        for (u32 i = 0; i < 4; ++i) code_.push_back(static_cast<u8>(bits >> 8 * i));
        break;
      }
      case 'F': {
        const u64 bits = random_.chance(50) ? 0x3FE0'0000'0000'0000 + (u64{random_.below(8)} << 51)
                                            : random_.next() & 0xBFFF'FFFF'FFFF'FFFF;
        code_.push_back(0x44);
        for (u32 i = 0; i < 8; ++i) code_.push_back(static_cast<u8>(bits >> 8 * i));
        break;
      }
      default:
        if (random_.chance(50) || functions_.empty()) {
          append(code_, ref_null_func());
        } else {
          append(code_, ref_func(first_func_ + random_.below(static_cast<u32>(functions_.size()))));
        }
    }
    stack_ += type;
  }
  // A local of the type, or -1.
  int local_of(char type) {
    const auto n = static_cast<u32>(locals_.size());
    const u32 start = random_.below(n);
    for (u32 i = 0; i < n; ++i) {
      if (locals_[(start + i) % n] == type) return static_cast<int>((start + i) % n);
    }
    return -1;
  }
  static u32 global_of(char type) { return 1 + static_cast<u32>(std::string_view("iIfFr").find(type)); }

  void push(char type) {
    const int local = local_of(type);
    if (local >= 0 && random_.chance(65)) {
      put(0x20, static_cast<u64>(local));
      stack_ += type;
    } else if (random_.chance(12)) {
      put(0x23, global_of(type));
      stack_ += type;
    } else {
      constant(type);
    }
  }
  // Makes the topmost operands be of these types, using what lies there where it fits.
  void need(std::string_view wanted) {
    if (random_.chance(85)) {
      for (size_t keep = std::min(wanted.size(), height()); keep > 0; --keep) {
        if (std::string_view(stack_).substr(stack_.size() - keep) != wanted.substr(0, keep)) continue;
        wanted.remove_prefix(keep);
        break;
      }
    }
    for (const char type : wanted) push(type);
  }
  void pop(size_t n) { stack_.resize(stack_.size() - n); }
  // Leaves exactly these operands above the innermost floor.
  void finish(std::string_view wanted) {
    size_t keep = 0;
    const size_t floor = labels_.back().floor;
    while (keep < wanted.size() && floor + keep < stack_.size() && stack_[floor + keep] == wanted[keep]) ++keep;
    while (height() > keep) {
      put({0x1A});
      pop(1);
    }
    for (const char type : wanted.substr(keep)) push(type);
  }
  // Masks the i32 on top so that accesses behind it are in bounds, mostly.
  void mask(i32 bits) {
    if (random_.chance(3)) return;
    append(code_, i32_const(bits));
    put({0x71});
  }
  // Replaces a NaN on top by 0.
  void canonical(char type) {
    if (type != 'f' && type != 'F') return;
    const u32 scratch = type == 'f' ? scratch_f32_ : scratch_f64_;
    put(0x22, scratch);
    append(code_, type == 'f' ? Bytes{0x43, 0, 0, 0, 0} : Bytes{0x44, 0, 0, 0, 0, 0, 0, 0, 0});
    put(0x20, scratch);
    put(0x20, scratch);
    put({static_cast<u8>(type == 'f' ? 0x5B : 0x61)});
    put({0x1B});
  }

  // --- Statements: false when the code behind is unreachable ---

  bool statement() {
    --budget_;
    switch (random_.below(30)) {
      default: return numeric();
      case 0:
      case 1:
      case 2: {
        const auto local = random_.below(static_cast<u32>(locals_.size()));
        need(std::string_view(&locals_[local], 1));
        const bool tee = random_.chance(40);
        put(tee ? 0x22 : 0x21, local);
        if (!tee) pop(1);
        return true;
      }
      case 3: {
        const char type = "iIfFr"[random_.below(5)];
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
      case 26: return reference();
      case 24: push("iIfFr"[random_.below(5)]); return true;
      case 25:
        if (random_.chance(96)) return true;
        put({0x00});
        return false;
    }
  }

  bool numeric() {
    for (;;) {
      const auto code = static_cast<vm::Opcode>(random_.below(vm::kOpcodeCount));
      const vm::OpcodeInfo& row = vm::info(code);
      if (row.is_special() || row.immediate != vm::Immediate::kNone || row.width_log2 >= 0) continue;
      if (row.params().empty() || row.results().size() != 1 || row.prefix == 0xFD) continue;
      if (row.signature.find('v') != std::string_view::npos) continue;
      if (row.text.find("copysign") != std::string_view::npos) continue;
      need(row.params());
      if (row.text.find("reinterpret_f") != std::string_view::npos) canonical(row.params()[0]);
      // Division by zero would end most programs early.
      if (row.traps.find('z') != std::string_view::npos && random_.chance(90)) {
        append(code_, row.params()[0] == 'i' ? i32_const(1) : i64_const(1));
        put({static_cast<u8>(row.params()[0] == 'i' ? 0x72 : 0x84)});
      }
      if (row.traps.find('c') != std::string_view::npos && random_.chance(95)) {
        // ... as would a conversion: the saturating rows do the same without a trap.
        pop(row.params().size());
        put({0xFC, static_cast<u8>(saturating(row.code))});
      } else if (row.prefix != 0) {
        pop(row.params().size());
        put({row.prefix, static_cast<u8>(row.code)});
      } else {
        pop(row.params().size());
        put({static_cast<u8>(row.code)});
      }
      stack_ += row.results();
      return true;
    }
  }
  static u32 saturating(u32 code) { return code < 0xAC ? code - 0xA8 : code - 0xAE + 4; }

  bool load() {
    need("i");
    mask(0x1FFF);
    const u32 code = 0x28 + random_.below(14);
    pop(1);
    put({static_cast<u8>(code), 0});
    append(code_, leb(random_.chance(80) ? random_.below(64) : random_.below(120'000)));
    stack_ += row_of(code).results();
    return true;
  }
  bool store() {
    need("i");
    mask(0x1FFF);
    const u32 code = 0x36 + random_.below(9);
    const char type = row_of(code).params()[1];
    if (random_.chance(70)) {
      push(type);
    } else {
      push(type);
      if (type == 'i') {
        push('i');
        put({0x6A});
        pop(1);
      }
    }
    canonical(type);
    pop(2);
    put({static_cast<u8>(code), 0});
    append(code_, leb(random_.chance(80) ? random_.below(64) : random_.below(120'000)));
    return true;
  }
  static const vm::OpcodeInfo& row_of(u32 code) {
    for (const vm::OpcodeInfo& row : vm::kOpcodes) {
      if (row.prefix == 0 && row.code == code) return row;
    }
    return vm::kOpcodes[0];
  }

  bool select() {
    const char type = "iIfFr"[random_.below(5)];
    need(std::string{type, type, 'i'});
    pop(2);
    if (type == 'r') {
      put({0x1C, 1, 0x70});
    } else {
      put({0x1B});
    }
    return true;
  }

  bool block() {
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
    code_.push_back(kind);
    append(code_, signed_leb(static_cast<i64>(module_.type(params, results))));
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
  void arm(const std::string& results, bool loops) {
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
  // Ends the program when the loops of all functions have gone round often enough.
  void spend_fuel() {
    put(0x23, 0);
    append(code_, i32_const(1));
    put({0x6B});
    put(0x24, 0);
    put(0x23, 0);
    append(code_, i32_const(0));
    put({0x48, 0x04, 0x40, 0x00, kEnd});
  }

  u32 label() { return random_.chance(60) ? 0 : random_.below(static_cast<u32>(labels_.size())); }
  [[nodiscard]] const std::string& label_types(u32 depth) const { return labels_[labels_.size() - 1 - depth].types; }

  bool br_if() {
    const u32 depth = label();
    need(label_types(depth) + "i");
    pop(1);
    put(0x0D, depth);
    return true;
  }
  bool branch() {
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
  bool br_table() {
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

  bool call() {
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
    if (function.results == results_ && random_.chance(20)) {
      put(0x12, first_func_ + callee);
      return false;
    }
    append(code_, tests::call(first_func_ + callee));
    pop(function.params.size());
    stack_ += function.results;
    return true;
  }
  bool call_indirect() {
    if (functions_.empty()) return true;
    const u32 callee = random_.below(static_cast<u32>(functions_.size()));
    const GeneratedFunction& function = functions_[callee];
    need(function.params);
    append(code_, i32_const(static_cast<i32>(random_.chance(90) ? callee : random_.below(20))));
    const u32 type = module_.type(function.params, function.results);
    if (function.results == results_ && random_.chance(20)) {
      put(0x13, type);
      code_.push_back(0);
      return false;
    }
    put(0x11, type);
    code_.push_back(0);
    pop(function.params.size());
    stack_ += function.results;
    return true;
  }

  // Null tests, branches on them, and calls of references.
  bool reference() {
    switch (random_.below(4)) {
      case 0:
        if (random_.chance(10) || functions_.empty()) {
          need("r");
        } else {
          append(code_, ref_func(first_func_ + random_.below(static_cast<u32>(functions_.size()))));
          stack_ += 'r';
          if (const int local = local_of('r'); local >= 0 && random_.chance(50)) put(0x22, static_cast<u64>(local));
        }
        put({0xD4});
        return true;
      case 1: {
        const u32 depth = label();
        need(label_types(depth) + "r");
        put(0xD5, depth);
        return true;
      }
      case 2: {
        const u32 depth = label();
        if (!label_types(depth).ends_with('r')) return true;
        need(label_types(depth));
        put(0xD6, depth);
        pop(1);
        return true;
      }
      default: return call_ref();
    }
  }
  bool call_ref() {
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
    if (function.results == results_ && random_.chance(20)) {
      put(0x15, type);
      return false;
    }
    put(0x14, type);
    pop(function.params.size());
    stack_ += function.results;
    return true;
  }

  void small_operands(u32 n, i32 bits) {
    for (u32 i = 0; i < n; ++i) {
      push('i');
      mask(bits);
    }
  }
  bool bulk() {
    switch (random_.below(6)) {
      case 0:
        put({0x3F, 0});
        stack_ += 'i';
        return true;
      case 1:
        append(code_, i32_const(static_cast<i32>(random_.below(2))));
        put({0x40, 0});
        stack_ += 'i';
        return true;
      case 2:
        small_operands(3, 0x7FF);
        put({0xFC, 11, 0});
        break;
      case 3:
        small_operands(3, 0x7FF);
        put({0xFC, 10, 0, 0});
        break;
      case 4:
        small_operands(3, 15);
        put({0xFC, 8, 0, 0});
        break;
      default: put({0xFC, 9, 0}); return true;
    }
    pop(3);
    return true;
  }
  bool table() {
    switch (random_.below(5)) {
      case 0:
        small_operands(1, 7);
        pop(1);
        put({0x25, 1});
        stack_ += 'r';
        return true;
      case 1:
        small_operands(1, 7);
        push('r');
        put({0x26, 1});
        pop(2);
        return true;
      case 2:
        put({0xFC, 16, 1});
        stack_ += 'i';
        return true;
      case 3:
        small_operands(1, 3);
        push('r');
        small_operands(1, 3);
        put({0xFC, 17, 1});
        pop(3);
        return true;
      default:
        need("r");
        pop(1);
        put({0xD1});
        stack_ += 'i';
        return true;
    }
  }

  Random random_;
  GeneratorOptions options_;
  ModuleBuilder module_;
  std::vector<GeneratedFunction> functions_;
  u32 print_i32_ = 0, print_mixed_ = 0, first_func_ = 0;
  // The function being made.
  Bytes code_;
  std::string locals_;  // Letters; without the extra ones.
  std::string results_;
  std::string stack_;  // Letters of the operands.
  std::vector<Label> labels_;
  u32 scratch_f32_ = 0, scratch_f64_ = 0;
  i32 budget_ = 0;
};

}  // namespace lunabeam::tests
