"""The chat-model answerer: the sources are sent to a model, and what it writes is cited sentence by sentence.

Each failure has one outcome; ``rag/chat_model.py`` names the failures.

- No connection, a busy server (429, 408, 409), a server error, a reply that breaks off: the model is asked again, at
  most twice, after the time that the server asks for, or half a second and then one. What was already shown is
  withdrawn.
- A prompt that is too long for the server: it is asked again with half of it, at most twice.
- After that, and for a time-out, a refused request, an unreadable or empty reply, or a reply of which nothing is in
  the notes: the extractive answer, with a notice that says why.
- A reply cut off by its token limit: its whole sentences, with a notice; if it has none, the extractive answer.
- A reply that says, in the refusal sentence or in other words, that the notes don't say, and cites nothing: a refusal.
- The consumer stops reading: the request ends.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.phrases import Phrase
from ingest.protocols import Embedder
from ingest.questions import asks
from ingest.tokens import query_tokens, search_tokens
from rag.answerability import NO_ANSWER
from rag.chat_model import ChatFailed
from rag.condense import condense
from rag.conflicts import with_sides
from rag.names import names
from rag.narrow import Narrower
from rag.prompt import Prompt, answer_prompt, condense_prompt, restored
from rag.protocols import AnswerGenerator, ChatModel, Config
from rag.reply import THOUGHTS_END, ReplySplitter, Unit, without_thoughts
from rag.statements import statements
from rag.support import NEGATION
from rag.terms import is_chinese
from rag.types import Draft, Hit, Notice, Query, Restart, Statement

_PAUSES = (0.5, 1.0)
"""Seconds before the second and the third attempt, unless the server asks for more."""
_SHORTENED = 2
_REPEATS = 3
"""Repetitions after which a model will not come to an end by itself."""
_LONGEST_QUESTION = 300

_NOTES = "资料|笔记|来源|上下文|文中|原文|提供的信息|给出的信息"
_NOTES_EN = "notes?|sources?|context|passages?|documents?|text|information"
_NOTES_DO_NOT_SAY = re.compile(
    "|".join(
        (
            # 资料里没有提到…; "the notes do not mention …". What follows "that" is about something else.
            rf"(?P<notes>{_NOTES})[^。！？\n]{{0,16}}(?:没有|并未|未|无法?)[^。！？\n]{{0,6}}"
            r"(?:(?P<tell>提到|提及|说明|说到|给出|找到|回答|答案)|提供|涉及|包含|相关)",
            rf"\b(?P<notes_en>{_NOTES_EN})\b(?!\s+(?:that|which)\b)[^.!?\n]{{0,40}}"
            r"\b(?:do(?:es)? not|don['’]t|doesn['’]t|did not|no)\b[^.!?\n]{0,12}"
            r"\b(?:(?P<tell_en>say|mention|specify|answer)|contain|provide|include|cover|hold|information)",
            # 没有找到相关信息
            r"(?:没有?|未能?)(?:找到|检索到|提及|提到)[^。！？\n]{0,16}(?:信息|内容|资料|答案)",
            # 笔记里没写; 知识库中找不到; 文档未提及
            r"(?:资料|笔记|来源|文档|知识库)[^。！？\n]{0,10}"
            r"(?:没写|没说|没有说|没有关于|没有[^。！？\n]{0,12}(?:信息|内容|记录)|找不到)",
            r"(?:文档|知识库)[^。！？\n]{0,10}[未没]有?(?:提及|提到|说明)",
            # 无法根据资料回答; 均未提及
            r"无法(?:根据|从|基于|通过)[^。！？\n]{0,12}(?:资料|笔记|来源|文档)[^。！？\n]{0,8}(?:回答|得知|确定|判断)",
            r"[均都]未(?:提及|提到|说明|涉及)",
            # "none of the notes covers"; "not mentioned in the sources"; "the notes say nothing"
            r"\b(?:neither|none|no) (?:of )?(?:the |your )?(?:notes?|sources?|passages?)\b[^.!?\n]{0,24}"
            r"\b(?:mention|say|cover|contain|answer|discuss|address)",
            r"\b(?:no (?:information|mention)|not (?:mentioned|covered|found|stated|specified|discussed)|nothing about"
            r"|(?:cannot|can['’]t|unable to) answer)\b[^.!?\n]{0,60}\b(?:notes?|sources?|passages?|documents?)\b",
            r"\b(?:notes?|sources?) say nothing\b",
        )
    ),
    re.IGNORECASE,
)
"""Groups: the notes as they are named, and the verb if only texts can do what it says."""
_LEAD = re.compile(
    r"^(?:(?:according to|based on) (?:the |another )?(?:notes?|sources?)"
    r"|(?:the |another )?(?:notes?|sources?) (?:say|state|mention|note)s?(?: that)?"
    r"|(?:根据|按照)?(?:另一处)?(?:笔记|资料|来源)[中里]?(?:[^，。]{0,4}(?:指出|提到|说|认为))?)[,，:： ]\s*",
    re.IGNORECASE,
)
"""What only tells that the notes say what follows."""
_CORRECTS = re.compile(r"而是|实际上|其实|\b(?:but|rather|instead|actually|in fact)\b", re.IGNORECASE)
_REFUSALS = tuple(re.sub(r"\W", "", text).casefold() for text in (NO_ANSWER.en, NO_ANSWER.zh))
_BEFORE_REFUSAL = 12
"""Letters that may lead the refusal sentence, such as "I am sorry"."""
_LEADS = re.compile(r"(?:[:：][*_]*|[*_]{2})$")
"""The end of a line that names what the lines below it are about."""
_COURTESY = re.compile(
    r"\W*(?:[您你]好|好的|当然(?:可以)?|没问题|(?:还有其他|有其他|还有别的)问题吗|需要我[^。！？]{0,16}吗|希望(?:以上|这些?|上述)?[^。！，,]{0,8}(?:能|可以)?对[你您]有(?:所)?帮助"
    r"|(?:如|有)[^。！]{0,16}[，,]?[^。！]{0,4}(?:随时|继续|请)(?:提问|告诉我|问我|联系我|提出|告知)"
    r"|sure|certainly|of course|(?:great|good) question|(?:i )?hope (?:this|that|it) helps|let me know if [^.!?]{0,60}"
    r"|feel free to ask[^.!?]{0,40}|if you have (?:any )?(?:\w+ )?questions,? [^.!?]{0,60})[。！？.!?]*",
    re.IGNORECASE,
)
"""What says nothing of the subject."""
_QUESTION_LABEL = re.compile(
    r"^(?:(?:sure|好的)[,，.!！]?\s*)?(?:here(?: is|['’]s) )?(?:the |your )?"
    r"(?:改写(?:后的问题|后|如下|结果)?|rewritten(?: question)?)[*\s]*[:：]",
    re.IGNORECASE,
)
"""The label that may lead a rewritten question."""
_QUESTION_WORD = re.compile(
    r"什么|哪|多少|几|怎|如何|为何|吗|呢|是否|多[大久长高快]"
    r"|\b(?:what|why|how|which|who|when|where|is|are|was|were|do|does|did|can|should|will)\b",
    re.IGNORECASE,
)
_EXCUSE = re.compile(
    r"抱歉|对不起|很遗憾|我(?:不|无法|没)|作为|(?:i['’]m )?sorry|i (?:can|do|am|don)\b|as an? ", re.IGNORECASE
)
_AROUND_QUESTION = ' \t"“”*'


@dataclass(frozen=True, slots=True)
class ChatGenerator:
    """``prompt_tokens`` bounds what is sent. ``fallback`` answers if the model cannot."""

    model: ChatModel
    embedder: Embedder
    fallback: AnswerGenerator
    prompt_tokens: int
    pause: Callable[[float], None] = time.sleep

    def generate(
        self, query: Query, hits: Sequence[Hit], read: Sequence[Statement], config: Config | None = None
    ) -> Iterator[Draft | Notice | Restart]:
        tokens, repeated, shortened = self.prompt_tokens, 0, 0
        while True:
            prompt = answer_prompt(query.question, hits, tokens)
            shown = False
            try:
                for item in with_sides(query.question, self._write(prompt, config)):
                    shown = True
                    yield item
                return
            except ChatFailed as failure:
                failed = failure
            if shown:
                yield Restart()
            if failed.kind == "context" and shortened < _SHORTENED:
                shortened += 1
                tokens = prompt.tokens // 2
            elif failed.wait is not None and repeated < len(_PAUSES):
                self.pause(max(failed.wait, _PAUSES[repeated]))
                repeated += 1
            else:
                break
        yield Notice(
            Phrase(
                f"The chat model gave no answer ({failed.reason.en}); the notes are quoted instead.",
                f"对话模型没有给出回答（{failed.reason.zh}），改为直接摘录笔记。",
            ),
            failed=True,
        )
        yield from self.fallback.generate(query, hits, read, config)

    def _write(self, prompt: Prompt, config: Config | None) -> Iterator[Draft | Notice | Restart]:
        """The drafts of the reply. Those that cite nothing wait until one that does has come. A restart follows what
        turns out to be reasoning."""
        waiting: list[Draft] = []
        cited = denied = refused = False
        try:
            with contextlib.closing(self.model.reply(prompt.messages, config)) as pieces:
                # This is made while the model reads the prompt.
                narrower = Narrower(prompt.sources, self.embedder)
                for unit in _fresh(_units(pieces, prompt)):
                    if unit is THOUGHTS_END:
                        cited = denied = refused = False
                        waiting.clear()
                        yield Restart()
                        continue
                    if _is_refusal(unit):
                        refused = True
                        if cited:
                            continue
                    denies = _denies(unit, prompt.sources)
                    draft = replace(narrower.uncited(unit), denies=True) if denies else narrower.draft(unit)
                    denied |= denies
                    cited |= bool(draft.sources)
                    waiting.append(draft)
                    if cited:
                        yield from waiting
                        waiting.clear()
        except ChatFailed as failed:
            if failed.kind != "cut" or not (cited or refused):
                raise
            if not cited:
                return
            yield Notice(
                Phrase(
                    "The chat model's answer was cut off at its limit; raise chat_max_tokens for the rest.",
                    "对话模型的回答达到长度上限而中断；调大 chat_max_tokens 可得到其余部分。",
                )
            )
        if not cited and not denied:
            raise ChatFailed(
                "unfounded", Phrase("nothing that it wrote stands in the notes", "它写的内容在笔记里找不到依据")
            )


@dataclass(frozen=True, slots=True)
class ChatCondenser:
    """Has the model make follow-ups stand alone; a rule does it if the model fails or adds a name that nobody used."""

    model: ChatModel

    def __call__(self, question: str, history: Sequence[str], config: Config | None = None) -> Query:
        by_rule = condense(question, history)
        if not history:
            return by_rule
        try:
            reply = "".join(self.model.reply(condense_prompt(question, history).messages, config))
        except ChatFailed:
            return by_rule
        rewritten = _rewritten(without_thoughts(reply))
        faithful = _is_faithful(rewritten, question, history)
        return replace(by_rule, question=rewritten) if faithful else by_rule


def _rewritten(reply: str) -> str:
    """The last line that ends in a question mark, else the last line, without its label; a line that ends in a colon
    announces the question. Empty if there is none."""
    stripped = (line.strip(_AROUND_QUESTION) for line in reply.splitlines())
    lines = [_QUESTION_LABEL.sub("", line).strip(_AROUND_QUESTION) for line in stripped]
    lines = [line for line in lines if line and line[-1] not in ":："]
    return next((line for line in reversed(lines) if line[-1] in "?？"), lines[-1] if lines else "")


def _is_faithful(rewritten: str, question: str, history: Sequence[str]) -> bool:
    said = " ".join((*history, question)).casefold()
    return (
        0 < len(rewritten) <= _LONGEST_QUESTION
        and is_chinese(rewritten) == is_chinese(question)
        and (_asks(rewritten) or not _asks(question))
        # A name of its own makes a question stand alone; a model may leave others as they are all the same.
        and (rewritten != question.strip() or bool(names(question)))
        and all(name.casefold() in said for name in names(rewritten))
        and all(name.casefold() in rewritten.casefold() for name in names(question))
    )


def _asks(text: str) -> bool:
    return not _EXCUSE.match(text) and (asks(text) or (text[-1:] not in "。.!！" and bool(_QUESTION_WORD.search(text))))


def _units(pieces: Iterator[str], prompt: Prompt) -> Iterator[Unit]:
    """The reply's units; all but the last if the reply was cut off."""
    splitter = ReplySplitter(prompt.messages[-1][1])
    try:
        for piece in pieces:
            yield from splitter.feed(piece)
    except ChatFailed as failed:
        if failed.kind == "cut":
            yield from list(splitter.finish())[:-1]
        raise
    yield from splitter.finish()


