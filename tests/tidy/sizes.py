"""M3: lines of at most 100 characters, functions of at most 70 lines, files of at most 500.

What exceeds them today is in ratchets/; `sizes.py --shrink` lowers the entries to what is needed.
"""

import ast
import re

import tidy

WIDTH_MAX = 100
FUNCTION_MAX = 70
FILE_MAX = 500
SOURCES = (".cc", ".h", ".c", ".py")
# Width alone also binds these.
TEXTS = SOURCES + (".proto", ".cmake", "CMakeLists.txt", ".sh")

# The head of a type or namespace, but not of a function that returns `struct x`; of data; of
# linkage.
_NOT_A_FUNCTION = re.compile(
    r"\b(namespace|class|struct|enum|union)\b(?![^{]*\)\s*(const|noexcept|override|final|->|$))"
    r"|\bextern\s*$|=\s*$"
)


def wide_lines(text):
    """Numbers of lines that are too wide. A URL or an include cannot be broken."""
    return [
        n
        for n, line in enumerate(text.split("\n"), start=1)
        if len(line) > WIDTH_MAX and "://" not in line and not line.startswith("#include")
    ]


def _name(head):
    head = head.strip()
    test = re.match(r"TEST(?:_[FP])?\s*\(\s*(\w+)\s*,\s*(\w+)", head)
    if test:
        return f"{test.group(1)}.{test.group(2)}"
    if head.startswith((",", ":")) or not head:  # what is left of `A() : a_{1}, b_(2) {`
        return "constructor"
    name = re.search(r"(operator\s*[^\s\w(]+|[\w:~]+)\s*\(", head)
    return re.sub(r"\s", "", name.group(1)) if name else "?"


def cpp_functions(code):
    """(name, line, lines) of each function body outside other functions, in stripped C++."""
    code = re.sub(
        r"^\s*#[^\n]*(\\\n[^\n]*)*",  # directives and the lines that go on with them
        lambda m: re.sub(r"[^\n]", " ", m.group(0)),
        code,
        flags=re.M,
    )
    functions = []
    stack = []  # of ("function", head, offset) and ("scope",)
    head_start = 0
    depth_parens = 0
    for offset, char in enumerate(code):
        if char in "()":
            depth_parens += 1 if char == "(" else -1
        elif char == "{":
            if depth_parens > 0:  # a default argument or a braced value: the head goes on
                stack.append(("value",))
                continue
            head = code[head_start:offset]
            is_inside = any(kind[0] == "function" for kind in stack)
            is_function = not is_inside and not _NOT_A_FUNCTION.search(head.strip())
            stack.append(("function", head, offset) if is_function else ("scope",))
            head_start = offset + 1
        elif char == "}":
            closed = stack.pop() if stack else ("scope",)
            if closed[0] == "value":
                continue
            if closed[0] == "function":
                lines = code.count("\n", closed[2], offset) + 1
                functions.append((_name(closed[1]), tidy.line_of(code, closed[2]), lines))
            head_start = offset + 1
        elif char == ";" and depth_parens == 0:
            head_start = offset + 1
    return functions


def python_functions(text):
    return [
        (node.name, node.lineno, node.end_lineno - node.lineno + 1)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef)
    ]


def measure(tree):
    """Counts for the three ratchets, and where each was measured."""
    wide, functions, files = {}, {}, {}
    where = {}
    for path in tree.files:
        if not path.endswith(TEXTS):
            continue
        text = tree.read(path)
        too_wide = wide_lines(text)
        if too_wide:
            wide[path] = len(too_wide)
            where[("wide", path)] = too_wide
        if not path.endswith(SOURCES):
            continue
        lines = text.count("\n")
        if lines > FILE_MAX:
            files[path] = lines
        found = python_functions(text) if path.endswith(".py") else cpp_functions(tree.code(path))
        for name, line, length in found:
            if length > FUNCTION_MAX:
                key = f"{path}:{name}"
                functions[key] = max(length, functions.get(key, 0))
                where[("function", key)] = line
    return {"line_width": wide, "function_length": functions, "file_length": files}, where


def check(tree, ratchets=None):
    counts, where = measure(tree)
    if ratchets is None:
        ratchets = {name: tidy.Ratchet(name, root=tree.root) for name in counts}

    def describe_wide(path, count):
        return [
            tidy.Finding(
                path,
                line,
                "M3 width",
                f"line is wider than {WIDTH_MAX}",
                "break it (clang-format -i)",
            )
            for line in where[("wide", path)]
        ]

    def describe_function(key, length):
        path, name = key.split(":", 1)
        return [
            tidy.Finding(
                path,
                where[("function", key)],
                "M3 function",
                f"{name} has {length} lines, at most {FUNCTION_MAX}",
                "move straight work into helpers, keep the branching",
            )
        ]

    def describe_file(path, lines):
        return [
            tidy.Finding(
                path, 1, "M3 file", f"{lines} lines, at most {FILE_MAX}", "find its second idea"
            )
        ]

    return (
        ratchets["line_width"].apply(counts["line_width"], describe_wide)
        + ratchets["function_length"].apply(counts["function_length"], describe_function)
        + ratchets["file_length"].apply(counts["file_length"], describe_file)
    )


if __name__ == "__main__":
    tidy.main(check, lambda tree: measure(tree)[0])
