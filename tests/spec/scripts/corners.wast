;; Corners of the specification that no official script reaches.

;; Locals without a default value: reading one that is not set is an error in unreachable code as well, and what one arm of an `if` sets
;; is not set in the other.
(assert_invalid
  (module (func (local (ref func)) unreachable (drop (local.get 0))))
  "uninitialized local")
(assert_invalid
  (module
    (func $f)
    (elem declare func $f)
    (func (param i32) (local (ref func))
      (if (local.get 0) (then (local.set 1 (ref.func $f))) (else (drop (local.get 1))))))
  "uninitialized local")

;; Tags are imported under the very same type, never a subtype.
(module (type $a (sub (func))) (type $b (sub $a (func))) (tag (export "t") (type $b)))
(register "T")
(module (type $a (sub (func))) (type $b (sub $a (func))) (tag (import "T" "t") (type $b)))
(assert_unlinkable
  (module (type $a (sub (func))) (tag (import "T" "t") (type $a)))
  "incompatible import type")

;; Offsets and addresses are of the address type of the memory that the instruction names.
(module (memory i64 1) (memory 1) (func (drop (i32.load 0 offset=0x100000000 (i64.const 0)))))
(assert_invalid
  (module (memory i64 1) (memory 1) (func (drop (i32.load 1 offset=0x100000000 (i32.const 0)))))
  "offset out of range")
(module (memory 1) (memory i64 1) (func (drop (i32.load 1 offset=0x100000000 (i64.const 0)))))
(assert_invalid
  (module (table i64 1 funcref) (func $f) (elem (table 0) (i32.const 0) func $f))
  "type mismatch")
(assert_invalid
  (module (table 1 funcref) (func $f) (elem (table 0) (i64.const 0) func $f))
  "type mismatch")
(assert_invalid (module (memory i64 1) (data (i32.const 0) "x")) "type mismatch")
;; The length of a copy is of the smaller one.
(assert_invalid
  (module (memory i64 1) (memory 1) (func (memory.copy 0 1 (i64.const 0) (i32.const 0) (i64.const 0))))
  "type mismatch")
(assert_invalid
  (module (memory i64 1) (memory 1) (func (memory.copy 1 0 (i32.const 0) (i64.const 0) (i64.const 0))))
  "type mismatch")

;; Declarative and active segments are dropped once the module is instantiated.
(module
  (table 4 funcref)
  (func $f)
  (type $r (array funcref))
  (elem $declared declare func $f)
  (elem $active (table 0) (i32.const 0) func $f)
  (func (export "init_declared") (table.init 0 $declared (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "init_nothing") (table.init 0 $declared (i32.const 0) (i32.const 0) (i32.const 0)))
  (func (export "init_active") (table.init 0 $active (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "new_declared") (drop (array.new_elem $r $declared (i32.const 0) (i32.const 1))))
  (func (export "new_active") (drop (array.new_elem $r $active (i32.const 0) (i32.const 1)))))
(assert_trap (invoke "init_declared") "out of bounds table access")
(assert_return (invoke "init_nothing"))
(assert_trap (invoke "init_active") "out of bounds table access")
(assert_trap (invoke "new_declared") "out of bounds table access")
(assert_trap (invoke "new_active") "out of bounds table access")

(module (func (export "throw_null") (throw_ref (ref.null exn))))
(assert_trap (invoke "throw_null") "null exception reference")

;; Moves keep the payload and the quiet bit of a NaN.
(module
  (global $g (mut f32) (f32.const 0))
  (global $h (mut f64) (f64.const 0))
  (func $same32 (param f32) (result f32) (local.get 0))
  (func $same64 (param f64) (result f64) (local.get 0))
  (func (export "move32") (param f32) (result f32) (global.set $g (call $same32 (local.get 0))) (global.get $g))
  (func (export "move64") (param f64) (result f64) (global.set $h (call $same64 (local.get 0))) (global.get $h)))
(assert_return (invoke "move32" (f32.const nan:0x20304)) (f32.const nan:0x20304))
(assert_return (invoke "move32" (f32.const -nan:0x1)) (f32.const -nan:0x1))
(assert_return (invoke "move64" (f64.const nan:0x20304)) (f64.const nan:0x20304))
(assert_return (invoke "move64" (f64.const -nan:0x1)) (f64.const -nan:0x1))

;; A null array traps as such, whatever else is out of bounds.
(module
  (type $a (array (mut i8)))
  (data $d "abc")
  (func (export "init") (array.init_data $a $d (ref.null $a) (i32.const 100) (i32.const 100) (i32.const 100)))
  (func (export "copy")
    (array.copy $a $a (array.new_default $a (i32.const 1)) (i32.const 9) (ref.null $a) (i32.const 0) (i32.const 0)))
  (func (export "fill") (array.fill $a (ref.null $a) (i32.const 100) (i32.const 1) (i32.const 100))))
(assert_trap (invoke "init") "null array reference")
(assert_trap (invoke "copy") "null array reference")
(assert_trap (invoke "fill") "null array reference")
(assert_invalid
  (module
    (type $a (array i32))
    (func (param (ref $a)) (array.fill $a (local.get 0) (i32.const 0) (i32.const 0) (i32.const 0))))
  "immutable array")

;; A store that is partly out of bounds writes nothing.
(module
  (memory 1)
  (func (export "store") (v128.store (i32.const 65528) (v128.const i64x2 -1 -1)))
  (func (export "store_lane") (v128.store64_lane 0 (i32.const 65532) (v128.const i64x2 -1 -1)))
  (func (export "load") (result i64) (i64.load (i32.const 65528))))
(assert_trap (invoke "store") "out of bounds memory access")
(assert_trap (invoke "store_lane") "out of bounds memory access")
(assert_return (invoke "load") (i64.const 0))

;; Element segments are run before data segments: of a module that traps there, data is not written.
(module
  (table (export "t") 1 funcref)
  (memory (export "m") 1)
  (func (export "byte") (result i32) (i32.load8_u (i32.const 0)))
  (func (export "is_null") (result i32) (ref.is_null (table.get 0 (i32.const 0)))))
(register "O")
(assert_trap
  (module
    (import "O" "t" (table 1 funcref))
    (import "O" "m" (memory 1))
    (func $f)
    (data (i32.const 0) "x")
    (elem (i32.const 0) func $f)
    (elem (i32.const 9) func $f))
  "out of bounds table access")
(assert_return (invoke "byte") (i32.const 0))
(assert_return (invoke "is_null") (i32.const 0))

;; What does not link changes nothing, and nothing of it is made: this memory could not be.
(assert_unlinkable
  (module
    (import "O" "t" (table 1 funcref))
    (import "O" "m" (memory 1))
    (import "O" "nothing" (func))
    (memory i64 0x1000000000000)
    (func $f)
    (elem (i32.const 0) func $f)
    (data (i32.const 0) "x"))
  "unknown import")
(assert_return (invoke "byte") (i32.const 0))
