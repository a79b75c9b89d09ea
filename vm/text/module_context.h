// What the readers of one module's fields share.
#pragma once

#include "vm/text/module_annotations.h"
#include "vm/text/module_scope.h"
#include "vm/text/module_writer.h"
#include "vm/text/name_section.h"

namespace lunabeam::vm::text {

struct ModuleContext {
  Cursor cursor;
  ModuleScope scope;
  ModuleAnnotations annotations;
  ModuleWriter writer;
  NameSection names;
  ReadOptions options;
};

}  // namespace lunabeam::vm::text
