"""JSON written again as it was read, and how deep it is nested."""

from typing import Any

import orjson


def written(document: Any) -> bytes:
    """Return what was read with `orjson` as text: it reads four times as deep as it writes."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        return b"".join(_pieces(document))


def is_deeper_than(levels: int, document: Any) -> bool:
    """Tell whether objects and lists are nested in more levels than these."""
    nodes = [document]
    for _ in range(levels + 1):
        nodes = [node for node in nodes if isinstance(node, dict | list)]
        if not nodes:
            return False
        nodes = [
            part for node in nodes for part in (node.values() if isinstance(node, dict) else node)
        ]
    return True


def _pieces(document: Any) -> list[bytes]:
    # Without recursion: what is to be written next is last.
    pieces: list[bytes] = []
    todo: list[tuple[bytes, Any]] = [(b"", document)]
    while todo:
        before, node = todo.pop()
        pieces.append(before)
        if node is _NOTHING:
            continue
        if isinstance(node, dict):
            pieces.append(b"{")
            todo.append((b"}", _NOTHING))
            names = list(node)
            for name in reversed(names):
                comma = b"" if name == names[0] else b","
                todo.append((comma + orjson.dumps(name) + b":", node[name]))
        elif isinstance(node, list):
            pieces.append(b"[")
            todo.append((b"]", _NOTHING))
            todo += [
                (b"," if place else b"", node[place]) for place in range(len(node) - 1, -1, -1)
            ]
        else:
            pieces.append(orjson.dumps(node))
    return pieces


_NOTHING = object()
