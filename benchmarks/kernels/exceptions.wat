;; A parser that throws: reads numbers separated by commas, one of ten of which is malformed. A malformed item is thrown from three calls
;; below the loop that skips it, with the position as payload. Self-checking. No part of the comparison: wasm3 has no exceptions.
;;   build/release/bin/lunabeam run benchmarks/kernels/exceptions.wat
(module
  (tag $malformed (param i32 i32))
  (memory (export "memory") 1)
  (data (i32.const 0) "12,345,6,7890,11,222,3x3,4444,5,66,777,8,9999,10,11,12,1?,13,14,15,")
  (global $end i32 (i32.const 67))

  (func $digit (param $at i32) (result i32) (local $c i32)
    (local.set $c (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))
    (if (i32.gt_u (local.get $c) (i32.const 9))
      (then (throw $malformed (local.get $at) (i32.load8_u (local.get $at)))))
    (local.get $c))

  ;; The number at $at and the position behind its comma.
  (func $number (param $at i32) (result i32 i32) (local $value i32)
    (loop $more
      (local.set $value
        (i32.add (i32.mul (local.get $value) (i32.const 10)) (call $digit (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $more (i32.ne (i32.load8_u (local.get $at)) (i32.const 44))))
    (local.get $value)
    (i32.add (local.get $at) (i32.const 1)))

  (func $skip (param $at i32) (result i32)
    (loop $more
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $more (i32.ne (i32.load8_u (local.get $at)) (i32.const 44))))
    (i32.add (local.get $at) (i32.const 1)))

  ;; The sum of all numbers, and 1,000,000 for every malformed one.
  (func $parse (result i32) (local $at i32) (local $sum i32)
    (loop $next
      (block $done
        (block $bad (result i32 i32)
          (try_table (catch $malformed $bad)
            (call $number (local.get $at))
            (local.set $at)
            (local.set $sum (i32.add (local.get $sum))))
          (br $done))
        (drop)
        (local.set $at (call $skip))
        (local.set $sum (i32.add (local.get $sum) (i32.const 1000000))))
      (br_if $next (i32.lt_u (local.get $at) (global.get $end))))
    (local.get $sum))

  (func (export "_start") (local $n i32)
    (local.set $n (i32.const 100000))
    (loop $again
      (if (i32.ne (call $parse) (i32.const 2023860)) (then (unreachable)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))
