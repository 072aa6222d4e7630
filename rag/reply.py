"""A chat model's reply, as it arrives -> its sentences and the source numbers that each names.

The result does not depend on the pieces in which the reply arrives: a unit is given only when nothing that may still
come can change it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ingest.sentences import sentences
from ingest.tokens import query_tokens
from rag.cite import NUMBERS, VERBATIM, is_index, name_before
from rag.terms import is_chinese

UnitKind = Literal["sentence", "item", "table", "code", "formula"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, or a whole list item, table, code block or formula of a reply."""

    kind: UnitKind
    text: str
    """Markdown, without the source numbers; a heading or bold line that claims something with its marks."""
    numbers: tuple[int, ...]
    """The source numbers that it names, without repeats; 0 and others may name no source."""
    before: str
    """The Markdown between the previous unit and this one, headings included."""


# What a mark that is a word of its sentence "says", as in "[1] says …" and "[1]中提到…". Behind a full stop a mark may
# also belong to the sentence before it; then only what hardly begins a sentence counts.
_TELLS = (
    r"says?|said|states?|notes?|mentions?|describes?|explains?|recommends?|suggests?|shows?|claims?|reports?|gives?"
    r"|defines?|argues?|adds?|points? out|agrees?|disagrees?|do(?:es)? not|uses?|has|is|was"
)
_TOLD_EN = rf"\s++(?:(?:both|all|also|only|clearly|explicitly)\s++)*+(?:{_TELLS})\b"
_HOW = r"(?:[则还也都均只并]|分别|明确|一致)*+"
_PLAINLY = (
    rf"\s*+[中里]?{_HOW}(?:指出|提到|提及|认为|没有?提)|\s*+[中里]{_HOW}[说写讲]"
    rf"|\s*+的(?:说法|做法|观点|描述)|{_TOLD_EN}"
)
_TOLD = (
    rf"\s*+[中里]?{_HOW}(?:建议|写[道到明着]|说[的到过，：]|讲[的到了]|(?:表示|显示|强调)[了，：]|(?:介绍|给出)了|使用|采用)"
    rf"|\s*+[中里](?=[的还也都只，])|{_PLAINLY}"
)
_LONGEST_TOLD = 24
"""Characters behind a mark from which it can be told whether it is such a word."""
_SAYS, _PLAINLY_SAYS = re.compile(_TOLD), re.compile(_PLAINLY)
_MAY_SAY = re.compile("[中里则还也都均只并分明一指提认建没写说讲表显强介给使采的a-z]")
_SUBJECT = re.compile(
    r"(?:^|[。！？；，：.!?;,:\n])\s*+(?:[-*+•]\s++|\d{1,2}[.)、]\s*+)?(?:\*\*)?"
    r"(?:而|但是?|不过|同时|此外|另外|and|but|while|whereas|although|whilst|as)?\s*$",
    re.IGNORECASE,
)
_FULL_STOP = re.compile(r"[。！？.!?]\s*$")
_PREPOSITION = re.compile(
    r"(?:\b(?:according to|based on|as per|(?:described|stated|mentioned|noted|explained|defined|discussed|found|listed"
    r"|reported|as) in|(?:described|stated|mentioned|noted) by|(?:taken|quoted|comes?|is) from)\s+"
    r"|(?:^|[.!?;:,(\n])\s*(?:(?:in|unlike|like|per|from)\s+|(?:please\s+|also\s+|for details,?\s+)?see\s+)"
    r"|(?:^|[。！？；，：\s])(?:根据|依据|按照|参照|参考|基于|结合|综合|不同于|与|跟|和)\s*)$",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"(?:在|从|由|如|(?<![数证依根论])据)\s*$")
