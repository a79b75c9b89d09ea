#!/usr/bin/env python3
"""Modules in wasmtime, compared with what lunabeam_differential saw.

    oracle.py --packages FOLDER [--provider FILE] [--skip MODULES] OBSERVATIONS

OBSERVATIONS is the output of `lunabeam_differential run` (observation.h): the modules, the arguments and what came of them. Prints one
line per module that differs, `differs FILE: WHAT: expected | found`, and at the end `compared` with counts. FOLDER is where pip installed
the package wasmtime, whose C interface is used: in one process, thousands of modules.

Left open by the specification, or by this program, and therefore not compared:
  * which NaN (both sides write `nan`; modules must keep NaN bits out of integers and memory);
  * a call that runs out of stack or memory on either side, and everything behind it in the same module;
  * a module that either side rejects for its size;
  * what a reference converted between the hierarchies `any` and `extern` points to.
"""

import argparse
import collections
import ctypes
import itertools
import re
import sys
import threading
import zlib
from ctypes import byref
from pathlib import Path

MAX_ELEMENTS, MAX_CHILDREN, MAX_DEPTH = 32, 6, 3  # observation.h
I32, I64, F32, F64, V128, FUNCREF, EXTERNREF, ANYREF, EXNREF = range(9)  # wasmtime/val.h
FUNC, GLOBAL, TABLE, MEMORY, SHARED_MEMORY, TAG = range(6)  # wasmtime/extern.h

TRAPS = {  # Names of wasmtime_trap_code_enum to traps.def.
    "STACK_OVERFLOW": "limit",
    "ALLOCATION_TOO_LARGE": "limit",
    "OUT_OF_FUEL": "limit",
    "INTERRUPT": "limit",
    "MEMORY_OUT_OF_BOUNDS": "out of bounds memory access",
    "HEAP_MISALIGNED": "unaligned atomic",
    "TABLE_OUT_OF_BOUNDS": "out of bounds table access",
    "INDIRECT_CALL_TO_NULL": "uninitialized element",
    "BAD_SIGNATURE": "indirect call type mismatch",
    "INTEGER_OVERFLOW": "integer overflow",
    "INTEGER_DIVISION_BY_ZERO": "integer divide by zero",
    "BAD_CONVERSION_TO_INTEGER": "invalid conversion to integer",
    "UNREACHABLE_CODE_REACHED": "unreachable",
    "ATOMIC_WAIT_NON_SHARED_MEMORY": "expected shared memory",
    "NULL_REFERENCE": "null reference",
    "ARRAY_OUT_OF_BOUNDS": "out of bounds array access",
    "CAST_FAILURE": "cast failure",
    "UNCAUGHT_EXCEPTION": "uncaught exception",
}
# Ours tells an index beyond the table from other accesses beyond it. An array.copy out of the first array's bounds from a null second one
# has two reasons to trap, and the specification names none.
SAME_TRAPS = {("undefined element", "out of bounds table access"), ("null reference", "out of bounds array access")}

SPECTEST = """(module
  (func (export "print"))
  (func (export "print_i32") (param i32))
  (func (export "print_i64") (param i64))
  (func (export "print_f32") (param f32))
  (func (export "print_f64") (param f64))
  (func (export "print_i32_f32") (param i32 f32))
  (func (export "print_f64_f64") (param f64 f64)))"""


class Differs(Exception):
    pass


class Cut(Exception):
    """The rest of the module cannot be compared; the text says why."""


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def no_finalizer(_):
    pass


