"""Reads what a PromQL expression refers to: its selectors and the labels that it groups by.

Prometheus itself says whether an expression is valid; this is for the question whether what it
names exists. Not a full parser: operators and numbers are skipped.
"""

import dataclasses
import re

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      |(?P<range>\[[^\]]*\])
      |(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[a-zA-Z][a-zA-Z0-9]*)?)
      |(?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
      |(?P<mark>=~|!~|!=|==|>=|<=|.)""", re.VERBOSE | re.DOTALL)
_AGGREGATIONS = frozenset(
    "sum min max avg group stddev stdvar count count_values bottomk topk quantile".split())
_GROUPINGS = frozenset("by without on ignoring group_left group_right".split())
_KEYWORDS = frozenset("and or unless atan2 bool offset inf nan start end".split())


@dataclasses.dataclass(frozen=True)
class Selector:
    name: str  # empty where only matchers select
    matchers: str  # without the braces

    def __str__(self):
        return f"{self.name}{{{self.matchers}}}" if self.matchers else self.name

    def labels(self):
        """The labels that the matchers name."""
        return frozenset(re.findall(r"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)", re.sub(
            r'"(?:[^"\\]|\\.)*"', '""', self.matchers)))


@dataclasses.dataclass(frozen=True)
class References:
    selectors: frozenset
    grouping_labels: frozenset


def references(expression):
    tokens = [(match.lastgroup, match.group()) for match in _TOKEN.finditer(expression)
              if match.lastgroup != "space"]
    selectors, labels = set(), set()
    at = 0

    def peek(offset=0):
        return tokens[at + offset][1] if at + offset < len(tokens) else ""

    def until(closing):
        """The tokens up to `closing`, which is taken too."""
        nonlocal at
        taken = []
        while at < len(tokens) and tokens[at][1] != closing:
            taken.append(tokens[at])
            at += 1
        at += 1
        return taken

    def matchers():
        nonlocal at
        at += 1
        return "".join(text for _, text in until("}"))

    while at < len(tokens):
        kind, text = tokens[at]
        if kind == "word":
            at += 1
            if text.lower() in _GROUPINGS and peek() == "(":
                at += 1
                labels.update(word for kind, word in until(")") if kind == "word")
            elif peek() == "(" or text.lower() in _AGGREGATIONS | _GROUPINGS | _KEYWORDS:
                continue
            else:
                selectors.add(Selector(text, matchers() if peek() == "{" else ""))
        elif text == "{":
            selectors.add(Selector("", matchers()))
        else:
            at += 1
    return References(frozenset(selectors), frozenset(labels))
