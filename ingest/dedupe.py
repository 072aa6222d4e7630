"""Exact and near duplicates: which chunks say the same, so that search finds them once.

Two chunks say the same when their texts are equal except for white space, or nearly equal (Jaccard similarity of their
4-character shingles of at least ``SIMILARITY``) with the same words that can reverse a statement: numbers, Latin
terms, operators, negations, opposites. A short text must be equal and stand under the same headings, since its meaning
depends on them. All of this depends on the two texts alone, so groups do not depend on the order in which notes came
in.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from zlib import crc32

from ingest.types import Chunk

SIMILARITY = 0.9
SHORT = 60
"""Characters without white space. Shorter texts are duplicates only when equal and under equal headings."""

_SHINGLE = 4
# Of pairs with a similarity of 0.9, one in 8,000 shares none of 16 bands of 8 rows.
_BANDS = 16
_ROWS = 8
_LONGEST_INSERT = 12
"""Characters. Neither text may have a longer stretch that the other lacks."""

_WHITE_SPACE = re.compile(r"\s+")
_MARKUP = re.compile(r"[\s*#>`_|，。、；：,.;:!?！？“”‘’\"'（）()【】\[\]-]+")
_TURNING = re.compile(
    r"[^\W_㐀-鿿]+(?:\.\d+)*"
    r"|(?<=[\w)])[ ]*[-+*/<>=≤≥≠×÷^]+[ ]*(?=[\w(])"
    "|[不没無无非未否勿莫别除仅只前后上下左右大小高低多少快慢强弱优劣好坏增减升降长短深浅宽窄正负加乘内外入出先同异真假"
    "开关必易难全部编解码训推理行列头尾首末二三四五六七八九十百千万亿两半]"
)
_FREE_WORDS = frozenset(
    "a an the of to in on at for and or is are was were be been it its this that these those as by with from so".split()
)


def text_key(chunk: Chunk) -> str:
    """Equal for chunks that say exactly the same."""
    folded = _WHITE_SPACE.sub("", chunk.text)
    parts = [folded] if len(folded) >= SHORT else [folded, _WHITE_SPACE.sub("", chunk.context)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def band_keys(text: str) -> tuple[int, ...]:
    """64-bit signed keys, at least one of which is shared by two texts that say nearly the same; none for a short
    text."""
    from datasketch import MinHash  # type: ignore[import-untyped]

    if len(_WHITE_SPACE.sub("", text)) < SHORT:
        return ()
    sketch = MinHash(num_perm=_BANDS * _ROWS, hashfunc=crc32)
    sketch.update_batch(shingle.encode() for shingle in _shingles(text))
    turning = "\0".join(turning_words(text)).encode()
    bands = sketch.hashvalues.reshape(_BANDS, _ROWS)
    return tuple(_key(bytes([number]) + band.tobytes() + turning) for number, band in enumerate(bands))


def nearly_equal(left: str, right: str) -> bool:
    """Whether two texts, neither of them short, say the same as far as any answer is concerned."""
    if turning_words(left) != turning_words(right):
        return False
    ours, theirs = _shingles(left), _shingles(right)
    if len(ours & theirs) < SIMILARITY * len(ours | theirs):
        return False
    matcher = SequenceMatcher(None, _fold(left), _fold(right), autojunk=False)
    return all(
        kind == "equal" or max(left_end - left_start, right_end - right_start) <= _LONGEST_INSERT
        for kind, left_start, left_end, right_start, right_end in matcher.get_opcodes()
    )


def components(
    nodes: Iterable[int], bands: Iterable[Sequence[int]], are_equal: Callable[[int, int], bool]
) -> Mapping[int, int]:
    """Each node's group: the smallest node that it is connected to, directly or through others.

    Two nodes of a band are connected when they ``are_equal``; of two that are in one group already it is not asked.
    """
    parent = {node: node for node in nodes}

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for band in bands:
        groups: list[list[int]] = []
        for node in band:
            joined, others = [node], []
            for group in groups:
                first, own = root(group[0]), root(node)
                if first == own or any(are_equal(other, node) for other in group):
                    parent[max(first, own)] = min(first, own)
                    joined += group
                else:
                    others.append(group)
            groups = [*others, joined]
    return {node: root(node) for node in parent}


def _fold(text: str) -> str:
    return _MARKUP.sub("", text).lower()


def _shingles(text: str) -> set[str]:
    folded = _fold(text)
    return {folded[at : at + _SHINGLE] for at in range(max(1, len(folded) - _SHINGLE + 1))}


def turning_words(text: str) -> list[str]:
    """The words that turn what a text says when they are exchanged, in order: Latin terms, numbers, operators,
    negations, opposites."""
    words = (word.strip().lower() for word in _TURNING.findall(text))
    return [word for word in words if word not in _FREE_WORDS]


def _key(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)