def _fresh(units: Iterator[Unit]) -> Iterator[Unit]:
    """The units without repetitions and courtesies, ending at the third repetition; ``<`` signs that the prompt
    replaced are restored. What has other numbers, or stands below another heading or leading line, is no repetition."""
    seen: set[tuple[str, str, Unit]] = set()
    repeats = 0
    heading = lead = left = ""
    for unit in units:
        if unit is THOUGHTS_END:
            yield unit
            yield from _fresh(units)
            return
        before = unit.before
        if before.strip():
            heading, lead = before.strip(), ""
        else:
            # A heading stays though the unit below it is left out.
            before = max(left, before, key=len)
        key = heading, lead, replace(unit, before="")
        leads = not unit.numbers and bool(_LEADS.search(unit.text))
        says_nothing = _COURTESY.fullmatch(unit.text.strip("* ")) or not re.search(r"\w", unit.text)
        if says_nothing and not unit.numbers:
            left = before
            continue
        if not seen:
            before = before.lstrip()
        again = unit.text == lead if leads else key in seen
        repeats += again
        if repeats == _REPEATS:
            return
        left = before if again else ""
        if leads:
            lead = unit.text
        seen.add(key)
        if not again:
            yield replace(unit, text=restored(unit.text), before=before)


def _denies(unit: Unit, sources: Sequence[Hit]) -> bool:
    """Whether the unit says that the notes don't say. One that names a source may instead deny what the question takes
    for granted and give what the notes say, or repeat what a note denies."""
    denial = _NOTES_DO_NOT_SAY.search(_LEAD.sub("", unit.text) if unit.numbers else unit.text)
    if denial is None or not unit.numbers:
        return denial is not None
    named = (sources[number - 1] for number in unit.numbers if 0 < number <= len(sources))
    return not (_CORRECTS.search(unit.text) or any(_also_denied(denial, hit) for hit in named))


def _also_denied(denial: re.Match[str], hit: Hit) -> bool:
    """Whether a statement of the hit denies something of the same subject, such as "context" or "text", and holds most
    words of what the sentence says besides. A word for telling, such as "mention", must be in the statement too."""
    rest = set(query_tokens(f"{denial.string[: denial.start()]} {denial.string[denial.end() :]}"))
    shared = {token for group in denial.groups() if group for token in search_tokens(group)}
    for statement in statements(hit, rank=0):
        words = set(query_tokens(" ".join((*statement.headings[-1:], statement.text))))
        if NEGATION.search(statement.text) and shared <= words and 2 * len(rest & words) > len(rest):
            return True
    return False


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text).casefold()


def _is_refusal(unit: Unit) -> bool:
    letters = "" if unit.numbers else _letters(unit.text)
    return any(letters.endswith(core) and len(letters) <= len(core) + _BEFORE_REFUSAL for core in _REFUSALS)
