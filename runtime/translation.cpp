#include "runtime/translation.h"

#include <memory>
#include <new>
#include <utility>

#include "runtime/blocking_pool.h"
#include "runtime/process.h"
#include "runtime/sched/scheduler.h"
#include "runtime/vm.h"
#include "runtime/wait.h"
#include "vm/base/check.h"
#include "vm/interp/translate.h"

namespace lunabeam::runtime {
namespace {

// What the translation needs may outlive the process: it holds the module.
class TranslationRequest final : public BlockingRequest {
 public:
  TranslationRequest(std::shared_ptr<const vm::Module> module, const vm::FuncCode& code) noexcept
      : module_(std::move(module)), code_(code) {}
  void run() noexcept override { is_done = vm::translate(code_) != nullptr; }

  bool is_done = false;

 private:
  std::shared_ptr<const vm::Module> module_;
  const vm::FuncCode& code_;
};

struct TranslationWait final : WaitOp {
  BlockingHandle handle;
};

vm::HostStatus resume(vm::ExecContext& exec, u64* /*io*/) {
  Process& self = process_of(exec);
  auto& wait = static_cast<TranslationWait&>(*self.wait.op);
  if (!wait.handle.is_finished()) return vm::HostStatus::kPark;
  const std::unique_ptr<BlockingRequest> taken = wait.handle.take();
  end_wait(self);
  return static_cast<TranslationRequest&>(*taken).is_done ? vm::HostStatus::kDone
                                                          : trap(self, vm::TrapKind::kOutOfMemory);
}

// No guest can import it: what a process is parked on.
constexpr vm::HostFunction kTranslation = {
    .module = "lunabeam", .name = "translate", .signature = ":", .resume = &resume, .cancel = &cancel_wait};

}  // namespace

const vm::HostFunction* translate_in_pool(vm::ExecContext& exec, const vm::FuncCode& code) noexcept {
  Process& self = process_of(exec);
  VM_CHECK(code.module == self.module.get());  // A process has one instance.
  auto* const wait = new (std::nothrow) TranslationWait;
  if (wait == nullptr) return nullptr;
  std::unique_ptr<TranslationRequest> request(new (std::nothrow) TranslationRequest(self.module, code));
  if (request == nullptr) {
    delete wait;
    return nullptr;
  }
  begin_wait(self, kNeverNs);
  self.wait.op = wait;
  wait->handle = self.scheduler->vm().module_pool().submit(std::move(request), self, self.wait.epoch);
  return &kTranslation;
}

}  // namespace lunabeam::runtime
