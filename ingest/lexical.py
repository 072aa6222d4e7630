"""Text -> search tokens, Chinese and code-like terms alike; and the BM25 index over them.

A Chinese run becomes dictionary words and character bigrams. A Latin, number or code term becomes the whole term with
its joints left out (``top-p``, ``top_p`` and ``TopP`` are one word), its parts, and the stem of each English word.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tantivy

# NFKC maps the Kangxi radicals (U+2F00) to ideographs but leaves the supplement (U+2E80) as it is; PDF fonts use both.
_RADICALS = str.maketrans(
    "⺟⺠⺩⺪⺫⺬⺭⻁⻄⻅⻆⻉⻋⻌⻍⻎⻑⻓⻔⻘⻙⻚⻛⻜⻝⻟⻠⻢⻣⻤⻥⻦⻧⻨⻩⻪⻬⻮⻰⻳",
    "母民王疋目示示虎西见角贝车辶辶辶長长门青韦页风飞食食食马骨鬼鱼鸟卤麦黄黾齐齿龙龟",
)
_CJK = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af々〇"
_STRAY_SPACE = re.compile(rf"(?<=[{_CJK}])(?:[^\S\n]+|[^\S\n]*\n[^\S\n]*)(?=[{_CJK}])")
_TERM = re.compile(
    rf"(?P<cjk>[{_CJK}]+)"
    r"|(?P<number>\d+(?:\.\d+)?[eE][+-]?\d+(?![^\W_]))"
    rf"|(?P<term>(?:(?![{_CJK}_])\w)+(?:[-_.'’/·&](?:(?![{_CJK}_])\w)+)*(?:\+\+|\#(?!\w))?)"
)
_JOINT = re.compile(r"(?<!\d)[-_.'’/·&]|[-_.'’/·&](?!\d)|[-_'’/·&]")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_LONGEST_TOKEN = 64
"""Characters. Longer ones are encoded data, which nobody searches for."""

_STOP_WORDS = frozenset(
    "的 了 是 吗 呢 什么 怎么 怎样 么样 如何 为什 为什么 怎么样 哪些 哪个 哪种 有什 有哪 请问 一下 一个 "
    "这个 那个 它们 我们 你们 对于 关于 以及 "
    "the be is are was were do doe did a an of to in on for and or with what which how whi when where it this that "
    "can i you we they about from by as at".split()
)
_MOST_QUERY_TOKENS = 512
_FIELDS = ("context", "text")
_TIES = 32
"""Looked at beyond k, since the index breaks ties by the order in which entries came in."""
_WRITER_BYTES = 30_000_000


def search_tokens(text: str) -> list[str]:
    """The tokens of a text in order of appearance; the same word gives the same token in a note and in a question."""
    text = unicodedata.normalize("NFKC", text.translate(_RADICALS))
    text = _STRAY_SPACE.sub("", text)
    tokens: list[str] = []
    for match in _TERM.finditer(text):
        if match["cjk"]:
            tokens += _chinese_tokens(match["cjk"])
        elif match["number"]:
            tokens.append(match["number"].lower())
        else:
            tokens += _term_tokens(match["term"])
    return [token for token in tokens if len(token) <= _LONGEST_TOKEN]


def query_tokens(question: str) -> list[str]:
    """The tokens of a question without stop words; if nothing else is left, with them."""
    tokens = search_tokens(question)
    return [token for token in tokens if token not in _STOP_WORDS] or tokens


def _chinese_tokens(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
        return
    import rjieba

    for first, second in pairwise(run):
        yield first + second
    for word in rjieba.cut_for_search(run):
        # A word of two characters is a bigram already; counting it twice makes retrieval worse.
        if len(word) > 2:
            yield word


@lru_cache(maxsize=1 << 16)
def _term_tokens(term: str) -> tuple[str, ...]:
    parts = [part for part in _JOINT.split(term) if part]
    found = [_stem("".join(parts).lower())] if len(parts) > 1 else []
    for part in parts:
        found.append(_stem(part.lower()))
        pieces = _CAMEL.findall(part)
        if len(pieces) > 1:
            found += [_stem(piece.lower()) for piece in pieces if len(piece) >= 3]
        elif not part.isalpha():
            found += [_stem(letters.lower()) for letters in _LETTERS.findall(part)]
    return tuple(dict.fromkeys(found))


@cache
def _stemmer() -> "tantivy.TextAnalyzer":
    import tantivy

    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(tantivy.Filter.stemmer("english")).build()


def _stem(word: str) -> str:
    if len(word) < 3 or not (word.isascii() and word.isalpha()):
        return word
    return _stemmer().analyze(word)[0]


@dataclass(frozen=True, slots=True)
class LexicalEntry:
    """``key`` names the entry; ``context`` (title and headings) and ``text`` are searched apart."""

    key: str
    context: str
    text: str


class LexicalIndex:
    """BM25 over search tokens, in a folder or, without one, in memory. One process at a time may write it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Opens the index, or makes an empty one. Raises ValueError or OSError when the folder cannot be used."""
        import tantivy

        builder = tantivy.SchemaBuilder()
        builder.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
        for name in _FIELDS:
            builder.add_text_field(name, stored=True, tokenizer_name="whitespace", index_option="freq")
        self._schema = builder.build()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self._index = tantivy.Index(self._schema, path=None if folder is None else str(folder))
        self._searcher = self._index.searcher()

    def change(self, removed: Iterable[str], added: Iterable[LexicalEntry]) -> None:
        """Removes and adds entries in one step: another process sees all of it or nothing."""
        with self._writer() as writer:
            for key in removed:
                writer.delete_documents_by_term("key", key)
            for entry in added:
                writer.add_document(_document(entry.key, search_tokens(entry.context), search_tokens(entry.text)))

    def compact(self) -> None:
        """Writes the entries anew. Until then removed ones still count in the word statistics of BM25."""
        entries = list(self._stored())
        with self._writer() as writer:
            writer.delete_all_documents()
            for key, context, text in sorted(entries):
                writer.add_document(_document(key, [context], [text]))

    def keys(self) -> set[str]:
        return {key for key, _, _ in self._stored()}

    def search(self, question: str, k: int, context_weight: float) -> list[tuple[str, float]]:
        """The ``k`` best (key, BM25 score), best first. ``context_weight`` multiplies matches in title and headings."""
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
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]

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


def _document(key: str, context: Sequence[str], text: Sequence[str]) -> "tantivy.Document":
    import tantivy

    return tantivy.Document(key=key, context=" ".join(context), text=" ".join(text))


def words(run: str) -> list[str]:
    """Chinese text -> dictionary words in order, nothing left out."""
    import rjieba

    return list(rjieba.cut(run))


_NAME_TAGS = frozenset(("nr", "nrt", "nrfg", "ns", "nt"))
_CHINESE_WORD = re.compile(rf"[{_CJK}]{{2,}}")


def proper_names(text: str) -> list[str]:
    """The Chinese words of two and more characters that are tagged as names of persons, places or organisations, in
    order of appearance. Some are no names: the tagger guesses at words it does not know."""
    import rjieba

    tagged = dict.fromkeys(word for word, tag in rjieba.tag(text) if tag in _NAME_TAGS)
    return [word for word in tagged if _CHINESE_WORD.fullmatch(word)]
