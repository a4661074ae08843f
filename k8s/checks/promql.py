"""Which metrics an expression in PromQL reads. Not a parser: promtool and Prometheus check the syntax."""

import re

# In this order: what is inside a string, a selector, a range or a list of labels is no metric.
_NOT_METRICS = (
    re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"),
    re.compile(r"\{[^}]*\}"),
    re.compile(r"\[[^\]]*\]"),
    re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"),
    re.compile(r"\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?:ms|[smhdwy])?\b"),
)
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?![a-zA-Z0-9_:]|\s*\()")
_WORDS = {"and", "or", "unless", "bool", "offset", "Inf", "NaN", "by", "without", "on", "ignoring", "group_left", "group_right"}


def metrics(expression: str) -> set[str]:
    """The names of the metrics that it reads."""
    for pattern in _NOT_METRICS:
        expression = pattern.sub(" ", expression)
    return set(_NAME.findall(expression)) - _WORDS
