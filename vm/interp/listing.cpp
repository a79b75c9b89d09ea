#include "vm/interp/listing.h"

#include <fmt/format.h>

#include <cstring>
#include <iterator>
#include <vector>

#include "vm/interp/catch_table.h"
#include "vm/interp/fusion.h"
#include "vm/interp/op_length.h"
#include "vm/interp/op_table.h"

namespace lunabeam::vm::interp {

namespace {

std::string name_of_vector(const OpDesc& op) {
  static constexpr std::string_view kShiftForms[] = {"S", "I"};
  static constexpr std::string_view kAddressForms[] = {"S", "A", "X"};
  const std::string_view text = info(op.opcode()).text;
  switch (family_of(op.opcode())) {
    case OpFamily::kVectorShift: return fmt::format("{}.{}", text, kShiftForms[op.form]);
    case OpFamily::kVectorLoad:
    case OpFamily::kVectorStore: return fmt::format("{}.{}", text, kAddressForms[op.form]);
    case OpFamily::kVectorTest:
    case OpFamily::kVectorExtract: return fmt::format("{}>{}", text, op.dest == Dest::kS ? 'S' : 'A');
    default: return std::string(text);
  }
}

std::string name_of_base(const OpDesc& op) {
  static constexpr std::string_view kForms[] = {"SS", "AS", "SA", "SI", "AI"};
  static constexpr std::string_view kUnaryForms[] = {"S", "A"};
  static constexpr std::string_view kLoadForms[] = {"S", "A", "X", "LS", "LA"};
  static constexpr std::string_view kStoreForms[] = {"SS",  "AS",  "SA",  "AF",  "SI", "X",
                                                     "LSS", "LAS", "LSA", "LAF", "LSI"};
  const char dest = op.dest == Dest::kS ? 'S' : 'A';
  switch (op.kind) {
    case OpKind::kInvalid: return "?";
    case OpKind::kBinary:
    case OpKind::kFloatBinary: return fmt::format("{}.{}>{}", info(op.opcode()).text, kForms[op.form], dest);
    case OpKind::kBranch:
      return fmt::format("{}.{}?{}", info(op.opcode()).text, kForms[op.form], op.back ? "back" : "br");
    case OpKind::kFloatBranch:
      return fmt::format("{}{}.{}?{}", op.when ? "" : "not ", info(op.opcode()).text, kForms[op.form],
                         op.back ? "back" : "br");
    case OpKind::kUnary: return fmt::format("{}.{}>{}", info(op.opcode()).text, kUnaryForms[op.form], dest);
    case OpKind::kLoad: return fmt::format("{}.{}>{}", info(op.opcode()).text, kLoadForms[op.form], dest);
    case OpKind::kStore: return fmt::format("{}.{}", info(op.opcode()).text, kStoreForms[op.form]);
    case OpKind::kVector: return name_of_vector(op);
    case OpKind::kAtomic: return std::string(info(op.opcode()).text);
    case OpKind::kSpecial: return std::string(kSpecialNames[op.what]);
  }
  return "?";
}

std::vector<std::string> make_names() {
  std::vector<std::string> names;
  names.reserve(op_count());
  for (const OpDesc& op : kOps) names.push_back(name_of_base(op));
  for (u32 id = kFusedBase; id < op_count(); ++id) {
    std::string name;
    for (const u16 part : fused_parts(static_cast<u16>(id))) {
      if (!name.empty()) name += " + ";
      name += names[part];
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

std::string_view op_name(u16 id) {
  static const std::vector<std::string> kNames = make_names();
  return id < kNames.size() ? std::string_view(kNames[id]) : "?";
}

std::string listing(const Insn* code, u32 words) {
  std::string text;
  for (u32 at = 0; at < words;) {
    const u16 id = code[at].op;
    const u32 length = op_words(code + at);
    auto out = std::back_inserter(text);
    fmt::format_to(out, "{:5}  {:<20} {} {} {}", at, op_name(base_op(id)), code[at].f[0], code[at].f[1], code[at].f[2]);
    for (u32 i = 1; i < length; ++i) {
      u64 word;
      std::memcpy(&word, code + at + i, sizeof word);
      fmt::format_to(out, " | {:x}", word);
    }
    if (id != base_op(id)) fmt::format_to(out, "    <{}>", op_name(id));
    text += '\n';
    at += length;
  }
  return text;
}

std::string listing(const FuncCode& code) {
  if (code.storage == nullptr) return "";
  std::string text = listing(code.storage, code.storage_words);
  if (code.catches != nullptr) text += listing(*code.catches);
  return text;
}

}  // namespace lunabeam::vm::interp
