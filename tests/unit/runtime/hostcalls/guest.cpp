#include "tests/unit/runtime/hostcalls/guest.h"

#include <fmt/format.h>

#include <cctype>
#include <set>

#include "runtime/hostcalls/function_table.h"
#include "runtime/hostcalls/registry.h"
#include "runtime/message.h"
#include "runtime/process.h"
#include "vm/text/source_text.h"
#include "vm/text/text.h"

namespace lunabeam::tests {
namespace {

// Of the run that is going on: tests run one at a time.
std::vector<i64> g_reports;
std::vector<std::string> g_texts;

vm::HostStatus report(vm::ExecContext&, u64* io) {
  g_reports.push_back(static_cast<i64>(io[0]));
  return vm::HostStatus::kDone;
}

vm::HostStatus report32(vm::ExecContext&, u64* io) {
  g_reports.push_back(static_cast<i32>(io[0]));
  return vm::HostStatus::kDone;
}

vm::HostStatus push_socket(vm::ExecContext& exec, u64* io) {
  io[0] = runtime::process_of(exec).scratch->push_resource(
      runtime::process_of(exec).scheduler->account(),
      {.kind = runtime::ResourceKind::kTcpStream, .handle = std::make_shared<const int>(0)});
  return vm::HostStatus::kDone;
}

vm::HostStatus describe_config(vm::ExecContext& exec, u64* io) {
  const runtime::Config& config = **runtime::process_of(exec).resources->configs.find(io[0]);
  std::string text;
  for (const std::string& argument : config.arguments) text += fmt::format("arg {}; ", argument);
  for (const auto& [key, value] : config.environment) text += fmt::format("env {}={}; ", key, value);
  for (const auto& preopen : config.preopens)
    text += fmt::format("dir {} as {}; ", preopen.host_path, preopen.guest_path);
  g_texts.push_back(text);
  return vm::HostStatus::kDone;
}

constexpr vm::HostFunction kTestFunctions[] = {
    {.module = "test", .name = "report", .signature = "I:", .call = &report},
    {.module = "test", .name = "report32", .signature = "i:", .call = &report32},
    {.module = "test", .name = "push_socket", .signature = ":I", .call = &push_socket},
    {.module = "test", .name = "describe_config", .signature = "I:", .call = &describe_config},
};

const vm::HostRegistry& hosts() {
  static const vm::HostRegistry kHosts = [] {
    vm::HostRegistry registry;
    registry.add(runtime::lunatic_host_functions());
    registry.add(kTestFunctions);
    return registry;
  }();
  return kHosts;
}

std::string wat_type(std::string_view signature) {
  auto names = [](std::string_view letters) {
    std::string text;
    for (const char letter : letters) text += letter == 'i' ? " i32" : letter == 'I' ? " i64" : " f64";
    return text;
  };
  const size_t colon = signature.find(':');
  return fmt::format("(param{}) (result{})", names(signature.substr(0, colon)), names(signature.substr(colon + 1)));
}

std::string import_of(std::string_view id, std::string_view module, std::string_view name, std::string_view signature) {
  return fmt::format("(import \"{}\" \"{}\" (func {} {}))\n", module, name, id, wat_type(signature));
}

// The import that a token like "$message.send" stands for; "" when it stands for none.
std::string import_for(const std::string& token) {
  std::string_view name = std::string_view(token).substr(1);
  const bool is_old = name.starts_with("old.");
  if (is_old) name.remove_prefix(4);
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return "";
  const std::string_view area = name.substr(0, dot);
  const std::string_view function = name.substr(dot + 1);
  for (const vm::HostFunction& row : kTestFunctions) {
    if (area == row.module && function == row.name) return import_of(token, row.module, row.name, row.signature);
  }
  for (const runtime::FunctionRow& row : runtime::kLunaticFunctions) {
    if (area == row.area && function == row.name && is_old == !row.guests.empty()) {
      return import_of(token, row.module, row.name, row.signature);
    }
  }
  ADD_FAILURE() << "no host function " << token;
  return "";
}

std::string imports_of(std::string_view text) {
  std::set<std::string> tokens;
  for (size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at + 1)) {
    size_t end = at + 1;
    while (end < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_' || text[end] == '.'))
      ++end;
    if (text.substr(at, end - at).find('.') != std::string_view::npos) tokens.emplace(text.substr(at, end - at));
  }
  std::string imports;
  for (const std::string& token : tokens) imports += import_for(token);
  return imports;
}

}  // namespace

std::string GuestRun::trap() const {
  if (!result.error.empty()) return result.error;
  if (result.reason.kind == vm::ExitReason::Kind::kNormal) return "";
  if (result.reason.kind != vm::ExitReason::Kind::kTrapped) return result.message();
  const vm::Trap& trap = result.reason.trap;
  return trap.message != nullptr ? trap.message : std::string(text_of(trap.kind));
}

std::vector<u8> assemble(std::string_view wat) {
  auto module = vm::text::read_module(wat);
  if (!module) {
    ADD_FAILURE() << vm::text::describe(module.error(), wat) << " in\n" << wat;
    return {};
  }
  return std::move(module->bytes);
}

std::string module_text(std::string_view fields, const GuestOptions& options) {
  return fmt::format("(module\n{}(memory {} {} {})\n{})\n", imports_of(fields),
                     options.export_memory ? "(export \"memory\")" : "", options.pages,
                     options.max_pages == 0 ? options.pages : options.max_pages, fields);
}

namespace {

GuestRun run_once(const std::vector<u8>& bytes, const GuestOptions& options, vm::Dispatch dispatch) {
  g_reports.clear();
  g_texts.clear();
  GuestRun run;
  runtime::Vm vm({.hosts = &hosts(),
                  .dispatch = dispatch,
                  .deterministic = options.deterministic,
                  .memory_limit_bytes = options.memory_limit_bytes});
  auto module = vm.load(bytes, "guest.wasm");
  if (!module) {
    run.result.error = module.error().message();
    return run;
  }
  run.result = vm.run_root({.module = *module, .config = options.config, .function = options.function, .params = {}});
  run.reports = g_reports;
  run.texts = g_texts;
  run.metrics = vm.metrics().entries();
  return run;
}

}  // namespace

GuestRun run_guest(std::string_view fields, const GuestOptions& options) {
  const std::vector<u8> bytes = assemble(module_text(fields, options));
  GuestRun run = run_once(bytes, options, vm::Dispatch::kStep);
  if (!vm::has_dispatch(vm::Dispatch::kTail)) return run;
  const GuestRun again = run_once(bytes, options, vm::Dispatch::kTail);
  EXPECT_EQ(run.reports, again.reports);
  EXPECT_EQ(run.trap(), again.trap());
  return run;
}

GuestRun run_body(std::string_view body, const GuestOptions& options) {
  return run_guest(fmt::format("(func (export \"_start\")\n{})", body), options);
}

std::string data(u32 address, std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += fmt::format("\\{:02x}", static_cast<unsigned char>(c));
  return fmt::format("(data (i32.const {}) \"{}\")\n", address, escaped);
}

const char* const kHelpers = R"(
  (func $spawn (param $name i32) (param $len i32) (param $tag i64) (result i64)
    (if (result i64)
      (call $process.spawn (local.get $tag) (i64.const -1) (i64.const -1) (local.get $name) (local.get $len)
                           (i32.const 0) (i32.const 0) (i32.const 60000))
      (then (i64.sub (i64.const -1) (i64.load (i32.const 60000))))
      (else (i64.load (i32.const 60000)))))
  (func $send (param $pid i64) (param $tag i64) (param $value i64)
    (call $message.create_data (local.get $tag) (i64.const 0))
    (i64.store (i32.const 60016) (local.get $value))
    (drop (call $message.write_data (i32.const 60016) (i32.const 8)))
    (drop (call $message.send (local.get $pid))))
  (func $receive (param $timeout i64) (result i32)
    (call $message.receive (i32.const 0) (i32.const 0) (local.get $timeout)))
  (func $receive_tag (param $tag i64) (param $timeout i64) (result i32)
    (i64.store (i32.const 60024) (local.get $tag))
    (call $message.receive (i32.const 60024) (i32.const 1) (local.get $timeout)))
  (func $value (result i64)
    (drop (call $message.read_data (i32.const 60032) (i32.const 8)))
    (i64.load (i32.const 60032)))
)";

}  // namespace lunabeam::tests