_WITHIN = re.compile(r"\s*+[中里所]")
_SEE = re.compile(r"(?:^|[。！？；，：\s])(?:可?参|请?详|可)?见\s*$")
_LONGEST_LEAD = 32
"""Characters before a mark in which what leads to it stands."""
_ENDS = re.compile(r"\s*+(?:[。！？；.!?;)）]|$)")
_WORD = r"(?:来源|资料|出处|见|sources?|citations?)\s*+[:：#]?\s*+"
_LIST = rf"{NUMBERS}(?:\s*+(?:[,，、;；和&]|and)\s*+{_WORD}{NUMBERS})*+"
_MARK = re.compile(
    rf"\\?[\[【［〔]\s*+(?:\^|{_WORD})?[:：#]?\s*+({_LIST})\s*+(?:†[^\]】］〕\n]*+)?\\?[\]】］〕](?!\()"
    rf"|[(（]\s*+(?:(?:参?见|根据|来自|see|from)\s*+)?{_WORD}({_LIST})\s*+[)）]"
    # Without brackets, as in "资料2指出" and "Source 2 says".
    rf"|(?<=资料)\s*+(\d{{1,2}}(?:\s*+[和与、,，]\s*+资料\s*+\d{{1,2}})*+)\s*+(?={_TOLD})"
    rf"|(?<=\bsource)\s++(\d{{1,2}})(?={_TOLD_EN})",
    re.IGNORECASE,
)
_JOINT = re.compile(r"[ \t]*(?:[,，、;；&和与及~～–至到-]|and\b|,[ \t]*and\b)?[ \t]*(?:资料|来源)?[ \t]*")
"""What may stand between two marks of one run."""
_SPREADS = "~～–-至到"
# What may stand around a run and means nothing without it, as in "(see [1])" and "[[1]](#1)".
_OPENING = re.compile(
    rf"[(（\[【［〔]\s*(?:(?:see|cf\.|from|参见|详见|参考|根据|依据|来自|{_WORD})\s*[:：]?\s*)*$", re.IGNORECASE
)
_CLOSING = re.compile(r"\s*(?:[)）】］〕]|\](?:\([^()\s]*\))?)")
_AROUND = (("<sup>", "</sup>"), ("**", "**"), ("__", "__"), ("*", "*"), ("^", "^"))
_LEADS_A_LINE = re.compile(r"(?:^|\n)\s*(?:[-*+•]\s+|\d{1,2}[.)、]\s*)?$")
_LONGEST_OPENING = 16
"""Characters."""
_BETWEEN_MARKS = " \t,，、;；.。"
_HALF_MARK = re.compile(r"[\[【［〔(（][^\]】］〕)）\n]{0,24}$")
_RANGE = re.compile(r"(\d+)\s*[~–-]\s*(\d+)")
_SHIELDED = re.compile(rf"\$\$[^$\n]+\$\$|\\\([^\n]{{1,200}}?\\\)|{VERBATIM}")

_FORMULA = re.compile(r"[ \t]*(\$\$|\\\[(?!\s*\d+\s*\\?\]))")
_CLOSES = {"$$": "$$", "\\[": "\\]"}
_AFTER_BLOCK = r"[ \t]*(?:[\[【［〔(（。，,.;；：:]|\n|$)"
"""What may follow the end of a code block or formula."""
_WITHIN_A_LINE = re.compile(rf"[ \t]*\$\$[^$\n]+\$\$(?!{_AFTER_BLOCK})")
"""A formula with which a sentence begins."""
_BLANK = re.compile(r"(?:[ \t\u3000]*\n)+")
_FENCE = re.compile(r"[ \t]*(```+|~~~+)")
# A heading, unless it claims something; and a rule.
_HEADING = re.compile(r"#{1,6}\s|(?:\*\*|__)[^*\n]+(?:\*\*[:：]?|[:：]\*\*|__[:：]?)\s*$|(?:[-*_=]\s*){3,}$")
_FEWEST_WORDS_OF_A_CLAIM = 3
_NO_SOURCE = 100
"""A prompt has fewer sources."""
_CLAIMS = re.compile(r"[。！.!][”’\"）)」』]?$")
_ITEM = re.compile(r"[ \t]*(?:[-*+•·][ \t]+|\d{1,3}[.)、．](?!\d)|[（(]\d{1,2}[)）]|[①-⑳])")
_LABEL = re.compile(
    r"[#*\s]*(?:参考资料|参考来源|资料来源|参考文献|引用来源|资料编号|来源|出处|引用|依据|参考|sources?|references?|citations?)[*\s]*[:：]?[*\s]*",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"[ \t]*(?:[-*+][ \t]+)?(?=\[)")
