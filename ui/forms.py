"""Answers and searches as JSON objects for tools. Offsets count Unicode characters."""

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.types import Place
from rag.types import Answer, Citation, Hit, Support


def search_object(
    case_id: str | None, question: str, hits: Sequence[Hit], seconds: Mapping[str, float]
) -> dict[str, Any]:
    """``hits`` best first, ranks from 1."""
    return {
        "id": case_id,
        "question": question,
        "hits": [_hit(rank, hit) for rank, hit in enumerate(hits, 1)],
        "seconds": _rounded(seconds),
    }


def answer_object(case_id: str | None, answer: Answer) -> dict[str, Any]:
    return {
        "id": case_id,
        "question": answer.question,
        "standalone_question": answer.standalone_question,
        "answer": answer.text,
        "abstained": answer.abstained,
        "confidence": None if answer.confidence is None else round(answer.confidence, 4),
        "sentences": [
            {"text": s.text, "citations": list(s.citations), "support": _support(s.support)} for s in answer.sentences
        ],
        "unsupported": answer.unsupported,
        "conflicts": [
            {
                "claim_a": conflict.claim_a,
                "citations_a": list(conflict.citations_a),
                "claim_b": conflict.claim_b,
                "citations_b": list(conflict.citations_b),
            }
            for conflict in answer.conflicts
        ],
        "unmentioned": list(answer.unmentioned),
        "citations": [_citation(citation) for citation in answer.citations],
        "nearest": [list(path) for path in answer.nearest],
        "seconds": _rounded(answer.seconds),
        "models": dict(answer.models),
        "dropped_citations": answer.dropped_citations,
        "notice": {"en": answer.notice.en, "zh": answer.notice.zh} if answer.notice else None,
    }


def _support(support: Support | None) -> dict[str, Any] | None:
    return {"verdict": support.verdict, "probability": round(support.probability, 4)} if support else None


def _hit(rank: int, hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "rank": rank,
        "score": hit.score,
        "stage": hit.stage,
        "document": chunk.document_id,
        "heading": list(chunk.headings),
        "page": chunk.page,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "also_at": _places(hit.also_at),
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "n": citation.number,
        "document": citation.document_id,
        "heading": list(citation.headings),
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "also_at": _places(citation.also_at),
    }


def _places(places: Sequence[Place]) -> list[dict[str, Any]]:
    return [{"document": place.document_id, "start": place.start, "end": place.end} for place in places]


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {stage: round(spent, 4) for stage, spent in seconds.items()}