class Engine:
    def __init__(self, packages):
        sys.path.insert(0, packages)
        import wasmtime
        import wasmtime._ffi as ffi
        self.ffi = ffi
        config = wasmtime.Config()
        for feature in ("tail_call", "reference_types", "simd", "bulk_memory", "multi_value", "multi_memory", "memory64", "relaxed_simd",
                        "relaxed_simd_deterministic", "exceptions", "function_references", "gc", "wide_arithmetic",
                        "custom_page_sizes", "threads"):
            setattr(config, f"wasm_{feature}", True)
        config.shared_memory = True
        config.gc_support = True
        config.parallel_compilation = False
        # Nearly all time is theirs for compiling.
        config.cranelift_opt_level = "none"
        config.native_unwind_info = False
        ffi.wasmtime_config_cranelift_regalloc_algorithm_set(config.ptr(), 1)  # Single pass.
        ffi.wasmtime_config_async_stack_size_set(config.ptr(), 128 << 20)  # Not used, but the larger one by contract.
        config.max_wasm_stack = 64 << 20
        config.memory_reservation = 1 << 24
        config.memory_reservation_for_growth = 1 << 24
        config.memory_guard_size = 1 << 16
        self.engine = wasmtime.Engine(config)
        self.trap_names = {code.value: code.name.removeprefix("WASMTIME_TRAP_CODE_") for code in ffi.wasmtime_trap_code_enum}

    def error_text(self, error):
        message = self.ffi.wasm_byte_vec_t()
        self.ffi.wasmtime_error_message(error, byref(message))
        text = self.ffi.to_str(message)
        self.ffi.wasm_byte_vec_delete(byref(message))
        self.ffi.wasmtime_error_delete(error)
        return text

    def binary(self, path):
        data = Path(path).read_bytes()
        return self.binary_of_text(data) if str(path).endswith(".wat") else data

    def binary_of_text(self, text):
        out = self.ffi.wasm_byte_vec_t()
        error = self.ffi.wasmtime_wat2wasm((ctypes.c_char * len(text)).from_buffer_copy(text), len(text), byref(out))
        if error:
            raise ValueError(self.error_text(error))
        data = bytes(self.ffi.to_bytes(out))
        self.ffi.wasm_byte_vec_delete(byref(out))
        return data

    def compile(self, binary):
        """A module, or the text of an error."""
        ffi = self.ffi
        module = ctypes.POINTER(ffi.wasmtime_module_t)()
        data = (ctypes.c_uint8 * len(binary)).from_buffer_copy(binary)
        error = ffi.wasmtime_module_new(self.engine.ptr(), data, len(binary), byref(module))
        return self.error_text(error) if error else module


    def validate(self, binary):
        """The text of an error; empty: valid."""
        data = (ctypes.c_uint8 * len(binary)).from_buffer_copy(binary)
        error = self.ffi.wasmtime_module_validate(self.engine.ptr(), data, len(binary))
        return self.error_text(error) if error else ""


