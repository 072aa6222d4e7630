"""Which texts ask without answering."""

import re

from ingest.lines import ATX_HEADING, MARKER, NOISE, clean_title, read_lines

_NEXT_NUMBER = re.compile(r"(?<=[?？])\s*(?=\d{1,3}[.、)])")
_ASSERTED = re.compile(r"[。！!；;…]|\.(?=\s|$)")
_REQUEST = re.compile(
    r"(?:请(?:你|您)?(?=介绍|解释|说|描述|谈|讲|列举|比较|对比|分析|举例|简|写|推导|设计|问)"
    r"|介绍|解释|简述|简要|描述|列举|概述|阐述|手写|手撕|推导|谈谈|谈一谈|聊聊|讲讲|讲一下|讲下|说说|说一下|说下"
    r"|对比一下|比较一下|什么是|有哪些|为什么|为何|如何|怎么|怎样)(?![了过性])[^:：?？]*$"
    r"|(?:explain|describe|compare|discuss)\b[^:?]*$",
    re.IGNORECASE,
)
_ASKING_END = re.compile(r"(?:吗|呢|什么|哪些|为何|怎么办|怎么做|怎么样)$")
_WONDERS = re.compile(
    r"什么|多少|多[大长久高深快]|(?<!学会)(?<!知道)(?<!明白)(?<!了解)(?<!掌握)(?<!清楚)(?<!决定)(?:怎么|怎样|如何|为何|为啥)|哪"
    r"|[吗呢咋]|几[个种步类]|(?:区别|异同|联系|原理|作用|优缺点|流程|公式|推导)$|^(?:how|why|what|which|when)\b",
    re.IGNORECASE,
)
_FEWEST_WONDERING = 3
_LONGEST_REQUEST = 80
_LONGEST_QUESTION = 600


def is_question(text: str) -> bool:
    """Whether the text's last sentence has a question mark."""
    return text.rstrip(" \u00a0*_\"'”’」』])）】").endswith(("?", "？"))


def is_question_list(text: str) -> bool:
    """Whether a text asks without answering: nothing but questions, or at least three with little said between.

    Lines and the numbered parts of a line are counted, so that a statement needs no full stop to count. A request
    (讲一下…) asks too, and among others of its kind a line with a question word but without a mark. A question in a
    heading counts only if no statement stands below it.
    """
    asked: list[str] = []
    wondering: list[str] = []
    said: list[str] = []
    titled = False
    for line in read_lines(text):
        if line.blank or NOISE.match(line.text):
            continue
        if ATX_HEADING.match(line.text):
            titled = titled or is_question(line.text)
            continue
        for part in numbered_parts(line.text):
            (asked if asks(part) else wondering if wonders(part) else said).append(part)
    (asked if len(wondering) >= _FEWEST_WONDERING else said).extend(wondering)
    if not said:
        return titled or bool(asked)
    return len(asked) >= max(3, 2 * len(said)) and sum(map(len, asked)) >= sum(map(len, said))


def numbered_parts(line: str) -> list[str]:
    """A line cut before each number that follows a question: ``1.为什么? 2.怎么办?`` has two parts."""
    return _NEXT_NUMBER.split(line)


def asks(part: str) -> bool:
    """Whether a line, or a numbered part of one, asks or requests and states nothing."""
    words = _words(part)
    if _ASSERTED.search(words[:-1]):
        return False
    requests = len(words) <= _LONGEST_REQUEST and _REQUEST.match(words)
    return is_question(words) or bool(requests or _ASKING_END.search(words))


def wonders(part: str) -> bool:
    """Whether a line may be a question or a subject to be asked about, written without a question mark."""
    words = _words(part)
    stated = _ASSERTED.search(words) or "：" in words or ":" in words
    return len(words) <= _LONGEST_REQUEST and not stated and bool(_WONDERS.search(words))


def _words(part: str) -> str:
    """The beginning of a line without its list mark."""
    part = part[:_LONGEST_QUESTION]
    marker = MARKER.match(part)
    return clean_title(part[marker.end() :] if marker else part)
