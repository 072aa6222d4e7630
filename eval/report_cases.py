"""The part of a report that shows cases: the worst of a run, and what changed between two."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from eval.answers import places_of
from eval.compare import Change, Difference, is_gated
from eval.evidence import touched
from eval.markup import both, chips
from eval.run import Run
from eval.score import Row
from eval.types import EvalCase, EvalRecord, Score
from eval.worst import worst_records
from ingest.phrases import Phrase

CaseScores = Mapping[str, Score]

OPEN_AT_FIRST = 5
CHANGES_SHOWN = 30

_KINDS = {True: ("right", "✓"), False: ("wrong", "✗"), None: ("unscored", "?")}


def worst_cases(run: Run) -> list[str]:
    """The worst cases; the first few are open."""
    return [_case(run, record, number < OPEN_AT_FIRST) for number, record in enumerate(worst_records(run))]


def changes(old: Run, new: Run, differences: Sequence[Difference]) -> list[str]:
    """For each gated measure the cases that got worse and better, each with both answers."""
    before, after = (_answers(run) for run in (old, new))
    parts = []
    for difference in differences:
        listed = [*difference.worse, *difference.better]
        if listed and is_gated(difference.name):
            counts = f'<span class="worse">▼ {len(difference.worse)}</span> '
            counts += f'<span class="better">▲ {len(difference.better)}</span>'
            shown = "".join(_change(change, before, after) for change in listed[:CHANGES_SHOWN])
            parts.append(f"<details><summary><b>{both(difference.title)}</b> {counts}</summary>{shown}</details>")
    return parts


def _change(change: Change, before: dict[str, str], after: dict[str, str]) -> str:
    better = change.new > change.old
    moved = f'<span class="{"better" if better else "worse"}">{"▲" if better else "▼"} '
    moved += f"{change.old:.2f} → {change.new:.2f}</span>"
    id_ = change.case.id
    sides = "".join(
        f'<div><h4>{both(title)}</h4><div class="answer"><p>{escape(texts.get(id_, ""))}</p></div></div>'
        for title, texts in ((Phrase("old answer", "旧回答"), before), (Phrase("new answer", "新回答"), after))
    )
    return (
        f'<details class="change"><summary>{moved} <span class="chip">{escape(id_)}</span>{escape(_asked(change.case))}'
        f'</summary><div class="sides">{sides}</div></details>'
    )


def _answers(run: Run) -> dict[str, str]:
    return {record.case.id: record.trial.answer.text if record.trial else record.error for record in run.records}


def _case(run: Run, record: EvalRecord, is_open: bool) -> str:
    case, scores = record.case, run.scores[record.case.id]
    found = [
        (f"{both(row.title)} {_printed(score, row)}", (score.value or 0.0) < 1)
        for name, score in scores.items()
        if is_gated(name) and (row := run.summary.row(name))
    ]
    found.sort(key=lambda chip: not chip[1])
    head = chips([(escape(case.id), False), (escape(case.type), False), (both(_outcome(record)), record.trial is None)])
    return (
        f'<details class="case"{" open" if is_open else ""}>'
        f"<summary>{head}<h3>{escape(_asked(case))}</h3></summary>"
        f'<div>{chips(found)}</div><div class="answer">{"".join(_answer(record, scores))}</div>'
        f'<div class="sides">{_gold(case)}{_cited(record)}</div></details>'
    )


def _printed(score: Score, row: Row) -> str:
    if score.value is None:
        return "–"
    return f"{1 - score.value if row.rate_of_failure else score.value:.2f}"


def _outcome(record: EvalRecord) -> Phrase:
    if record.trial is None:
        return Phrase("error", "出错")
    return Phrase("refused", "拒答") if record.trial.answer.abstained else Phrase("answered", "作答")


def _asked(case: EvalCase) -> str:
    return " → ".join([*case.history, case.question])


def _answer(record: EvalRecord, scores: CaseScores) -> Iterator[str]:
    if record.trial is None:
        yield f'<p class="wrong">{escape(record.error)}</p>'
    elif record.trial.answer.abstained or not record.trial.answer.sentences:
        yield f"<p>{escape(record.trial.answer.text)}</p>"
    else:
        yield from _sentences(record, scores)


def _sentences(record: EvalRecord, scores: CaseScores) -> Iterator[str]:
    """Each sentence with the verdict of the first gated judge, or of word overlap if that is the only one."""
    assert record.trial
    sentences = record.trial.answer.sentences
    judged = sorted((n for n in scores if n.endswith("/faithfulness")), key=lambda name: not is_gated(name))
    parts = scores[judged[0]].parts if judged else (None,) * len(sentences)
    for sentence, part in zip(sentences, parts, strict=True):
        kind, mark = _KINDS[part]
        text = sentence.text + "".join(f" [{number}]" for number in sentence.citations)
        yield f'<p><span class="{kind}"><span class="mark">{mark}</span>{escape(text)}</span></p>'


def _gold(case: EvalCase) -> str:
    quotes = "".join(_quote(each.document_id, each.quote, None) for each in (*case.evidence, *case.alternatives))
    points = "".join(f"<li>{escape(point)}</li>" for point in case.keypoints)
    expected = f"<h4>{both(Phrase('Key points', '要点'))}</h4><ul>{points}</ul>" if points else ""
    nothing = both(Phrase("The notes do not say.", "笔记里没有。"))
    return f"<div><h4>{both(Phrase('Gold words', '标准原文'))}</h4>{quotes or nothing}{expected}</div>"


def _cited(record: EvalRecord) -> str:
    """Each cited quote, marked by whether it touches a gold quote."""
    gold = (*record.gold.evidence, *record.gold.alternatives)
    quotes = ""
    for citation in record.trial.answer.citations if record.trial else ():
        place = " > ".join((citation.document_id, *citation.headings))
        touching = bool(touched(gold, places_of(citation))) if gold else None
        quotes += _quote(f"[{citation.number}] {place}", citation.quote, touching)
    nothing = both(Phrase("Nothing is cited.", "没有引用。"))
    return f"<div><h4>{both(Phrase('Cited words', '引用的原文'))}</h4>{quotes or nothing}</div>"


def _quote(place: str, words: str, touching: bool | None) -> str:
    if touching is None:
        shown = escape(words)
    else:
        kind, mark = _KINDS[touching]
        shown = f'<span class="{kind}"><span class="mark">{mark}</span>{escape(words)}</span>'
    return f'<div class="meta">{escape(place)}</div><blockquote>{shown}</blockquote>'