class Instance:
    """One module in a store of its own."""

    def __init__(self, engine, providers):
        self.engine, self.ffi = engine, engine.ffi
        self.store = self.ffi.wasmtime_store_new(engine.engine.ptr(), None, ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p)))
        self.context = self.ffi.wasmtime_store_context(self.store)
        self.providers = {}
        for name, module in providers.items():
            self.providers[name] = self.instantiate(module)[0]

    def close(self):
        self.ffi.wasmtime_store_delete(self.store)

    def instantiate(self, module):
        """(instance, None) or (None, outcome)."""
        ffi = self.ffi
        imports = ffi.wasm_importtype_vec_t()
        ffi.wasmtime_module_imports(module, byref(imports))
        externs = (ffi.wasmtime_extern_t * imports.size)()
        for i in range(imports.size):
            provider = ffi.to_str(ffi.wasm_importtype_module(imports.data[i]).contents)
            name = ffi.to_str(ffi.wasm_importtype_name(imports.data[i]).contents).encode()
            if provider not in self.providers or not self.export(self.providers[provider], name, externs[i]):
                raise Differs(f"no such import: {provider} {name}")
        ffi.wasm_importtype_vec_delete(byref(imports))
        instance = ffi.wasmtime_instance_t()
        trap = ctypes.POINTER(ffi.wasm_trap_t)()
        error = ffi.wasmtime_instance_new(self.context, module, externs, len(externs), byref(instance), byref(trap))
        if error or trap:
            return None, self.failure(error, trap)
        return instance, None

    def export(self, instance, name, extern):
        text = ctypes.create_string_buffer(name, max(len(name), 1))
        return self.ffi.wasmtime_instance_export_get(self.context, byref(instance), text, len(name), byref(extern))

    def failure(self, error, trap):
        """The outcome of a call or start that did not return."""
        ffi = self.ffi
        if ffi.wasmtime_context_has_exception(self.context):
            exception = ffi.wasmtime_exnref_t()
            ffi.wasmtime_context_take_exception(self.context, byref(exception))
            text = "thrown " + " ".join(self.describe(value, 0) for value in self.payload(exception))
            ffi.wasmtime_exnref_unroot(byref(exception))
        elif error:
            return "error " + self.engine.error_text(error)
        else:
            code = ffi.wasmtime_trap_code_t()
            if ffi.wasmtime_trap_code(trap, byref(code)):
                name = self.engine.trap_names[code.value]
                text = TRAPS.get(name, name)
                text = text if text == "limit" else f"trapped {text}"
            else:
                text = "trapped without a code"
        if error:
            ffi.wasmtime_error_delete(error)
        if trap:
            ffi.wasm_trap_delete(trap)
        return text.strip()

    # --- Values ---

    def payload(self, exception):
        ffi = self.ffi
        values = []
        for i in range(ffi.wasmtime_exnref_field_count(self.context, byref(exception))):
            value = ffi.wasmtime_val_t()
            error = ffi.wasmtime_exnref_field(self.context, byref(exception), i, byref(value))
            if error:
                raise RuntimeError(self.engine.error_text(error))
            values.append(value)
        return values

    def describe(self, value, depth):
        """As values.h; takes the value over."""
        ffi, kind, of = self.ffi, value.kind, value.of
        try:
            if kind == I32:
                return f"i32:{of.i32 & 0xFFFFFFFF:08x}"
            if kind == I64:
                return f"i64:{of.i64 & (1 << 64) - 1:016x}"
            if kind == F32:
                bits = of.i32 & 0xFFFFFFFF
                return "f32:nan" if bits & 0x7FFFFFFF > 0x7F800000 else f"f32:{bits:08x}"
            if kind == F64:
                bits = of.i64 & (1 << 64) - 1
                return "f64:nan" if bits & (1 << 63) - 1 > 0x7FF0000000000000 else f"f64:{bits:016x}"
            if kind == V128:
                return f"v128:{int.from_bytes(bytes(of.v128), 'little'):032x}"
            if kind == FUNCREF:
                return "func" if of.funcref.store_id else "null"
            if kind == EXTERNREF:
                if not of.externref.store_id:
                    return "null"
                data = ffi.wasmtime_externref_data(self.context, byref(of.externref))
                return f"extern:{ctypes.cast(data, ctypes.c_void_p).value:08x}" if data else "extern"
            if kind == ANYREF:
                return self.describe_any(of.anyref, depth) if of.anyref.store_id else "null"
            if kind == EXNREF:
                if not of.exnref.store_id:
                    return "null"
                fields = self.payload(of.exnref)
                return "exn" + self.describe_children(len(fields), depth, lambda i: fields[i])
            raise RuntimeError(f"value of kind {kind}")
        finally:
            ffi.wasmtime_val_unroot(byref(value))

    def describe_children(self, count, depth, child):
        if count > 0 and depth >= MAX_DEPTH:
            return "(...)"
        return "(" + ",".join(self.describe(child(i), depth + 1) for i in range(min(count, MAX_CHILDREN))) + ")"

    def describe_any(self, ref, depth):
        ffi, context = self.ffi, self.context
        number = ctypes.c_uint32()
        if ffi.wasmtime_anyref_i31_get_u(context, byref(ref), byref(number)):
            return f"i31:{number.value:08x}"
        array = ffi.wasmtime_arrayref_t()
        if ffi.wasmtime_anyref_as_array(context, byref(ref), byref(array)):
            ffi.wasmtime_arrayref_len(context, byref(array), byref(number))
            text = f"array:{number.value}" + self.describe_children(
                number.value, depth, lambda i: self.child(ffi.wasmtime_arrayref_get, array, i))
            ffi.wasmtime_arrayref_unroot(byref(array))
            return text
        struct = ffi.wasmtime_structref_t()
        if ffi.wasmtime_anyref_as_struct(context, byref(ref), byref(struct)):
            fields = []
            while len(fields) < MAX_CHILDREN:
                value = self.child(ffi.wasmtime_structref_field, struct, len(fields))
                if value is None:
                    break
                fields.append(value)
            text = "struct" + self.describe_children(len(fields), depth, lambda i: fields[i])
            if depth >= MAX_DEPTH:
                for value in fields:
                    ffi.wasmtime_val_unroot(byref(value))
            ffi.wasmtime_structref_unroot(byref(struct))
            return text
        return "any"

    def child(self, getter, ref, index):
        value = self.ffi.wasmtime_val_t()
        error = getter(self.context, byref(ref), index, byref(value))
        if error:
            self.ffi.wasmtime_error_delete(error)
            return None
        return value

    def argument(self, text, value):
        ffi = self.ffi
        kind, _, digits = text.partition(":")
        if kind in ("i32", "i64", "f32", "f64", "v128"):
            value.kind = (I32, I64, F32, F64, V128)[("i32", "i64", "f32", "f64", "v128").index(kind)]
            data = int(digits, 16).to_bytes(16, "little")
            ctypes.memmove(byref(value.of), data, 16)
        elif kind == "i31":
            value.kind = ANYREF
            ffi.wasmtime_anyref_from_i31(self.context, int(digits, 16), byref(value.of.anyref))
        elif kind == "extern":
            value.kind = EXTERNREF
            if not ffi.wasmtime_externref_new(self.context, int(digits, 16), no_finalizer, byref(value.of.externref)):
                raise Cut("no externref")
        elif kind == "null":
            value.kind = {"func": FUNCREF, "extern": EXTERNREF, "any": ANYREF, "exn": EXNREF}[digits]
            ctypes.memset(byref(value.of), 0, ctypes.sizeof(value.of))
        else:
            raise RuntimeError(f"argument {text}")

    # --- Actions: what the lines of an observation say ---

    def call(self, func, arguments):
        ffi = self.ffi
        values = (ffi.wasmtime_val_t * len(arguments))()
        for text, value in zip(arguments, values):
            self.argument(text, value)
        func_type = ffi.wasmtime_func_type(self.context, byref(func))
        results = (ffi.wasmtime_val_t * ffi.wasm_functype_results(func_type).contents.size)()
        ffi.wasm_functype_delete(func_type)
        trap = ctypes.POINTER(ffi.wasm_trap_t)()
        error = ffi.wasmtime_func_call(self.context, byref(func), values, len(values), results, len(results), byref(trap))
        for value in values:
            ffi.wasmtime_val_unroot(byref(value))
        if error or trap:
            return self.failure(error, trap)
        return ("returned " + " ".join(self.describe(value, 0) for value in results)).strip()

    def global_value(self, item):
        value = self.ffi.wasmtime_val_t()
        self.ffi.wasmtime_global_get(self.context, byref(item), byref(value))
        return self.describe(value, 0)

    def memory(self, extern):
        ffi = self.ffi
        if extern.kind == SHARED_MEMORY:
            memory = extern.of.sharedmemory
            data, size = ffi.wasmtime_sharedmemory_data(memory), ffi.wasmtime_sharedmemory_data_size(memory)
        else:
            memory = byref(extern.of.memory)
            data, size = ffi.wasmtime_memory_data(self.context, memory), ffi.wasmtime_memory_data_size(self.context, memory)
        crc = zlib.crc32((ctypes.c_uint8 * size).from_address(ctypes.addressof(data.contents))) if size else 0
        return f"{size} {crc:08x}"

    def table(self, item):
        ffi = self.ffi
        size = ffi.wasmtime_table_size(self.context, byref(item))
        words = [str(size)]
        for i in range(min(size, MAX_ELEMENTS)):
            value = ffi.wasmtime_val_t()
            ffi.wasmtime_table_get(self.context, byref(item), i, byref(value))
            words.append(self.describe(value, 0))
        return " ".join(words)


