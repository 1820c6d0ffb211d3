"""M6: no range-for and no begin() over hash maps and hash sets in cores: their order differs from
run to run and must never reach an effect.
"""

import os
import re

import tidy

_HASH = r"(?:absl::)?(?:flat|node)_hash_(?:map|set)|std::unordered_(?:multi)?(?:map|set)"


def _closing(text, start):
    """The offset after the `>` that closes the `<` at `start`."""
    depth = 0
    for offset in range(start, len(text)):
        if text[offset] == "<":
            depth += 1
        elif text[offset] == ">":
            depth -= 1
            if depth == 0:
                return offset + 1
    return len(text)


def hash_names(code, types=()):
    """(names of variables, members and functions of a hash type; names of its aliases)."""
    variables, aliases = set(), set()
    for match in re.finditer(rf"(?:{_HASH})\s*<", code):
        end = _closing(code, match.end() - 1)
        before = code[code.rfind("\n", 0, match.start()) + 1 : match.start()]
        alias = re.search(r"\busing\s+(\w+)\s*=\s*(?:const\s+)?$", before)
        if alias:
            aliases.add(alias.group(1))
            continue
        name = re.match(r"\s*(?:const\b)?\s*[&*]*\s*(\w+)", code[end : end + 200])
        # Nested in another type's arguments it is not the variable's own order.
        if name and before.count("<") <= before.count(">"):
            variables.add(name.group(1))
    for alias in set(types) | aliases:
        variables.update(
            re.findall(rf"\b{alias}\b\s*(?:const\b)?\s*[&*]*\s+(\w+)\s*[;={{(,)]", code)
        )
    return variables, aliases


def uses(code, names):
    """(offset, name) of each walk over one of `names`."""
    for match in re.finditer(r"\bfor\s*\(([^;{}]*?[^:]):(?!:)\s*([^;{}]*?)\)\s*[\w{]", code):
        last = re.search(r"(\w+)\s*(?:\(\s*\))?\s*$", match.group(2))
        if last and last.group(1) in names:
            yield match.start(), last.group(1)
    for match in re.finditer(r"\b(\w+)(?:\.|->)c?begin\s*\(", code):
        if match.group(1) in names:
            yield match.start(), match.group(1)


def check(tree):
    paths = [p for p in tree.select(".cc", ".h") if re.match(r"services/[^/]+/core/", p)]
    by_service = {}
    for path in paths:
        by_service.setdefault(path.split("/")[1], []).append(path)
    findings = []
    for service_paths in by_service.values():
        aliases = set().union(*(hash_names(tree.code(p))[1] for p in service_paths))
        # Members are declared in headers; other names count in their own file and its header alone.
        members = set()
        for path in service_paths:
            members.update(n for n in hash_names(tree.code(path), aliases)[0] if n.endswith("_"))
        for path in service_paths:
            names = set(members)
            for part in {path, os.path.splitext(path)[0] + ".h"} & set(service_paths):
                names |= hash_names(tree.code(part), aliases)[0]
            findings.extend(
                tidy.Finding(
                    path,
                    tidy.line_of(tree.code(path), offset),
                    "M6 hash order",
                    f"walks over '{name}', whose order differs from run to run",
                    "use std::map or absl::btree_map, or sort first",
                )
                for offset, name in uses(tree.code(path), names)
            )
    return findings


if __name__ == "__main__":
    tidy.main(check)
