"""The words of a question that carry its meaning."""

import re

from ingest.phrases import Language
from ingest.tokens import words

TERM = re.compile(
    r"[A-Za-z](?:[A-Za-z0-9_+#]|[.'-](?=[A-Za-z0-9])|/(?=[A-Za-z0-9](?![A-Za-z0-9])))*|\d+[A-Za-z][A-Za-z0-9]*"
)
"""A word or technical term in Latin letters: ``LoRA``, ``top-p``, ``LLM.int8``, ``C++``, ``13b``,
``8x7B``, ``I/O``; ``PPO/DPO`` is two."""

HAN = r"[\u3400-\u9fff]"
"""A pattern for one Chinese character."""
TOKEN = rf"{TERM.pattern}|\d+(?:\.\d+)*|{HAN}"
"""A pattern for a term, a number or one Chinese character."""

_ENGLISH_STOP = frozenset(
    "a about an and are as at be between but by can could did do does for from has have how i if in into is it its me "
    "my of on one or our please should so than that the their them then there these they this those to use used using "
    "versus via vs was we were what when where which who why will with would you your".split()
)
_CHINESE_STOP = frozenset(
    "哪些 哪个 哪种 哪里 什么 怎么 怎样 如何 为什么 为啥 多少 几个 是否 能否 可以 需要 应该 一下 说说 介绍 解释 讲讲 "
    "之间 区别 不同 分别 以及 我们 你们 他们 它们 这个 那个 这种 那种 没有 到底 究竟 怎么样 干嘛 是不是 有没有 会不会 "
    "一个 有些 哪块 凭啥 凭什么 这么 那么 所以 因为 但是 然后 还有 具体 主要 一般 通常 其实 真的 比较 里面 "
    "时候 的话 东西".split()
)

_CHINESE = re.compile(HAN)


def is_chinese(text: str) -> bool:
    """Whether the text has any Chinese character; questions in both languages count as Chinese."""
    return bool(_CHINESE.search(text))


def language_of(text: str) -> Language:
    """The language to answer in; see ``is_chinese``."""
    return "zh" if is_chinese(text) else "en"


def is_function_word(word: str) -> bool:
    return word.lower() in _ENGLISH_STOP or word in _CHINESE_STOP


def key_terms(text: str) -> list[str]:
    """The technical terms and the Chinese words of two or more characters, in order and without repeats; no function
    words."""
    found: list[str] = []
    position = 0
    for match in TERM.finditer(text):
        found += _chinese(text[position : match.start()])
        found.append(match[0])
        position = match.end()
    found += _chinese(text[position:])
    return [term for term in dict.fromkeys(found) if not is_function_word(term)]


def _chinese(text: str) -> list[str]:
    return [word for word in words(text) if len(word) > 1 and _CHINESE.match(word)]
