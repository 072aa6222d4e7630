"""Scores that depend on a judge. Each is named ``judge/measure``.

A sentence without citations is unsupported, whatever the judge would say. A missing verdict counts as unscored, never
as support.
"""

from collections.abc import Iterator, Sequence

from eval.answers import conflict_shown, was_answered, without_marks
from eval.keypoints import claim_of, has_keypoints, is_disagreement
from eval.types import EvalRecord, Score, Scorer, Trial
from eval.verdict import Judge, Pair, Verdict
from ingest.phrases import Phrase
from rag.judge import in_context
from rag.types import Citation, Sentence


def judged_scorers(judge: Judge, records: Sequence[EvalRecord]) -> tuple[Scorer, ...]:
    """The scorers of one judge. It is asked about all the records at once, and about each pair only once."""
    pairs = dict.fromkeys(pair for record in records for pair in _pairs(record))
    scores = _JudgedScores(dict(zip(pairs, judge.judge(list(pairs)), strict=True)))
    by = judge.name
    return (
        Scorer(
            f"{by}/faithfulness", Phrase(f"Faithfulness ({by})", f"忠实度（{by}）"), scores.faithfulness, was_answered
        ),
        Scorer(
            f"{by}/citation_need",
            Phrase(f"Citations needed ({by})", f"必要引用率（{by}）"),
            scores.citation_need,
            was_answered,
        ),
        Scorer(
            f"{by}/keypoint_recall",
            Phrase(f"Key-point recall ({by})", f"要点召回率（{by}）"),
            scores.keypoint_recall,
            has_keypoints,
        ),
    )


class _JudgedScores:
    def __init__(self, verdicts: dict[Pair, Verdict | None]) -> None:
        self._verdicts = verdicts

    def faithfulness(self, record: EvalRecord, trial: Trial) -> Score:
        """Sentences that all their cited words together support / sentences of the answer.

        An answer without sentences scores 0. This is citation recall in Gao et al., Enabling large language models to
        generate text with citations (ALCE), EMNLP 2023.
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
        """Key points that the answer's text supports / key points of the case. A refusal makes none of them.

        An answer makes the point that the notes disagree by showing the conflict.
        """
        if trial.answer.abstained:
            return Score.share(False for _ in record.case.keypoints)
        shown = record.case.type == "conflict" and conflict_shown(record, trial).value == 1
        return Score.share(
            shown if is_disagreement(record, point) else self._supported(_keypoint_pair(point, trial))
            for point in record.case.keypoints
        )

    def _on(self, sentence: Sentence, citations: Sequence[Citation]) -> bool | None:
        """Whether the citations support the sentence; None for an unscored verdict."""
        if not citations:
            return False
        return self._supported((premise(citations), claim(sentence)))

    def _need(self, sentence: Sentence, citation: Citation, citations: Sequence[Citation]) -> bool | None:
        together = self._on(sentence, citations)
        if not together or len(citations) == 1:
            return together
        alone = self._on(sentence, [citation])
        others = self._on(sentence, [other for other in citations if other is not citation])
        if alone is None or others is None:
            return None
        return alone or not others

    def _supported(self, pair: Pair) -> bool | None:
        verdict = self._verdicts[pair]
        return None if verdict is None else verdict.supported


def judged_share(record: EvalRecord) -> float:
    """The share in [0, 1] of the answer's sentences that a judge is asked about: those with citations. 0.0 without
    sentences."""
    if record.trial is None or not record.trial.answer.sentences:
        return 0.0
    sentences = record.trial.answer.sentences
    return sum(bool(_cited(sentence, record.trial)) for sentence in sentences) / len(sentences)


def premise(citations: Sequence[Citation]) -> str:
    """The cited words, each under its full heading path, which is all that a citation has.

    The product's judge (``rag/verify.py``) also reads the document's title and the sentence before the words, but only
    the last two headings. The measure does not follow it, so that it stays the same when the product changes.
    """
    return "\n\n".join(in_context(each.headings, each.quote) for each in citations)


def claim(sentence: Sentence) -> str:
    """The sentence without its [n] marks."""
    return without_marks(sentence.text)


def _pairs(record: EvalRecord) -> Iterator[Pair]:
    """Every pair that the scores of ``record`` may ask about."""
    if record.trial is None or record.trial.answer.abstained:
        return
    for point in record.case.keypoints:
        if not is_disagreement(record, point):
            yield _keypoint_pair(point, record.trial)
    for sentence in record.trial.answer.sentences:
        citations = _cited(sentence, record.trial)
        if citations:
            yield premise(citations), claim(sentence)
        if len(citations) > 1:
            for citation in citations:
                yield premise([citation]), claim(sentence)
                yield premise([other for other in citations if other is not citation]), claim(sentence)


def _keypoint_pair(point: str, trial: Trial) -> Pair:
    return without_marks(trial.answer.text), claim_of(point)


def _cited(sentence: Sentence, trial: Trial) -> list[Citation]:
    by_number = {citation.number: citation for citation in trial.answer.citations}
    return [by_number[number] for number in dict.fromkeys(sentence.citations) if number in by_number]