_DEFINITION = re.compile(r"\[\^[^\]\s]+\]:")
_STATES = re.compile(r"^(?!\s*(?:[-*+•]\s+|\d+[.)、]\s*)?[\[【［〔]).*[。！？.!?]\s*(?:[\[【［〔(（].*)?$")
"""A line below the heading "Sources" that lists none."""
_PREFIX = re.compile(r"(?:\*\*)?(?:回答|答案|答|answer)(?:\*\*)?\s*[:：](?:\*\*)?\s*", re.IGNORECASE)
_WRAPPER = re.compile(r"```(?:markdown|md)[ \t]*\n\s*", re.IGNORECASE)
_THINKING, _THOUGHT = "<think>", "</think>"
_THOUGHT_OR_CODE = re.compile(rf"{_THOUGHT}|(?P<kept>{VERBATIM})")
_LONG_LINE = 500
"""Characters."""
_ENOUGH = 12
"""Characters from which the kind of a line can be told."""

THOUGHTS_END = Unit("sentence", "", (), "")
"""Yielded when a closing ``</think>`` shows that everything before it was reasoning."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Source numbers in brackets."""

    at: int
    """Its place in the text without marks."""
    start: int
    """Where it starts in the text with marks, white space before it included."""
    end: int
    """Where it ends there."""
    numbers: tuple[int, ...]
    words: str = ""
    """What stands in its place where it is a word of the sentence, as in "According to [1]"."""

    @property
    def removed(self) -> int:
        return self.end - self.start - len(self.words)


