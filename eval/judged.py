"""Scores that rest on a judge's word. Each is named ``judge/measure``.

A sentence without citations is unsupported, whatever the judge would say. A missing verdict counts as unscored, never
as support.
"""

import re
from collections.abc import Iterator, Sequence

from eval.judge import Judge, Pair, Verdict
from eval.types import EvalRecord, Score, Scorer, Trial
from ingest.phrases import Phrase
from rag.types import Citation, Sentence

_MARK = re.compile(r"[ \t]*\[\d+\]")


def judged_scorers(judge: Judge, records: Sequence[EvalRecord]) -> tuple[Scorer, ...]:
    """The scorers of one judge, who is asked about all the records at once and about each pair once."""
    pairs = dict.fromkeys(pair for record in records for pair in _pairs(record))
    scores = _JudgedScores(dict(zip(pairs, judge.judge(list(pairs)), strict=True)))
    by = judge.name
    return (
        Scorer(f"{by}/faithfulness", Phrase(f"Faithfulness ({by})", f"忠实度（{by}）"), scores.faithfulness, _answered),
        Scorer(
            f"{by}/citation_need",
            Phrase(f"Citations needed ({by})", f"必要引用率（{by}）"),
            scores.citation_need,
            _answered,
        ),
        Scorer(
            f"{by}/keypoint_recall",
            Phrase(f"Key-point recall ({by})", f"要点召回率（{by}）"),
            scores.keypoint_recall,
            _has_keypoints,
        ),
    )


class _JudgedScores:
    def __init__(self, verdicts: dict[Pair, Verdict | None]) -> None:
        self._verdicts = verdicts

    def faithfulness(self, record: EvalRecord, trial: Trial) -> Score:
        """Sentences that all their cited words together support / sentences of the answer.

        No sentences score 0. This is citation recall in Gao et al., Enabling large language models to generate text
        with citations (ALCE), EMNLP 2023.
        """
        return Score.share(self._on(sentence, _cited(sentence, trial)) for sentence in trial.answer.sentences)

    def citation_need(self, record: EvalRecord, trial: Trial) -> Score:
        """Citations that their sentence needs / citations.

        A citation is needed when all of its sentence's citations together support the sentence, and it supports the
        sentence alone or the others alone do not. This is citation precision in ALCE (Gao et al., 2023).
        """
        return Score.share(
            self._need(sentence, citation, _cited(sentence, trial))
            for sentence in trial.answer.sentences
            for citation in _cited(sentence, trial)
        )

    def keypoint_recall(self, record: EvalRecord, trial: Trial) -> Score:
        """Key points that the answer's text supports / key points of the case. A refusal has none."""
        if trial.answer.abstained:
            return Score.share(False for _ in record.case.keypoints)
        return Score.share(self._said(pair) for pair in _keypoint_pairs(record, trial))

    def _on(self, sentence: Sentence, citations: Sequence[Citation]) -> bool | None:
        """Whether the citations support the sentence; None for an unscored verdict."""
        if not citations:
            return False
        return self._said((premise(citations), claim(sentence)))

    def _need(self, sentence: Sentence, citation: Citation, citations: Sequence[Citation]) -> bool | None:
        together = self._on(sentence, citations)
        if not together or len(citations) == 1:
            return together
        alone = self._on(sentence, [citation])
        others = self._on(sentence, [other for other in citations if other is not citation])
        if alone is None or others is None:
            return None
        return alone or not others

    def _said(self, pair: Pair) -> bool | None:
        verdict = self._verdicts[pair]
        return None if verdict is None else verdict.supported


def premise(citations: Sequence[Citation]) -> str:
    """The cited words, each under the headings where a reader finds them."""
    return "\n\n".join("\n".join(filter(None, (" > ".join(each.headings), each.quote))) for each in citations)


def claim(sentence: Sentence) -> str:
    """The sentence without its [n] marks."""
    return without_marks(sentence.text)


def without_marks(text: str) -> str:
    return _MARK.sub("", text).strip()


def _pairs(record: EvalRecord) -> Iterator[Pair]:
    """Every pair that the scores of ``record`` may ask about."""
    if record.trial is None or record.trial.answer.abstained:
        return
    yield from _keypoint_pairs(record, record.trial)
    for sentence in record.trial.answer.sentences:
        citations = _cited(sentence, record.trial)
        if citations:
            yield premise(citations), claim(sentence)
        if len(citations) > 1:
            for citation in citations:
                yield premise([citation]), claim(sentence)
                yield premise([other for other in citations if other is not citation]), claim(sentence)


def _keypoint_pairs(record: EvalRecord, trial: Trial) -> list[Pair]:
    text = without_marks(trial.answer.text)
    return [(text, point) for point in record.case.keypoints]


def _cited(sentence: Sentence, trial: Trial) -> list[Citation]:
    by_number = {citation.number: citation for citation in trial.answer.citations}
    return [by_number[number] for number in dict.fromkeys(sentence.citations) if number in by_number]


def _answered(record: EvalRecord) -> bool:
    """An answer was given, or it failed: a refusal is neither faithful nor unfaithful."""
    return record.trial is None or not record.trial.answer.abstained


def _has_keypoints(record: EvalRecord) -> bool:
    return bool(record.case.keypoints)
