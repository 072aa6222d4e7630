"""The BM25 index over search tokens."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.tokens import query_tokens, search_tokens

if TYPE_CHECKING:
    import tantivy

_MOST_QUERY_TOKENS = 512
_FIELDS = ("context", "text")
_TIES = 32
"""Hits read beyond ``k``, since the index breaks ties by the order in which entries came in."""
_WRITER_BYTES = 30_000_000

Ranking = list[tuple[str, float]]
"""(key, score), best first."""


@dataclass(frozen=True, slots=True)
class LexicalEntry:
    """``key`` names the entry; ``context`` (title and headings) and ``text`` are searched separately."""

    key: str
    context: str
    text: str


class LexicalIndex:
    """BM25 over search tokens, in a folder or, without one, in memory. One process at a time may write it."""

    def __init__(self, folder: Path | None = None, *, write: bool = False) -> None:
        """Opens the index; ``write`` makes it where there is none. Raises ValueError or OSError when the folder cannot
        be used."""
        import tantivy

        if folder is None:
            self._index = tantivy.Index(_schema())
        elif write:
            folder.mkdir(parents=True, exist_ok=True)
            self._index = tantivy.Index(_schema(), path=str(folder))
        else:
            self._index = tantivy.Index.open(str(folder))
        self._schema = self._index.schema
        self._searcher = self._index.searcher()

    def change(self, removed: Iterable[str], added: Iterable[LexicalEntry]) -> None:
        """Removes and adds entries in one step: another process sees all of the change or nothing."""
        with self._writer() as writer:
            for key in removed:
                writer.delete_documents_by_term("key", key)
            for entry in added:
                writer.add_document(_document(entry.key, search_tokens(entry.context), search_tokens(entry.text)))

    def compact(self) -> None:
        """Writes all entries anew; until then removed ones still count in the word statistics of BM25."""
        entries = list(self._stored())
        with self._writer() as writer:
            writer.delete_all_documents()
            for key, context, text in sorted(entries):
                writer.add_document(_document(key, [context], [text]))

    def keys(self) -> set[str]:
        return {key for key, _, _ in self._stored()}

    def search(self, question: str, k: int, context_weight: float) -> Ranking:
        """The ``k`` best (key, BM25 score), best first, and those that score as much as the last of them, as far as
        they are among the next ``_TIES`` hits. ``context_weight`` multiplies matches in title and headings."""
        import tantivy

        terms = list(dict.fromkeys(query_tokens(question)))[:_MOST_QUERY_TOKENS]
        clauses = []
        for field, weight in zip(_FIELDS, (context_weight, 1.0), strict=True):
            for term in terms if weight else ():
                query = tantivy.Query.term_query(self._schema, field, term, "freq")
                clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(query, weight)))
        if not clauses or k < 1:
            return []
        hits = self._searcher.search(tantivy.Query.boolean_query(clauses), k + _TIES, count=False).hits
        scored = [(self._searcher.doc(address)["key"][0], round(float(score), 4)) for score, address in hits]
        return best(scored, k)

    def __len__(self) -> int:
        return self._searcher.num_docs

    @contextmanager
    def _writer(self) -> Iterator["tantivy.IndexWriter"]:
        writer = self._index.writer(heap_size=_WRITER_BYTES, num_threads=1)
        try:
            yield writer
            writer.commit()
        finally:
            writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def _stored(self) -> Iterator[tuple[str, str, str]]:
        import tantivy

        if not len(self):
            return
        for _, address in self._searcher.search(tantivy.Query.all_query(), len(self), count=False).hits:
            document = self._searcher.doc(address)
            yield document["key"][0], document["context"][0], document["text"][0]


def best(scored: Iterable[tuple[str, float]], k: int) -> Ranking:
    """The ``k`` best, and those that score as much as the last of them; ties in order of their keys."""
    ranking = sorted(scored, key=lambda pair: (-pair[1], pair[0]))
    return [pair for pair in ranking if pair[1] >= ranking[k - 1][1]] if k < len(ranking) else ranking


def _schema() -> "tantivy.Schema":
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
    for name in _FIELDS:
        builder.add_text_field(name, stored=True, tokenizer_name="whitespace", index_option="freq")
    return builder.build()


def _document(key: str, context: Sequence[str], text: Sequence[str]) -> "tantivy.Document":
    import tantivy

    return tantivy.Document(key=key, context=" ".join(context), text=" ".join(text))
