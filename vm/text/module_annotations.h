// The annotations of one module: @custom sections, @name names, and where branch hints may not stand (spec 3.0, "Custom Sections";
// fact sheet 3.3). Annotations of any other name mean nothing.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vm/text/cursor.h"
#include "vm/text/module_writer.h"

namespace lunabeam::vm::text {

// All functions that answer false have set the cursor's error: kMalformedAnnotation, its detail the sentence.
class ModuleAnnotations {
 public:
  // Those of the fields [first, last) of a module, and of its form's head in front of them.
  ModuleAnnotations(const TokenBuffer& buffer, u32 first, u32 last);

  [[nodiscard]] bool empty() const { return all_.empty(); }
  // First token of the form that holds the fields, or of the fields when nothing holds them.
  [[nodiscard]] u32 begin() const { return begin_; }

  // The @name that stands directly before `token`, which may have one; `what` it names is for messages.
  [[nodiscard]] bool take_name(Cursor& cursor, u32 token, std::string_view what, std::optional<std::string>& name);

  // Custom sections and hints. To be called for the module's head, for each field in order, and for the end of the fields: handles all
  // annotations before `token` that were not handled yet. Those directly before it stand between fields, all others inside of one.
  // `hints_from`: first token before which, in the field behind us, branch hints may stand; `token` when they may not.
  [[nodiscard]] bool advance(Cursor& cursor, u32 token, u32 hints_from, ModuleWriter& writer);

  // All names have been taken: any other is misplaced.
  [[nodiscard]] bool check_all_taken(Cursor& cursor) const;

 private:
  [[nodiscard]] bool read_custom(Cursor& cursor, const Annotation& annotation, ModuleWriter& writer) const;

  const TokenBuffer* buffer_;
  u32 begin_;
  std::span<const Annotation> all_;
  std::vector<bool> is_taken_;  // By index in all_: names that were asked for.
  size_t handled_ = 0;          // By advance().
};

}  // namespace lunabeam::vm::text