@dataclass(slots=True)
class ReplySplitter:
    """Feed the pieces of a reply in order, then finish. Each call gives the units that are complete by then.

    ``shown`` is the text that the model was shown. A number behind a name, as in ``hidden_states[1]``, names no source
    if it stands there too; nor does 0 or a number from 100 on that stands there in brackets.

    A leading ``<think>`` block, a leading "Answer:", a code block of Markdown around everything, footnotes, lines that
    introduce a source and a list of references at the end are left out. If a server sends only the end of the
    ``<think>`` block, because the prompt opened it, ``THOUGHTS_END`` follows the reasoning.
    """

    shown: str = ""
    _rest: str = ""
    _read_from: int = 0
    """The least length of the rest at which it is read again: a long line would otherwise be read for each piece."""
    _started: bool = False
    _wrapped: bool = False
    _ended: bool = False
    _inside_line: bool = False
    _blank_before: bool = False
    _headings: list[str] = field(default_factory=list)
    _previous: UnitKind | None = None

    def feed(self, piece: str) -> Iterator[Unit]:
        self._rest += piece
        if len(self._rest) < self._read_from and "\n" not in piece:
            return
        yield from self._units(final=False)
        self._read_from = len(self._rest) + len(self._rest) // 32

    def finish(self) -> Iterator[Unit]:
        yield from self._units(final=True)
        if self._headings and self._previous is None:
            # A reply of one bold line has its answer in that line.
            yield Unit("sentence", "\n\n".join(self._headings), (), "")

    def _units(self, final: bool) -> Iterator[Unit]:
        while not self._ended and self._rest.strip():
            if not self._started and not self._start(final):
                return
            before = len(self._rest), self._inside_line
            unit = self._step(final)
            if unit is not None:
                yield unit
            elif (len(self._rest), self._inside_line) == before:
                return

    def _start(self, final: bool) -> bool:
        text = self._rest.lstrip()
        if text.startswith(_THINKING):
            _, closed, text = text.partition(_THOUGHT)
            if not closed:
                return False
            text = text.lstrip()
        if not final and text.startswith("```") and "\n" not in text:
            return False
        wrapper = _WRAPPER.match(text)
        self._wrapped = bool(wrapper)
        text = text[wrapper.end() :] if wrapper else text
        if len(text) < _ENOUGH and not final:
            return False
        prefix = _PREFIX.match(text)
        self._rest = text[prefix.end() :] if prefix else text
        self._started = True
        return True

    def _step(self, final: bool) -> Unit | None:
        """Takes something off the rest, or leaves it unchanged if more must come first."""
        if not self._inside_line and (blank := _BLANK.match(self._rest)):
            self._blank_before = True
            self._rest = self._rest[blank.end() :]
            return None
        line, newline, _ = self._rest.partition("\n")
        whole = bool(newline) or final
        if self._breaks_at_thought(line, whole):
            return None
        if self._inside_line:
            return self._sentence(line, whole, final)
        if not whole and len(line.strip()) < _ENOUGH:
            return None
        if line.strip() == _THOUGHT:
            self._take(len(line) + 1)
            self._headings.clear()
            self._previous, self._started = None, False
            return THOUGHTS_END
        if reference := _REFERENCE.match(line):
            introduced = f"\n{line[reference.end() :].rstrip()}"
            if not whole and (len(introduced) < _ENOUGH or introduced in self.shown):
                return None
            if _DEFINITION.match(introduced, 1) or f"{introduced}\n" in self.shown:
                if not whole:
                    return None
                self._take(len(line) + 1)
                return None
        if fence := _FENCE.match(line):
            return self._fenced("code", re.compile(rf"\n[ \t]*{fence[1]}(?={_AFTER_BLOCK})"), fence[1], fence[1], final)
        if (formula := _FORMULA.match(line)) and not _WITHIN_A_LINE.match(line):
            opening, closing = formula[1], _CLOSES[formula[1]]
            ends = re.compile(rf"(?<!^){re.escape(closing)}(?={_AFTER_BLOCK})(?:[ \t]*[。，,.;；：:](?!\d))?")
            return self._fenced("formula", ends, opening, closing, final)
        if line.lstrip().startswith("|"):
            return self._rows("table", final)
        if _ITEM.match(line):
            return self._rows("item", final)
        if _LABEL.match(line) or line.lstrip().startswith(("#", "**", "__", "---", "***", "===")):
            below = self._rest[len(line) :].lstrip().partition("\n")
            # A heading such as "Sources" is told from that of a section by what stands below it.
            if not whole or (_LABEL.fullmatch(line) and not final and not below[1]):
                return None
            if self._is_apart(line.strip(), below[0]):
                self._take(len(line) + 1)
                return None
            if _HEADING.match(line.strip()):
                text, marks = self._without_marks(line)
                return self._block("sentence", text.strip(), _numbers_of(marks), len(line) + 1, final)
        return self._sentence(line, whole, final)

    def _breaks_at_thought(self, line: str, whole: bool) -> bool:
        """Puts the first ``</think>`` of the line on a line of its own. A code span that opens before it may still
        close behind it."""
        at = _thought_in(line)
        if at is None or line.strip() == _THOUGHT or (not whole and re.search("[`$]", line[:at])):
            return False
        if _FENCE.match(line) or line.lstrip().startswith("$$"):
            return False
        before, after = self._rest[:at], self._rest[at + len(_THOUGHT) :]
        gap = "\n" if before.strip() or self._inside_line else ""
        self._rest = f"{before}{gap}{_THOUGHT}\n{after}"
        return True

    def _is_apart(self, line: str, below: str) -> bool:
        """Whether a line above ``below`` is no unit: a heading, which is kept for the next unit, a rule, or the
        references' heading."""
        label = _LABEL.match(line)
        rest = line[label.end() :] if label else ""
        listed = label and re.search(r"[:：]", label[0]) and _MARK.match(rest)
        if label and ((not rest and not _STATES.search(below)) or listed or self._numbers_alone(rest)):
            self._ended = True
            return True
        if not (_HEADING.match(line) or (label and not rest)) or self._claims(line):
            return False
        if line.strip("-*_= "):
            self._headings.append(line)
        return True

    def _claims(self, heading: str) -> bool:
        """Whether a heading is a statement: it ends like one, or names a source. A question states nothing."""
        text, marks = self._without_marks(heading)
        said = text.strip("#*_:： ")
        return bool(re.search(r"\w", said)) and bool(marks or (_CLAIMS.search(said) and _says_much(said)))

    def _fenced(self, kind: UnitKind, closing: re.Pattern[str], opening: str, missing: str, final: bool) -> Unit | None:
        """The block that ``opening`` begins and ``closing`` ends; ``missing`` closes one that nothing ends."""
        start = len(self._rest) - len(self._rest.lstrip()) + len(opening)
        closed = closing.search(self._rest, start)
        # The line of the closing mark may not be complete.
        if closed and not final and closed.end() == len(self._rest):
            return None
        if closed:
            return self._block(
                kind, self._rest[: closed.end()].strip("\n").rstrip("。，,.;；：: \t"), (), closed.end(), final
            )
        if not final:
            return None
        if self._wrapped and not self._rest.partition("\n")[0].strip(" \t`"):
            self._take(start)
            return None
        return self._block(kind, f"{self._rest.rstrip()}\n{missing}", (), len(self._rest), final)

    def _rows(self, kind: UnitKind, final: bool) -> Unit | None:
        """The rows of a table, or a list item with the lines indented below it."""
        end = 0
        while True:
            newline = self._rest.find("\n", end)
            if newline < 0:
                if not final:
                    return None
                end = len(self._rest)
                break
            end = newline + 1
            following, closed, _ = self._rest[end:].partition("\n")
            if not closed and not final and (len(following.strip()) < _ENOUGH or _THOUGHT in following):
                return None
            if not _continues(kind, following):
                break
        text, marks = self._without_marks(self._rest[:end].rstrip())
        return self._block(kind, text, _numbers_of(marks), end, final)

    def _sentence(self, line: str, whole: bool, final: bool) -> Unit | None:
        # The rest of a long line is not read again for each of its sentences.
        if len(line) > _LONG_LINE and (unit := self._sentence(line[:_LONG_LINE], whole=False, final=False)):
            return unit
        half = None if whole else _HALF_MARK.search(line)
        text, marks = self._without_marks(line[: half.start()] if half else line)
        spans = list(sentences(text, 0, len(text)))
        # The marks at the end of a long sentence are those of its clauses before a semicolon, too.
        last = next((at for at, (_, end) in enumerate(spans) if text[end - 1] not in ";；" or _before(end, marks)), -1)
        if 0 <= last < len(spans) - 1 and (
            whole or (_is_settled(text, spans[last][1]) and not _may_say(line, marks, spans[last][1]))
        ):
            start, end = spans[0][0], spans[last][1]
            own = _before(end, marks)
            taken = end + sum(mark.removed for mark in own)
            unit = self._unit("sentence", text[start:end], _numbers_of(own))
            self._take(taken)
            self._inside_line = True
            return unit
        if not whole:
            return None
        if not spans:
            self._take(len(line) + 1)
            return None
        return self._block("sentence", text.strip(), _numbers_of(marks), len(line) + 1, final)

    def _block(self, kind: UnitKind, text: str, numbers: tuple[int, ...], end: int, final: bool) -> Unit | None:
        """A unit that ends a line, with any numbers on a line of their own below it."""
        below = self._rest[end:]
        line = below.lstrip().partition("\n")
        marked = line[0][:1] in ("[", "【", "［", "〔", "(", "（", "\\")
        if not final and (not line[0] or (marked and not line[1])):
            return None
        if marked and (alone := self._numbers_alone(line[0])):
            numbers += alone
            end += len(below) - len(below.lstrip()) + len(line[0]) + 1
        unit = self._unit(kind, text, numbers)
        self._take(end)
        return unit

    def _unit(self, kind: UnitKind, text: str, numbers: tuple[int, ...]) -> Unit:
        listed = kind in ("item", "table") and self._previous == kind and not self._blank_before
        gap = "" if self._previous is None else " " if self._inside_line else "\n" if listed else "\n\n"
        if self._headings:
            gap = "".join(f"\n\n{heading}" for heading in self._headings) + "\n\n"
            gap = gap if self._previous else gap.lstrip()
            self._headings.clear()
        unit = Unit(kind, text, tuple(dict.fromkeys(numbers)), gap)
        self._previous = kind
        return unit

    def _numbers_alone(self, line: str) -> tuple[int, ...]:
        """The numbers of a line that holds nothing but marks."""
        text, marks = self._without_marks(line)
        return () if text.strip(_BETWEEN_MARKS) else _numbers_of(marks)

    def _without_marks(self, text: str) -> tuple[str, list[_Mark]]:
        """``text`` without its marks, and these, one for each run of them."""
        marks: list[_Mark] = []
        kept: list[str] = []
        position = removed = 0
        for begin, end, numbers in self._runs(text):
            begin, end = _with_what_surrounds(text, position, begin, end)
            words = _in_words(text, begin, end, numbers, again=any(mark.words for mark in marks))
            start = begin
            if words and not words.isascii():
                end += len(text[end:]) - len(text[end:].lstrip(" \t"))
            before = text[position:begin].rstrip(" \t\u00a0\u3000")
            # The space behind a list mark stays, and that before an English word.
            listed = position + len(before) < begin and _LEADS_A_LINE.search(before[-8:] + " ")
            if not ((words and words.isascii()) or (listed and (words or not text[end : end + 1].isspace()))):
                start = position + len(before)
            marks.append(_Mark(start - removed, start, end, numbers, words))
            kept += text[position:start], words
            removed += marks[-1].removed
            position = end
        return "".join(kept) + text[position:], marks

    def _runs(self, text: str) -> list[tuple[int, int, tuple[int, ...]]]:
        """Where each run of marks starts and ends, and its numbers."""
        shielded = [match.span() for match in _SHIELDED.finditer(text)]
        runs: list[tuple[int, int, tuple[int, ...]]] = []
        for match in _MARK.finditer(text):
            numbers = _numbers_in(next(filter(None, match.groups())))
            bare = match[3] or match[4]
            if bare and re.search(rf"(?:资料|source)\s*{numbers[0]}(?!\d)", self.shown, re.IGNORECASE):
                continue
            if not numbers or any(left < match.start() < right for left, right in shielded):
                continue
            if self._is_index(match, numbers):
                continue
            start, end = match.span()
            # Without brackets, a mark is a word of its own sentence.
            if runs and not bare and (joint := _JOINT.fullmatch(text, runs[-1][1], start)):
                start, _, before = runs.pop()
                spread = joint[0].strip() in tuple(_SPREADS) and before[-1] < numbers[0]
                numbers = before + (tuple(range(before[-1] + 1, numbers[0])) if spread else ()) + numbers
            runs.append((start, end, numbers))
        return runs

    def _is_index(self, mark: re.Match[str], numbers: tuple[int, ...]) -> bool:
        name = name_before(mark.string, mark.start())
        copied = bool(name) and f"{name}{mark[0]}" in self.shown
        # The prompt shows brackets of the notes as parentheses. What no source has as its number is data there.
        bracketed = any(form in self.shown for form in (f"[{numbers[0]}]", f"({numbers[0]})"))
        data = bracketed and not 0 < numbers[0] < _NO_SOURCE
        return copied or data or (numbers == (0,) and is_index(mark))

    def _take(self, end: int) -> None:
        self._rest = self._rest[end:]
        self._inside_line = False
        self._blank_before = False


