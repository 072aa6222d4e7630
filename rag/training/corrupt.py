"""True sentences -> false ones that look like them, one small change each."""

import random
import re
from collections.abc import Callable, Mapping, Sequence

Corruption = Callable[[str, Sequence[str], random.Random], str | None]
"""(sentence, other terms of the same note, random) -> the changed sentence, or None where nothing can be changed."""

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.]*[a-zA-Z])")
_TERM = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_.][A-Za-z0-9]+)*")
_CHINESE_NUMBERS = "一二两三四五六七八九十"
_CHINESE_COUNT = re.compile(rf"(?<=[有共分为第前后])[{_CHINESE_NUMBERS}](?=[个种类步层次点条项阶])")
_THAN = re.compile(
    r"(?P<a>[\w\u4e00-\u9fff]{1,12})(?P<link>比|优于|快于|大于|小于|依赖于?)(?P<b>[\w\u4e00-\u9fff]{1,12})"
)
_THAN_EN = re.compile(r"\b(?P<a>\w+) (?P<link>(?:is|are) \w+ than) (?P<b>\w+)")
_CAUSE = re.compile(r"(?P<c>因为|由于)(?P<a>[^，,。]{4,40})[，,](?P<so>所以|因此|故)?(?P<b>[^，,。]{4,40})")
_SHORTEST = 3

_SWAPS_ZH = (
    ("增加", "减少"), ("提高", "降低"), ("上升", "下降"), ("增大", "减小"), ("更高", "更低"), ("更大", "更小"),
    ("更快", "更慢"), ("较高", "较低"), ("较大", "较小"), ("最大", "最小"), ("最高", "最低"), ("大于", "小于"),
    ("多于", "少于"), ("之前", "之后"), ("以前", "以后"), ("同步", "异步"), ("优点", "缺点"), ("优势", "劣势"),
    ("成功", "失败"), ("允许", "禁止"), ("支持", "不支持"), ("适合", "不适合"), ("简单", "复杂"), ("相同", "不同"),
    ("读取", "写入"), ("输入", "输出"), ("开启", "关闭"), ("有序", "无序"), ("安全", "不安全"), ("线性", "非线性"),
    ("静态", "动态"), ("公开", "私有"), ("左", "右"), ("内部", "外部"), ("上层", "下层"), ("客户端", "服务端"),
    ("加密", "解密"), ("编码", "解码"), ("正向", "反向"), ("训练", "推理"), ("强", "弱"), ("快", "慢"),
)  # fmt: skip
_SWAPS_EN = (
    ("increase", "decrease"), ("increases", "decreases"), ("higher", "lower"), ("larger", "smaller"),
    ("faster", "slower"), ("more", "less"), ("before", "after"), ("maximum", "minimum"), ("most", "least"),
    ("always", "never"), ("first", "last"), ("input", "output"), ("above", "below"), ("better", "worse"),
    ("easy", "hard"), ("same", "different"), ("positive", "negative"), ("early", "late"), ("true", "false"),
    ("large", "small"), ("high", "low"), ("strong", "weak"), ("simple", "complex"), ("linear", "nonlinear"),
)  # fmt: skip
_NEGATIONS_ZH = (
    ("不能", "能"), ("不会", "会"), ("不需要", "需要"), ("没有", "有"), ("不可以", "可以"), ("不是", "是"),
    ("无法", "可以"), ("不再", "仍然"), ("无需", "需要"), ("不应", "应"), ("不必", "必须"),
)  # fmt: skip
_NEGATIONS_EN = (
    ("cannot", "can"), ("does not", "does"), ("is not", "is"), ("are not", "are"), ("will not", "will"),
    ("should not", "should"), ("was not", "was"), ("were not", "were"), ("would not", "would"), ("could not", "could"),
)  # fmt: skip
_SCOPES = (
    ("部分", "全部"), ("有些", "所有"), ("通常", "总是"), ("一般", "必定"), ("可能", "一定"), ("至少", "至多"),
    ("只有", "不只"), ("仅", "不仅"), ("大多数", "少数"), ("默认", "从不"), ("每个", "个别"), ("所有", "只有少数"),
    ("some", "all"), ("usually", "never"), ("may", "must"), ("at least", "at most"), ("only", "not only"),
    ("often", "always"), ("many", "few"), ("can", "must always"),
)  # fmt: skip
_UNITS = (
    ("毫秒", "秒"), ("分钟", "小时"), ("KB", "MB"), ("MB", "GB"), ("天", "周"), ("年", "个月"), ("字节", "比特"),
    ("ms", "s"), ("seconds", "minutes"), ("hours", "days"), ("米", "公里"), ("万", "亿"), ("years", "months"),
    ("公里", "米"), ("million", "billion"),
)  # fmt: skip


