"""A follow-up and its history -> a question that stands alone, without a language model."""

import re
from collections.abc import Sequence

from rag.names import names
from rag.protocols import Config
from rag.terms import HAN, TERM, is_function_word, key_terms
from rag.types import Query

_LONGEST_ELLIPTIC = 40
_POINTING_BACK = re.compile(
    r"^(?:那|所以|然后|还有|而且|另外|可是|但是?|不过|再|and\b|so\b|but\b|then\b|what about|how about|why\b\s*\??$)"
    r"|它|他们|其(?=[中优缺劣特作用原主次余他])|这[个种些样项俩两里]|那[个种些样里]|此|该(?=[方模算技])|上述|上面|前面"
    r"|前者|后者|两者|二者"
    r"|\b(?:it|its|they|them|their|this|that|these|those|the former|the latter|both)\b",
    re.IGNORECASE,
)
_SWAP = re.compile(
    r"^(?:那么?|那要是|换成|如果是|and|what about|how about|(?=[^，,。？?]{1,30}呢[？?]?$))[，,\s]*"
    r"(?P<topic>[^，,。？?！!]{1,30}?)\s*(?:(?:呢|又如何|怎么样)\s*[？?。，,]?(?P<rest>.*)|[？?]|$)$",
    re.IGNORECASE,
)


_CHINESE_WORD = re.compile(f"{HAN}{{3,6}}")
_BESIDE_NAMES = re.compile(r"\s*(?:和|与|跟|、|/|\band\b)\s*|(?:算法|模型|方法|框架|技术|机制)$|\s+")


def condense(question: str, history: Sequence[str], config: Config | None = None) -> Query:
    """The query for ``question`` after the earlier user questions ``history``, oldest first.

    A question that points back ("它有哪些缺点") is preceded by the terms of the previous question; one that only names
    another subject ("那 PPO 呢？") becomes the previous question with that subject. Others stay unchanged.
    """
    asked = question.strip()
    earlier = ""
    for turn in history:
        earlier = _stand_alone(turn.strip(), earlier)
    return Query(_stand_alone(asked, earlier), asked, tuple(history))


def _stand_alone(question: str, earlier: str) -> str:
    if not earlier or not question or not _is_elliptic(question):
        return question
    swap = _SWAP.match(question)
    if swap:
        topic = swap["topic"].strip()
        exchange = _exchange if _is_a_name(swap["topic"], question) else _exchange_alike
        if exchanged := exchange(earlier, topic):
            return f"{exchanged} {(swap['rest'] or '').strip()}".strip()
    own = {term.lower() for term in key_terms(question)}
    terms = [term for term in key_terms(earlier) if term.lower() not in own]
    return f"{' '.join(terms)} {question}".strip()


def _is_a_name(topic: str, question: str) -> bool:
    """Whether the topic is technical names and nothing else; "那它的 rank 呢" asks for a part of the earlier
    subject."""
    terms = [term for term in _BESIDE_NAMES.split(topic) if term]
    return all(map(TERM.fullmatch, terms)) and not {*terms}.isdisjoint(names(question))


def _is_elliptic(question: str) -> bool:
    short = len(question) <= _LONGEST_ELLIPTIC
    return short and (bool(_POINTING_BACK.search(question)) or not key_terms(question) or _is_remark(question))


def _is_remark(question: str) -> bool:
    """Whether the question is too short to stand alone and does not name what it is about."""
    named = re.search(r"[A-Z]\w*[A-Z]|[A-Za-z]-?\d", question)
    return len(question) <= 6 and (named is None or question.rstrip("?？").endswith("呢"))


def _exchange_alike(earlier: str, subject: str) -> str:
    """``earlier`` with a Chinese word exchanged for one of the same length that begins alike, as 缓存穿透 for 缓存雪崩;
    empty if it has none."""
    if not _CHINESE_WORD.fullmatch(subject):
        return ""
    alike = re.search(f"{subject[:2]}{HAN}{{{len(subject) - 2}}}", earlier)
    return earlier.replace(alike[0], subject) if alike and alike[0] != subject else ""


def _exchange(earlier: str, subject: str) -> str:
    """``earlier`` with its own subject, the first technical term, replaced by ``subject``; empty if it names none."""
    own = next((term for term in TERM.finditer(earlier) if not is_function_word(term[0])), None)
    return f"{earlier[: own.start()]}{subject}{earlier[own.end() :]}" if own else ""
