;; A queue that is appended to at one end and taken from at the other: 50,000 nodes live, every node dies in the order it was made.
;; Each node has a boxed value of its own, of two types in turns, that a cast tells apart. Checks itself: traps on a wrong sum.
(module
  (type $value (sub (struct)))
  (type $small (sub final $value (struct (field i32))))
  (type $large (sub final $value (struct (field i64) (field (ref i31)))))
  (type $node (struct (field $value (ref $value)) (field $next (mut (ref null $node)))))

  (func $box (param $n i32) (result (ref $value))
    (if (result (ref $value)) (i32.and (local.get $n) (i32.const 1))
      (then (struct.new $small (local.get $n)))
      (else (struct.new $large (i64.extend_i32_u (local.get $n)) (ref.i31 (local.get $n))))))

  (func $unbox (param $v (ref $value)) (result i64)
    (block $is_large (result (ref $large))
      (return
        (i64.extend_i32_u
          (struct.get $small 0 (ref.cast (ref $small) (br_on_cast $is_large (ref $value) (ref $large) (local.get $v)))))))
    (return (struct.get $large 0)))

  (func $run (export "run") (param $total i32) (param $live i32) (result i64)
    (local $head (ref null $node)) (local $tail (ref null $node)) (local $new (ref null $node))
    (local $n i32) (local $sum i64)
    (local.set $n (i32.const 1))
    (local.set $head (local.tee $tail (struct.new $node (call $box (i32.const 0)) (ref.null $node))))
    (loop $more
      (local.set $new (struct.new $node (call $box (local.get $n)) (ref.null $node)))
      (struct.set $node $next (local.get $tail) (local.get $new))
      (local.set $tail (local.get $new))
      (if (i32.ge_u (local.get $n) (local.get $live))
        (then
          (local.set $sum (i64.add (local.get $sum) (call $unbox (struct.get $node $value (local.get $head)))))
          (local.set $head (struct.get $node $next (local.get $head)))))
      (br_if $more (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $total))))
    (local.get $sum))

  ;; The first total - live numbers have been taken out.
  (func (export "_start") (local $taken i64)
    (local.set $taken (i64.const 4950000))
    (if (i64.ne (call $run (i32.const 5000000) (i32.const 50000))
                (i64.div_u (i64.mul (local.get $taken) (i64.sub (local.get $taken) (i64.const 1))) (i64.const 2)))
      (then unreachable))))
