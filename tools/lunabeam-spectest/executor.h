// Executes a script's commands against the engine. What each command must do is the table of the suite's README.
#pragma once

#include <array>
#include <string>

#include "tools/lunabeam-spectest/commands.h"
#include "vm/feature.h"
#include "vm/interp/interp.h"

namespace lunabeam::spectest {

struct ExecuteOptions {
  vm::Dispatch dispatch = vm::kDefaultDispatch;
  vm::FeatureSet features = vm::FeatureSet::supported();
  // Run nothing: every module must be valid or be rejected for a missing feature; those that must be rejected must be. Commands
  // without a module pass.
  bool only_validate = false;
};

// A command that did not do what it had to.
struct Failure {
  u32 line = 0;
  CommandKind kind = CommandKind::kUnsupported;
  // Why, in a form that does not change with offsets: "needs simd" when a feature is missing, here or in a module that this command
  // depends on; else what `actual` says.
  std::string reason;
  std::string expected;
  std::string actual;
};

// A rejection of the right class with another sentence than the script's.
struct TextDifference {
  u32 line = 0;
  CommandKind kind = CommandKind::kUnsupported;
  std::string expected;
  std::string actual;
};

// Commands by kind.
using CommandCounts = std::array<u32, kCommandKindCount>;

// Hears what happens, in order.
class ExecutionObserver {
 public:
  virtual ~ExecutionObserver() = default;
  virtual void begins(const Command& command) = 0;
  virtual void passed(const Command& command) = 0;
  virtual void failed(Failure failure) = 0;
  virtual void text_differs(TextDifference difference) = 0;
};

// Runs all commands in order, with a fresh registry that holds a fresh `spectest`; goes on after failures. Every command begins and then
// either passes or fails once.
// Errors: `spectest` could not be instantiated.
[[nodiscard]] vm::Result<void> execute(const Script& script, const ExecuteOptions& options,
                                       ExecutionObserver& observer);

}  // namespace lunabeam::spectest
