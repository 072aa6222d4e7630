"""Numbers in any notation: digits, English and Chinese words, units."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import prod

from rag.terms import HAN

_SMALL_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_SMALL = {word: value for value, word in enumerate(_SMALL_WORDS.split())}
_TENS_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * value for value, word in enumerate(_TENS_WORDS.split(), 2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINAL_WORDS = "first second third fourth fifth sixth seventh eighth ninth tenth"
_ORDINALS = {word: value for value, word in enumerate(_ORDINAL_WORDS.split(), 1)}
_LETTERS = {"k": (10**3, 2**10), "m": (10**6,), "b": (10**9,), "t": (10**12,)}
"""What a letter after a number multiplies it by; 4k tokens may be 4096."""
_CHINESE_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}
_NO_UNIT = (Decimal(1),)
_ALWAYS_COUNTED_ABOVE = 10
"""A number in words above this is meant as one."""


def _any(words: Iterable[str]) -> str:
    return rf"(?:{'|'.join(sorted(words, key=len, reverse=True))})"


_SCALE = _any(_SCALES)
_BELOW_100 = rf"(?:{_any(_TENS)}(?:[ -]{_any(_SMALL)})?|{_any(_SMALL)})"
_BELOW_1000 = rf"(?:a(?= (?:hundred|{_SCALE})\b)|{_BELOW_100})(?:[ -]hundred(?: (?:and )?{_BELOW_100})?)?"
_ANY_NUMBER = re.compile(
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)*(?:e[-+]?\d{1,3}(?![a-z\d]))?)"
    rf"(?:\s*(?P<unit>[十百千]?[万亿]+)|(?P<letter>[kmbt])(?P<byte>(?<!b)b)?(?![a-z\d])|[ -](?P<scale>{_SCALE})\b"
    r"|\s?(?P<percent>%))?"
    rf"|\b(?P<english>{_BELOW_1000}(?:[ -]{_SCALE}(?: (?:and )?{_BELOW_1000})?)*)\b"
    rf"|(?<!\d )(?<!\bper )(?<!\ba )(?<!\bone )(?<!\beach )(?<!\bevery )\b(?P<ordinal>{_any(_ORDINALS)})\b"
    r"|(?P<chinese>[零〇一二两三四五六七八九十百千万亿]+(?:点[零〇一二三四五六七八九]+(?![十百千]))?)",
    re.IGNORECASE,
)
_NO_NUMBER = re.compile(
    r"[百千万]分之|(?<![一二两三四五六七八九十])十分(?![之钟])|十足|(?<![一二两三四五六七八九十百千])万一(?![千百十])"
    r"|(?<![一二两三四五六七八九十])百度|千问|千万(?=[别不要记])|第三方|四舍五入|五花八门|乱七八糟"
    r"|third[- ]part(?:y|ies)",
    re.IGNORECASE,
)
_POWER = re.compile(
    r"(?:(?<![\d.])(\d+(?:\.\d+)?)\s*(?:\\times|\\cdot|×|\*|·)\s*)?(?<!\d)10\s*\^\s*\{?\s*([-−+]?\d{1,3})\s*\}?"
)
_RAISED = re.compile(r"(?<=\d)(?=[⁰¹²³⁴-⁹⁻])")
_OTHER_FORM = re.compile(r"[^\W_]|[．－～／⁻％]")
_MEASURES = {
    "time/ns": "纳秒|ns",
    "time/us": "微秒|[µμu]s",
    "time/ms": "毫秒|ms|milliseconds?",
    "time/s": "秒|s|secs?|seconds?",
    "time/min": "分钟|mins?|minutes?",
    "time/h": "个?小时|h|hrs?|hours?",
    "time/day": "天|日|days?",
    "time/week": "周|个?星期|weeks?",
    "time/month": "个?月|months?",
    "time/year": "年|years?",
    "temperature/C": "[°º] ?C|℃|摄氏度",
    "temperature/F": "[°º] ?F|℉|华氏度",
}
_MEASURE = re.compile(
    r"[\s-]?(?:" + "|".join(f"({spelt})" for spelt in _MEASURES.values()) + r")(?![A-Za-z\d])", re.IGNORECASE
)
_LOWER_BOUND = re.compile(
    r"至少|不少于|不低于|不小于|最少|(?<!不)(?:高于|大于|超过|多于)|以上|\bat least\b|\bno (?:less|fewer) than\b"
    r"|(?<!no )\b(?:more|greater|higher|later) than\b|\babove\b|\bor (?:more|later|above|higher|newer|greater)\b",
    re.IGNORECASE,
)
_UPPER_BOUND = re.compile(
    r"至多|最多|不超过|不多于|不高于|不大于|(?<!不)(?:低于|小于|少于)|以下|以内|\bat most\b|\bno more than\b|\bup to\b"
    r"|(?<!no )\b(?:less|fewer|lower|earlier) than\b|\bbelow\b|\bor (?:less|earlier|below|fewer|lower|older)\b",
    re.IGNORECASE,
)
_BESIDE = 12
"""Characters beside a number in which its bound stands."""
_CLAUSE_END = re.compile(r"[，,。；;！!？?：:\n]|\.(?!\d)")
_RANGE = re.compile(r"\s*(?:[-~–—/、,]|到|至|和|或|or|and|to)\s*", re.IGNORECASE)
AMOUNT = re.compile(r"(?<![A-Za-z0-9_.-])\d+(?:\.\d+)?(?:e[-+]?\d+|[kmbt]|st|nd|rd|th)(?![A-Za-z\d])", re.IGNORECASE)
"""A number that could be taken for a name: 7B, 2nd, 1e-4."""
_WEEKDAY = re.compile(
    r"(?:(?<![两一二三四五六七八九十几半\d])周|星期|礼拜)(?P<chinese>[一二三四五六日天])(?![次个轮遍篇期天百千\d])"
    r"|\b(?P<english>mon|tues|wednes|thurs|fri|satur|sun)days?\b",
    re.IGNORECASE,
)
_WEEKDAYS = {
    name: day
    for names in ("一二三四五六日", "一二三四五六天", "mon tues wednes thurs fri satur sun".split())
    for day, name in enumerate(names, 1)
}
_CHINESE = re.compile(HAN)
_COUNTED = re.compile(rf"[\s-]*([a-z]+|{HAN}{{1,3}})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Number:
    """A number of a text.

    ``start`` and ``end`` are where it stands, with its unit. ``values`` is what it may stand for, ``bare`` what it is
    without its unit; a version such as 1.2.3 is itself. ``unit_spelt`` tells 10 万 and 5 million, which are never 10
    and 5, from 7B, which may be written 7 B. ``in_words`` says that it may be no number at all, as in "one
    of" or 一般, ``unit_alone`` that it is a unit without a digit, as in 百科. ``counted`` is the word after it, in
    Chinese the measure word with what follows it: 两种方法 and 三种设置 count other things.
    """

    start: int
    end: int
    values: frozenset[Decimal | str]
    bare: Decimal | str
    with_unit: bool = False
    unit_spelt: bool = False
    in_words: bool = False
    unit_alone: bool = False
    counted: str = ""
    measure: str = ""
    """The dimension and unit of a time or temperature, as in ``time/ms``; empty for others."""
    bound: int = 0
    """1 for at least or more than, -1 for at most or less than, else 0."""


def has_other_number(claim: str, cited: str, headings: str) -> bool:
    """Whether the claim holds a number that neither the cited words nor the headings above them hold, in any notation:
    1,000 is 1000.0, 12 is twelve and 十二, 7B is 7 billion. A small number in words counts only if the cited words
    count the same thing by another number: two methods may be named one by one, and 一 is rarely a number. A day of the
    week is a number too."""
    if not _weekdays(claim) <= _weekdays(f"{cited}\n{headings}"):
        return True
    said, held = (list(_numbers(_plain(text))) for text in (claim, cited))
    read = [*held, *_numbers(_plain(headings))]
    known = {value for number in read if not number.unit_alone for value in number.values}
    known |= {number.bare for number in read if not (number.unit_alone or number.unit_spelt)}
    plain = {number.bare for number in read if not number.with_unit}
    missing = [
        number
        for number in said
        # A note may write 7B as 7 B, or 800m as 800 米.
        if number.values.isdisjoint(known) and not (number.with_unit and not number.unit_spelt and number.bare in plain)
    ]
    repeated = {value for number in said for value in number.values}
    exchanged = {number.counted for number in held if number.values.isdisjoint(repeated) and not _may_be_none(number)}
    if any(_says_otherwise(number, read) for number in said):
        return True
    return any(
        not number.in_words or (not _may_be_none(number) and number.counted in exchanged - {""}) for number in missing
    )


def _weekdays(text: str) -> set[int]:
    """From 1 for Monday to 7."""
    return {_WEEKDAYS[(found["chinese"] or found["english"]).lower()] for found in _WEEKDAY.finditer(text)}


def _says_otherwise(number: _Number, read: Sequence[_Number]) -> bool:
    """Whether the same number stands in what was read, but everywhere with another unit of its dimension, or as the
    opposite bound."""
    same = [other for other in read if not number.values.isdisjoint(other.values)]
    if not same:
        return False
    dimension = number.measure.partition("/")[0]
    others = (other.measure for other in same)
    other_unit = dimension and all(m != number.measure and m.partition("/")[0] == dimension for m in others)
    return bool(other_unit) or bool(number.bound and all(other.bound == -number.bound for other in same))


def spelt_as_in(cited: str, claim: str) -> str:
    """The claim with its numbers written as the cited words write them: 24 as 二十四, 7B as 70亿."""
    claim, cited = _plain(claim), _plain(cited)
    held = [number for number in _numbers(cited) if not number.unit_alone]
    written = {cited[number.start : number.end] for number in held}
    # From the end, as they are found, so that those before stay where they are.
    for number in _numbers(claim):
        vague = number.in_words and len(number.values) > 1
        if claim[number.start : number.end] in written or vague or _may_be_none(number):
            continue
        same = next((other for other in held if not number.values.isdisjoint(other.values)), None)
        if same:
            claim = _joined(claim[: number.start], cited[same.start : same.end], claim[number.end :])
    return claim


def _joined(before: str, number: str, after: str) -> str:
    """Without the spaces that would part Chinese numerals from Chinese text: 24 层 is 二十四层."""
    if _CHINESE.match(number[0]) and _CHINESE.match(before.rstrip()[-1:]):
        before = before.rstrip()
    if _CHINESE.match(number[-1]) and _CHINESE.match(after.lstrip()[:1]):
        after = after.lstrip()
    return before + number + after


def _may_be_none(number: _Number) -> bool:
    return number.unit_alone or (number.in_words and number.values <= {Decimal(0), Decimal(1)})


def _plain(text: str) -> str:
    """The text with numbers of any width and height as plain ones, 3 × 10⁻⁴ as 3e-4. A wide comma stays: it parts
    numbers."""
    plain = _OTHER_FORM.sub(lambda found: unicodedata.normalize("NFKC", found[0]), _RAISED.sub("^", text))
    return _POWER.sub(lambda found: f"{found[1] or 1}e{found[2].replace('−', '-')}", plain)


def _numbers(plain: str) -> Iterator[_Number]:
    """The numbers of a plain text, the last one first."""
    text = _NO_NUMBER.sub(lambda found: " " * len(found[0]), plain)
    unit: Sequence[Decimal] = _NO_UNIT
    begins = len(text)
    # From the end, because in "7 or 13B" the unit of the last number is that of the first as well.
    for found in reversed(list(_ANY_NUMBER.finditer(text))):
        unit = _unit(found) or (unit if _RANGE.fullmatch(text, found.end(), begins) else _NO_UNIT)
        begins = found.start()
        number = _in_digits(found, unit) if found["digits"] else _in_words(found)
        yield replace(number, measure=_measure(found), bound=_bound(found))


def _in_digits(found: re.Match[str], unit: Sequence[Decimal]) -> _Number:
    digits = found["digits"].replace(",", "")
    bare = digits if digits.count(".") > 1 else Decimal(digits)
    scaled = () if isinstance(bare, str) else tuple(bare * factor for factor in unit)
    with_unit = bool(_unit(found))
    # 16MB is also 16 MB, 10% also 0.1, and a version has no unit.
    alone = () if scaled and with_unit and not found["byte"] else (bare,)
    share = (bare / 100,) if found["percent"] and not isinstance(bare, str) else ()
    return _Number(
        found.start(),
        found.end(),
        frozenset((*scaled, *alone, *share)),
        bare,
        with_unit=with_unit,
        unit_spelt=bool(found["unit"] or found["scale"]),
        counted=_counted(found),
    )


def _in_words(found: re.Match[str]) -> _Number:
    text, chinese = found.string, found["chinese"]
    if chinese:
        meant, vague = _chinese_values(chinese)
        near = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        vague = vague or near[0] in ("几", "数") or near[1] in ("几", "多", "余", "来")
    else:
        meant, vague = {_english_value(found[0])}, False
    return _Number(
        found.start(),
        found.end(),
        frozenset(meant),
        min(meant),
        in_words=vague or max(meant) <= _ALWAYS_COUNTED_ABOVE,
        unit_alone=chinese in ("百", "千", "万", "亿"),
        counted="" if vague else _counted(found),
    )


def _counted(found: re.Match[str]) -> str:
    after = _COUNTED.match(found.string, found.end())
    return after[1].lower().rstrip("s") if after else ""


def _measure(found: re.Match[str]) -> str:
    measured = _MEASURE.match(found.string, found.end())
    return list(_MEASURES)[measured.lastindex - 1] if measured and measured.lastindex else ""


def _bound(found: re.Match[str]) -> int:
    """By what stands beside the number in its clause."""
    text, start, end = found.string, found.start(), found.end()
    before = _CLAUSE_END.split(text[max(0, start - _BESIDE) : start])[-1]
    after = _CLAUSE_END.split(text[end : end + _BESIDE])[0]
    beside = f"{before} 0 {after}"
    return bool(_LOWER_BOUND.search(beside)) - bool(_UPPER_BOUND.search(beside))


def _unit(found: re.Match[str]) -> tuple[Decimal, ...]:
    """What the unit after a number in digits may multiply it by; nothing without a unit."""
    if found["unit"]:
        return (Decimal(prod(_CHINESE_UNITS[unit] for unit in found["unit"])),)
    if found["scale"]:
        return (Decimal(_SCALES[found["scale"].lower()]),)
    return tuple(map(Decimal, _LETTERS[found["letter"].lower()])) if found["letter"] else ()


def _english_value(words: str) -> Decimal:
    total = below_1000 = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "hundred":
            below_1000 *= 100
        elif word in _SCALES:
            total += below_1000 * _SCALES[word]
            below_1000 = 0
        else:
            below_1000 += {**_SMALL, **_TENS, **_ORDINALS, "a": 1, "and": 0}[word]
    return Decimal(total + below_1000)


def _chinese_values(numeral: str) -> tuple[set[Decimal], bool]:
    """What a Chinese numeral may stand for, and whether it is vague (三四, 两三百) or has no digit before its unit (百,
    万), so that it is perhaps none. 二〇二四 is 2024."""
    whole, _, decimals = numeral.partition("点")
    digits = "".join(str(_CHINESE_DIGITS[each]) for each in whole if each in _CHINESE_DIGITS)
    if decimals:
        return {Decimal(f"{_chinese_whole(whole)}.{''.join(str(_CHINESE_DIGITS[each]) for each in decimals)}")}, False
    if len(digits) == len(whole) != 2:
        return {Decimal(digits)}, False
    vague = bool(re.search(r"[一二两三四五六七八九]{2}", whole)) or whole[0] in "百千万亿"
    if len(digits) == len(whole):
        return set(map(Decimal, digits)), True
    return {Decimal(_chinese_whole(whole))}, vague


def _chinese_whole(numeral: str) -> int:
    total = section = digit = 0
    last = 1
    for each in numeral:
        if each in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[each]
            # In 一百零五 the digit counts ones, in 一百五 tens.
            last = 1 if not digit else last
            continue
        last = _CHINESE_UNITS[each]
        if last >= _CHINESE_UNITS["万"]:
            total = (total + section + digit or 1) * last if each == "亿" else total + (section + digit or 1) * last
            section = 0
        else:
            section += (digit or 1) * last
        digit = 0
    return total + section + digit * (last // 10 if last > _CHINESE_UNITS["十"] else 1)