def number(sentence: str, terms: Sequence[str], rng: random.Random) -> str | None:
    counts = list(_CHINESE_COUNT.finditer(sentence))
    numbers = list(_NUMBER.finditer(sentence))
    if not numbers and not counts:
        return None
    match = rng.choice(numbers or counts)
    old = match.group()
    new = rng.choice([digit for digit in _CHINESE_NUMBERS if digit != old]) if not numbers else _other_number(old, rng)
    return sentence[: match.start()] + new + sentence[match.end() :]


def name(sentence: str, terms: Sequence[str], rng: random.Random) -> str | None:
    """One Latin term becomes another one of the same note."""
    english = sentence.isascii()
    found = [match for match in _TERM.finditer(sentence) if _is_name(match.group(), english)]
    others = [term for term in terms if _is_name(term, english) and term.lower() not in sentence.lower()]
    if not found or not others:
        return None
    match = rng.choice(found)
    return sentence[: match.start()] + rng.choice(others) + sentence[match.end() :]


def subject(sentence: str, terms: Sequence[str], rng: random.Random) -> str | None:
    """The two sides of a comparison change places."""
    for pattern in (_THAN, _THAN_EN):
        match = pattern.search(sentence)
        if match and match["a"] != match["b"]:
            gap = " " if pattern is _THAN_EN else ""
            swapped = gap.join((match["b"], match["link"], match["a"]))
            return sentence[: match.start()] + swapped + sentence[match.end() :]
    return None


def cause(sentence: str, terms: Sequence[str], rng: random.Random) -> str | None:
    match = _CAUSE.search(sentence)
    if not match:
        return None
    swapped = f"{match['c']}{match['b']}，{match['so'] or ''}{match['a']}"
    return sentence[: match.start()] + swapped + sentence[match.end() :]


def opposite(sentence: str, terms: Sequence[str], rng: random.Random) -> str | None:
    return _swapped(sentence, _SWAPS_ZH, rng, words=False) or _swapped(sentence, _SWAPS_EN, rng, words=True)


def negation(sentence: str, terms: Sequence[str], rng: random.Random) -> str | None:
    return _swapped(sentence, _NEGATIONS_ZH, rng, words=False) or _swapped(sentence, _NEGATIONS_EN, rng, words=True)


def scope(sentence: str, terms: Sequence[str], rng: random.Random) -> str | None:
    return _swapped(sentence, _SCOPES, rng, words=sentence.isascii())


def unit(sentence: str, terms: Sequence[str], rng: random.Random) -> str | None:
    places = [(match, new) for old, new in _UNITS for match in re.finditer(rf"(?<=\d)\s*{old}", sentence)]
    if not places:
        return None
    match, new = rng.choice(places)
    return sentence[: match.start()] + new + sentence[match.end() :]


CORRUPTIONS: Mapping[str, Corruption] = {
    "number": number,
    "name": name,
    "subject": subject,
    "cause": cause,
    "opposite": opposite,
    "negation": negation,
    "scope": scope,
    "unit": unit,
}


def corrupted(sentence: str, terms: Sequence[str], rng: random.Random) -> tuple[str, str] | None:
    """(kind, changed sentence) by one of the kinds that can change this sentence, drawn at random; None if there is
    none."""
    kinds = list(CORRUPTIONS)
    rng.shuffle(kinds)
    for kind in kinds:
        changed = CORRUPTIONS[kind](sentence, terms, rng)
        if changed is not None and changed != sentence:
            return kind, changed
    return None


def _is_name(term: str, english: bool) -> bool:
    """In an English sentence a name has a capital or a digit after its first letter; in a Chinese one any Latin term is
    a name."""
    return len(term) >= _SHORTEST and (not english or not term[1:].islower())


def terms_of(text: str) -> list[str]:
    """The distinct Latin terms of a text that can stand for a name."""
    return sorted({match.group() for match in _TERM.finditer(text) if len(match.group()) >= _SHORTEST})


def _swapped(sentence: str, pairs: Sequence[tuple[str, str]], rng: random.Random, words: bool) -> str | None:
    places = []
    for one, other in pairs:
        for old, new in ((one, other), (other, one)):
            pattern = rf"\b{old}\b" if words else re.escape(old)
            places += [(match, new) for match in re.finditer(pattern, sentence)]
    # The longer match counts: within "不支持", "支持" is not a place of its own.
    whole = [p for p in places if not any(_inside(p[0], other[0]) for other in places)]
    if not whole:
        return None
    match, new = rng.choice(whole)
    return sentence[: match.start()] + new + sentence[match.end() :]


def _inside(match: re.Match[str], other: re.Match[str]) -> bool:
    within = other.start() <= match.start() and match.end() <= other.end()
    return within and len(match.group()) < len(other.group())


def _other_number(old: str, rng: random.Random) -> str:
    value = float(old)
    if "." in old:
        return f"{value + rng.choice([-1, 1, 2]) * 10 ** -len(old.partition('.')[2]) * rng.randint(1, 9):g}"
    whole = int(value)
    choices = [whole + 1, whole - 1, whole * 2, whole * 10, whole + rng.randint(2, 9)]
    return str(rng.choice([choice for choice in choices if choice >= 0 and choice != whole]))