WORD = re.compile(r"[^ (),]+|[(),]")


def same_value(ours, theirs):
    """Packed fields come out as i32, extended either way."""
    if ours == theirs:
        return True
    kind, _, digits = ours.partition(":")
    return kind in ("i8", "i16") and theirs.startswith("i32:") and theirs.endswith(digits)


def same(ours, theirs):
    if ours == theirs:
        return True
    left, right = WORD.findall(ours), WORD.findall(theirs)
    return len(left) == len(right) and all(map(same_value, left, right))


def check_outcome(what, ours, theirs):
    if ours.startswith("trapped ") and (ours[8:], theirs[8:]) in SAME_TRAPS:
        return
    if theirs == "limit" or ours == "limit":
        raise Cut(f"limit: {ours[:40]} | {theirs[:60]}")
    if not same(ours, theirs):
        raise Differs(f"{what}: {ours} | {theirs}")


# Limits of the other engine's implementation.
LIMIT = re.compile(r"limit|too large|too many|exceed|out of bounds of|not supported|maximum")


def check_limit(error):
    """What we accept, the other engine must accept too."""
    if error:
        if LIMIT.search(error):
            raise Cut(f"limit: accepted | {error[:80]}")
        raise Differs(f"accepted | {error}")


class Comparison:
    def __init__(self, engine, provider):
        self.engine = engine
        self.providers = {"spectest": engine.compile(engine.binary_of_text(SPECTEST.encode()))}
        if provider:
            self.providers["provider"] = engine.compile(engine.binary(provider))
        self.counts = collections.Counter()

    def module(self, path, lines):
        """Raises Differs or Cut."""
        binary = self.engine.binary(path)
        if lines[0] == "valid":
            check_limit(self.engine.validate(binary))
            self.counts["valid for both"] += 1
            return
        compiled = self.engine.compile(binary)
        rejected = lines[0].removeprefix("rejected ") if lines[0].startswith("rejected ") else None
        if isinstance(compiled, str):
            if rejected is None:
                check_limit(compiled)
            self.counts["rejected by both"] += 1
            return
        try:
            if rejected is not None:
                if rejected.startswith("limit"):
                    raise Cut(f"module beyond a limit: {rejected}")
                raise Differs(f"rejected {rejected} | accepted")
            needs = self.providers if b"spectest" in binary or b"provider" in binary else {}
            instance = Instance(self.engine, needs)
            try:
                self.run(instance, compiled, lines)
            finally:
                instance.close()
        finally:
            self.engine.ffi.wasmtime_module_delete(compiled)

    def run(self, instance, compiled, lines):
        exports = self.engine.ffi.wasm_exporttype_vec_t()
        self.engine.ffi.wasmtime_module_exports(compiled, byref(exports))
        count = exports.size
        self.engine.ffi.wasm_exporttype_vec_delete(byref(exports))
        if lines[0] != f"exports {count}":
            raise Differs(f"{lines[0]} | exports {count}")
        made, outcome = instance.instantiate(compiled)
        if lines[1] != "instantiated" or outcome is not None:
            # Ours does not keep what the start function threw.
            theirs = "instantiated" if made else "thrown" if outcome.startswith("thrown") else outcome
            check_outcome("start", lines[1].removeprefix("start "), theirs)
            self.counts["failed starts"] += 1
            return
        for line in lines[2:]:
            self.line(instance, made, line)

    def line(self, instance, made, line):
        verb, name, *rest = line.split(" ", 2)
        rest = rest[0] if rest else ""
        if verb == "skip":
            self.counts["skipped calls"] += 1
            return
        extern = self.engine.ffi.wasmtime_extern_t()
        if not instance.export(made, bytes.fromhex(name[1:]), extern):
            raise Differs(f"{line} | no such export")
        if verb == "call":
            left, _, outcome = line.partition(" ->")
            theirs = instance.call(extern.of.func, left.split(" ")[2:])
            check_outcome(left, outcome.strip(), theirs)
            self.counts[outcome.split()[0] + " calls"] += 1
            return
        if verb == "global":
            theirs = instance.global_value(extern.of.global_)
        elif verb == "memory":
            theirs = instance.memory(extern)
        else:
            theirs = instance.table(extern.of.table)
        if not same(rest, theirs):
            raise Differs(f"{verb} {name}: {rest} | {theirs}")
        self.counts[verb + "s"] += 1