def _says_much(heading: str) -> bool:
    """Whether it is more than a label with a full stop, such as "Step 1." or "1. 原理。"."""
    return len([token for token in query_tokens(heading) if not token.isdigit()]) >= _FEWEST_WORDS_OF_A_CLAIM


def _with_what_surrounds(text: str, position: int, begin: int, end: int) -> tuple[int, int]:
    """A run of marks with what means nothing without it: brackets, emphasis or tags around it, a second full stop, the
    colon of a line that it leads. Nothing before ``position`` belongs to it."""
    opening = _OPENING.search(text, max(position, begin - _LONGEST_OPENING), begin)
    closing = _CLOSING.match(text, end)
    if opening and closing:
        begin, end = opening.start(), closing.end()
    for left, right in _AROUND:
        opened = left != right or not text.count(left, position, begin - len(left)) % 2
        if opened and text.endswith(left, position, begin) and text.startswith(right, end):
            begin, end = begin - len(left), end + len(right)
            break
    if _FULL_STOP.search(text, max(position, begin - 3), begin) and text[end : end + 1] in tuple("。.，,"):
        end += 1
    if _LEADS_A_LINE.search(text, max(position, begin - 8), begin) and text[end : end + 1] in tuple(":："):
        end += 1
    return begin, end


def _in_words(text: str, begin: int, end: int, numbers: tuple[int, ...], again: bool) -> str:
    """What to write for a run of marks without which its sentence would lack a word; empty if it lacks none. ``again``
    if one was written in the text already."""
    before = text[max(0, begin - _LONGEST_LEAD) : begin]
    behind = re.split(r"[。.!?！？\n]", text[end : end + _LONGEST_TOLD], maxsplit=1)[0]
    chinese = is_chinese(before + behind)
    says = _PLAINLY_SAYS if _FULL_STOP.search(before) else _SAYS
    is_subject = _SUBJECT.search(before) and says.match(text, end)
    is_object = _PREPOSITION.search(before) and not (chinese and _ENDS.match(text, end))
    is_place = _SEE.search(before) or (_INSIDE.search(before) and _WITHIN.match(text, end))
    if not (is_subject or is_object or is_place):
        return ""
    if chinese:
        return "另一处笔记" if again else "笔记"
    words = "the notes" if len(numbers) > 1 else "another note" if again else "the note"
    return words if re.search(r"[\w,;:]\s*$", before) else words[0].upper() + words[1:]


