;; Binary trees: many short-lived trees beside one that lives. Checks itself: traps when a tree has lost a node.
(module
  (type $node (struct (field $left (ref null $node)) (field $right (ref null $node))))

  (func $make (param $depth i32) (result (ref $node))
    (if (result (ref $node)) (i32.eqz (local.get $depth))
      (then (struct.new_default $node))
      (else
        (struct.new $node
          (call $make (i32.sub (local.get $depth) (i32.const 1)))
          (call $make (i32.sub (local.get $depth) (i32.const 1)))))))

  (func $count (param $tree (ref $node)) (result i32)
    (block $leaf
      (i32.add
        (i32.add (call $count (br_on_null $leaf (struct.get $node $left (local.get $tree)))) (i32.const 1))
        (call $count (ref.as_non_null (struct.get $node $right (local.get $tree)))))
      (return))
    (i32.const 1))

  ;; Nodes of a full tree.
  (func $nodes (param $depth i32) (result i32)
    (i32.sub (i32.shl (i32.const 2) (local.get $depth)) (i32.const 1)))

  (func $check (param $tree (ref $node)) (param $depth i32)
    (if (i32.ne (call $count (local.get $tree)) (call $nodes (local.get $depth))) (then unreachable)))

  (func $run (export "run") (param $max i32) (local $depth i32) (local $rounds i32) (local $long (ref null $node))
    (call $check (call $make (i32.add (local.get $max) (i32.const 1))) (i32.add (local.get $max) (i32.const 1)))
    (local.set $long (call $make (local.get $max)))
    (local.set $depth (i32.const 4))
    (loop $depths
      (local.set $rounds (i32.shl (i32.const 16) (i32.sub (local.get $max) (local.get $depth))))
      (loop $more
        (call $check (call $make (local.get $depth)) (local.get $depth))
        (br_if $more (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
      (br_if $depths (i32.le_s (local.tee $depth (i32.add (local.get $depth) (i32.const 2))) (local.get $max))))
    (call $check (ref.as_non_null (local.get $long)) (local.get $max)))

  (func (export "_start") (call $run (i32.const 14))))
