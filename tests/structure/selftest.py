"""Each rule on small trees: it must reject what it forbids, name the place, and accept what is allowed."""

import os
import tempfile
import unittest

import copies
import isa_rules
import layering
import text_rules


class Tree(unittest.TestCase):
    """A temporary repository made of the given files."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.root = self._folder.name

    def put(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


class Layering(Tree):
    def setUp(self):
        super().setUp()
        for folder in ("vm", "jit", "runtime", "wasi", "tools", "tests"):
            self.put(f"{folder}/own.h", "#pragma once\n")

    def problem(self, name, text):
        self.put(name, text)
        messages = layering.check(self.root)
        os.remove(os.path.join(self.root, name))
        return messages

    def test_every_upward_include_is_rejected(self):
        order = ["vm", "jit", "runtime", "wasi", "tools", "tests"]
        for lower in range(len(order) - 1):
            for upper in range(lower + 1, len(order)):
                name = f"{order[lower]}/deep/part.cpp"
                messages = self.problem(name, f'\n#include "{order[upper]}/own.h"\n')
                self.assertEqual(len(messages), 1, (order[lower], order[upper]))
                self.assertTrue(messages[0].startswith(f"{name}:2:"), messages[0])

    def test_downward_and_own_includes_are_accepted(self):
        for folder, below in (("vm", ["vm"]), ("runtime", ["vm", "jit", "runtime"]), ("wasi", ["vm", "runtime"]),
                              ("tools", ["vm", "wasi", "tools"])):
            text = "".join(f'#include "{lower}/own.h"\n' for lower in below) + "#include <vector>\n"
            self.assertEqual(self.problem(f"{folder}/part.h", text), [])

    def test_wasi_may_not_include_the_jit(self):
        self.assertEqual(len(self.problem("wasi/part.cpp", '#include "jit/own.h"\n')), 1)

    def test_ways_round_the_rule_are_rejected(self):
        for text in ("#include <runtime/own.h>\n", '#include "../runtime/own.h"\n', '#include "own.h"\n',
                     '# include "runtime/own.h"\n', "#include HEADER\n", '#include "vm/../runtime/own.h"\n',
                     '#include "vm/gone.h"\n'):
            self.assertEqual(len(self.problem("vm/part.cpp", text)), 1, text)

    def test_comments_and_strings_are_no_includes(self):
        text = '// #include "runtime/own.h"\n/*\n#include "runtime/own.h"\n*/\nconst char* s = "// x"; \n'
        self.assertEqual(self.problem("vm/part.cpp", text), [])

    def test_an_include_after_a_comment_keeps_its_line(self):
        messages = self.problem("vm/part.cpp", '/* a\n b */\n#include "wasi/own.h"\n')
        self.assertTrue(messages[0].startswith("vm/part.cpp:3:"), messages)


class Isa(Tree):
    def test_intrinsics_are_rejected_outside_their_folders(self):
        for text in ("#include <immintrin.h>\n", "auto a = _mm_add_epi32(x, y);\n", "__m128i v;\n",
                     "__builtin_ia32_pause();\n", "#include <arm_neon.h>\n"):
            self.put("runtime/part.cpp", text)
            self.assertEqual(len(isa_rules.check(self.root)), 1, text)

    def test_intrinsics_are_accepted_where_they_belong(self):
        for name in ("vm/interp/simd.h", "jit/x86/emit.cpp", "jit/a64/emit.cpp"):
            self.put(name, "#include <immintrin.h>\n")
        self.put("vm/part.cpp", "// _mm_add_epi32 is not used here\nint vm_mm_x;\n")
        self.assertEqual(isa_rules.check(self.root), [])


class Text(Tree):
    def test_marks_are_rejected(self):
        for text in ("// TODO: later\n", "x = 1  # FIXME\n", "good enough for now\n", "a Placeholder value\n",
                     "not yet implemented\n", "TEST(A, DISABLED_B)\n"):
            self.put("docs/page.md", text)
            self.assertEqual(len(text_rules.check_marks(self.root)), 1, text)

    def test_words_that_only_contain_a_mark_are_accepted(self):
        self.put("docs/page.md", "for nowhere; mastodons; simplify; xxxx; hacker\n")
        self.assertEqual(text_rules.check_marks(self.root), [])

    def test_paths_hosts_and_lock_files_are_rejected(self):
        for name, text in (("a/b.md", "see /home/someone/src\n"), ("a/b.md", "fetch from https://pypi.org/simple\n"),
                           ("a/b.sh", "cd /work/main\n"), ("a/Cargo.lock", "version = 3\n")):
            self.put(name, text)
            self.assertEqual(len(text_rules.check_paths(self.root)), 1, text)
            os.remove(os.path.join(self.root, name))

    def test_relative_and_system_paths_are_accepted(self):
        self.put("a/b.md", "build/work/x, ../shared/work/y, /usr/bin/env, $HOME/work/x, https://example.org/home/x\n")
        self.assertEqual(text_rules.check_paths(self.root), [])


class Copies(Tree):
    def body(self, count):
        return "".join(f"  value_{index} = compute({index});\n\n" for index in range(count))

    def test_a_copied_run_is_found_once_with_its_whole_length(self):
        self.put("vm/a.cpp", "void a() {\n" + self.body(15) + "}\n")
        self.put("runtime/b.cpp", "int other;\nvoid b() {\n// comment\n" + self.body(15) + "}\n")
        found = copies.find(self.root, 12)
        self.assertEqual(found, [(15, "runtime/b.cpp", 4, "vm/a.cpp", 2)])

    def test_a_short_run_is_no_copy(self):
        self.put("vm/a.cpp", self.body(11))
        self.put("vm/b.cpp", self.body(11))
        self.assertEqual(copies.find(self.root, 12), [])


if __name__ == "__main__":
    unittest.main()