def _before(end: int, marks: Sequence[_Mark]) -> list[_Mark]:
    return [mark for mark in marks if mark.at + len(mark.words) <= end]


def _may_say(line: str, marks: Sequence[_Mark], end: int) -> bool:
    """Whether a mark behind the sentence that ends at ``end`` may turn out to be the first word of the next one."""
    behind = (line[mark.end :].lstrip() for mark in marks if 0 <= mark.at - end <= 1)
    return any(len(text) < _LONGEST_TOLD and (not text or bool(_MAY_SAY.match(text))) for text in behind)


def _is_settled(text: str, end: int) -> bool:
    """Whether nothing that may still come can move a sentence's ``end``: nothing opens in the sentence that could have
    a full stop inside, and words follow it, not further marks that would belong to it."""
    following = text[end:].strip()
    if len(following) < 4 or not following[0].isalnum() or re.search(r"[`$<\[(（\\]", text[:end]):
        return False
    return _JOINT.sub("", following, count=1)[:1].isalnum()


def _continues(kind: UnitKind, line: str) -> bool:
    if _thought_in(line) is not None:
        return False
    if kind == "table":
        return line.lstrip().startswith("|")
    if not line.strip() or not line[0].isspace():
        return False
    return not (_ITEM.match(line) or _FENCE.match(line) or line.lstrip().startswith(("|", "$$")))


def _numbers_of(marks: Iterable[_Mark]) -> tuple[int, ...]:
    return tuple(number for mark in marks for number in mark.numbers)


def _numbers_in(digits: str) -> tuple[int, ...]:
    """The numbers of a mark, ranges written out; none for a range that runs backwards."""
    spread = _RANGE.sub(lambda ends: ",".join(map(str, range(int(ends[1]), int(ends[2]) + 1))), digits)
    return tuple(int(number) for number in re.findall(r"\d+", spread))


def _thought_in(text: str) -> int | None:
    """Where the first ``</think>`` outside code starts."""
    return next((found.start() for found in _THOUGHT_OR_CODE.finditer(text) if not found["kept"]), None)


def without_thoughts(reply: str) -> str:
    """A whole reply without the reasoning before it; empty if a ``<think>`` that opens it has no end."""
    if reply.lstrip().startswith(_THINKING) and _THOUGHT not in reply:
        return ""
    ends = [found.end() for found in _THOUGHT_OR_CODE.finditer(reply) if not found["kept"]]
    return reply[ends[-1] :].lstrip() if ends else reply