def observations(path):
    """(file, lines) of each module, with what our tiers disagree about."""
    name, lines = None, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.startswith("module "):
                name, lines = line[7:], []
            elif line.startswith("end "):
                yield name, lines, line.split()[1:]
                name = None
            else:
                lines.append(line)


def compare(options):
    engine = Engine(options.packages)
    comparison = Comparison(engine, options.provider)
    counts = comparison.counts
    for path, lines, figures in itertools.islice(observations(options.observations), options.skip, None):
        counts["modules"] += 1
        for key, figure in zip(("reductions", "collections", "stack moves"), figures):
            counts[key] += int(figure)
        print(f"comparing {path}", file=sys.stderr, flush=True)
        tiers = [line for line in lines if line.startswith("differs ")]
        try:
            if tiers:
                raise Differs(tiers[0])
            comparison.module(path, lines)
            counts["compared whole"] += 1
        except Cut as cut:
            counts["cut short"] += 1
            print(f"cut {path}: {cut}")
        except Differs as difference:
            counts["different"] += 1
            print(f"differs {path}: {difference}", flush=True)
    print("compared " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", required=True)
    parser.add_argument("--provider")
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("observations")
    options = parser.parse_args()
    # Guests may use much stack, and have as much as ours.
    threading.stack_size(256 << 20)
    thread = threading.Thread(target=compare, args=(options,))
    thread.start()
    thread.join()


if __name__ == "__main__":
    main()
