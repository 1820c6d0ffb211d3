"""M5: every message, field, enum, enum value, service and rpc of a .proto says what it means: a
comment above it or at the end of its line.
"""

import re

import tidy

_DECLARATION = re.compile(
    r"^\s*(?:(?P<block>message|enum|service|oneof)\s+(?P<block_name>\w+)\s*\{?"
    r"|rpc\s+(?P<rpc>\w+)"
    r"|(?:optional\s+|required\s+|repeated\s+)?(?:map\s*<[^>]*>|[\w.]+)\s+(?P<field>\w+)\s*=\s*\d+"
    r"|(?P<value>[A-Z]\w*)\s*=\s*-?(?:0x)?\d+)"
)
_SKIP = re.compile(r"^\s*(option|syntax|package|import|reserved|extensions|extend|returns)\b")


def declarations(text):
    """(line number, name, is commented) of each declaration."""
    lines = text.split("\n")
    is_comment_above = False
    in_block_comment = False
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if in_block_comment or stripped.startswith("/*"):
            in_block_comment = "*/" not in stripped
            is_comment_above = True
            continue
        if stripped.startswith("//"):
            is_comment_above = True
            continue
        match = None if _SKIP.match(line) else _DECLARATION.match(line)
        if match:
            name = next(
                n
                for n in (
                    match.group("block_name"),
                    match.group("rpc"),
                    match.group("field"),
                    match.group("value"),
                )
                if n
            )
            end = number - 1  # a declaration may go on for lines: its comment may end any of them
            while ";" not in lines[end] and "{" not in lines[end] and end + 1 < len(lines):
                end += 1
            yield (
                number,
                name,
                is_comment_above or any("//" in x for x in lines[number - 1 : end + 1]),
            )
        is_comment_above = False


def check(tree):
    return [
        tidy.Finding(
            path,
            line,
            "M5 proto comment",
            f"{name} says nothing",
            "say what it means: unit, range, default, who sets it",
        )
        for path in tree.select(".proto")
        for line, name, is_commented in declarations(tree.read(path))
        if not is_commented
    ]


if __name__ == "__main__":
    tidy.main(check)
