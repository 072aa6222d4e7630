"""Markdown -> inert HTML, with slices of the source marked.

HTML in the source shows as text, pictures as their captions; links lead outside or nowhere. What comes out has gone
through a sanitiser as well. Formulas become MathML, which browsers draw by themselves.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import groupby, pairwise
from typing import Any, Literal

import nh3
from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin

LONGEST_RENDERED = 200_000
"""Characters. A longer text is shown as it is written: a table of several megabytes would take minutes to render."""
SHOWN_AROUND = 60_000
"""Characters shown before and after the marked words of such a text."""

_MATHML = frozenset(
    "math mrow mi mo mn mtext mspace mfrac msub msup msubsup msqrt mroot mtable mtr mtd munder mover munderover mstyle "
    "mpadded mphantom menclose".split()
)
_TAGS = _MATHML | frozenset(
    "p br hr h1 h2 h3 h4 h5 h6 strong em s code pre blockquote ul ol li table thead tbody tr th td a mark div span "
    "button".split()
)
_ATTRIBUTES = {
    **{name: {"display", "stretchy", "fence", "form", "mathvariant", "accent", "columnalign"} for name in _MATHML},
    "a": {"href", "target"},
    "mark": {"class"},
    "div": {"class", "role", "tabindex", "aria-label"},
    "span": {"class", "role", "tabindex", "aria-label", "data-quote"},
    "pre": {"tabindex"},
    "ol": {"start"},
    "th": {"class"},
    "td": {"class"},
    "button": {"class", "type", "aria-label", "data-citation", "data-quote"},
}
_OUTSIDE = re.compile(r"^(?:https?://|mailto:)", re.IGNORECASE)
_BREAK = re.compile(r"(<br\s*/?>)", re.IGNORECASE)
_NUMBER = re.compile(r"\[(\d{1,3})\]")
_REMARK_SIGN = "\ue000"
_REMARK = re.compile(rf"\[{_REMARK_SIGN}(\d+)\]")


@dataclass(frozen=True, slots=True)
class Highlight:
    """The slice ``[start, end)`` of a source, to be marked with a CSS class."""

    start: int
    end: int
    css_class: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A symbol at an offset of a source, with a CSS class and what it means."""

    at: int
    css_class: str
    symbol: str
    meaning: str


def rendered(
    text: str,
    highlights: Sequence[Highlight] = (),
    quotes: dict[int, str] | None = None,
    remarks: Sequence[Remark] = (),
) -> str:
    """``text`` as HTML; where highlights overlap, the first one shows. ``remarks`` are in the order of the text.

    ``quotes`` turns [n] into a button for each n it has, which carries the quote.
    """
    if len(text) > LONGEST_RENDERED:
        return as_written(text, highlights)
    if remarks:
        text, highlights = _with_remarks(text, highlights, remarks)
    environment = {"highlights": tuple(highlights), "quotes": quotes or {}, "remarks": tuple(remarks)}
    try:
        html = _clean(_parser().render(text, environment))
    except RecursionError:
        return as_written(text, highlights)
    # The parser drops what is nested too deeply, but cited words must be shown.
    return html if not highlights or "<mark" in html else as_written(text, highlights)


def _with_remarks(text: str, highlights: Sequence[Highlight], remarks: Sequence[Remark]) -> tuple[str, list[Highlight]]:
    """The text with a sign for each remark, and the highlights moved along."""
    signs = [(remark.at, f"{_gap(text[: remark.at])}[{_REMARK_SIGN}{number}]") for number, remark in enumerate(remarks)]
    edges = [0, *(at for at, _ in signs), len(text)]
    # Such a sign in the text itself would be mistaken for a remark.
    pieces = [text[start:end].replace(_REMARK_SIGN, "\ufffd") for start, end in pairwise(edges)]

    def moved(offset: int) -> int:
        return offset + sum(len(sign) for at, sign in signs if at <= offset)

    marked = "".join(piece + sign for piece, sign in zip(pieces, [*(sign for _, sign in signs), ""], strict=True))
    return marked, [Highlight(moved(h.start), moved(h.end - 1) + 1, h.css_class) for h in highlights]


def _gap(before: str) -> str:
    """The blank line that keeps a sign out of the block that ends ``before``; empty if none is needed."""
    return "\n\n" if before.endswith(("```", "~~~", "$$", "|")) else ""


def as_written(text: str, highlights: Sequence[Highlight] = ()) -> str:
    """``text`` as it is written; a long one is cut to what is near the highlights."""
    first = min((h.start for h in highlights), default=0)
    last = max((h.end for h in highlights), default=0)
    start, end = max(0, first - SHOWN_AROUND), min(len(text), max(last, first) + SHOWN_AROUND)
    if len(text) <= LONGEST_RENDERED:
        start, end = 0, len(text)
    edges = ("…\n" if start else "", "\n…" if end < len(text) else "")
    body = _marked(text[start:end], range(start, end), highlights)
    return _clean(f'<pre tabindex="0">{edges[0]}{body}{edges[1]}</pre>')


def formula(latex: str, block: bool = False) -> str:
    """LaTeX as MathML; as it is written if it cannot be converted."""
    from latex2mathml.converter import convert

    source = re.sub(r"\\(begin|end)\{(?:aligned|split|gathered)\}", r"\\\1{align*}", latex.strip())
    # The converter draws \mathbb R as a plain R, and \mathbb{R} as it should.
    source = re.sub(r"\\(mathbb|mathcal|mathbf|mathrm)\s+([A-Za-z])", r"\\\1{\2}", source)
    try:
        return str(convert(source, display="block" if block else "inline"))
    except Exception:
        # The converter lets any error of its parser through.
        return f"<code>{escape(latex)}</code>"


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def _marked(
    text: str, offsets: Sequence[int], highlights: Sequence[Highlight], write: Callable[[str], str] = escape
) -> str:
    """``text`` escaped, with the characters inside a highlight in <mark>; ``offsets`` holds each one's offset."""
    if not highlights or not text:
        return write(text)
    first, last = offsets[0], offsets[-1]
    near = [h for h in highlights if h.start <= last and h.end > first]
    if not near:
        return write(text)

    def css_class(position: int) -> str:
        return next((h.css_class for h in near if h.start <= offsets[position] < h.end), "")

    pieces = []
    for name, positions in groupby(range(len(text)), css_class):
        span = list(positions)
        piece = write(text[span[0] : span[-1] + 1])
        pieces.append(f'<mark class="{name}">{piece}</mark>' if name and not piece.isspace() else piece)
    return "".join(pieces)


def _with_breaks(text: str) -> str:
    return "".join("<br>" if i % 2 else escape(part) for i, part in enumerate(_BREAK.split(text)))


class _PlacedInline(StateInline):
    """Remembers in each token's ``meta["at"]`` where in the inline text it began."""

    def pushPending(self) -> Token:  # noqa: N802
        pending, end = self.pending, self.pos
        token = super().pushPending()
        token.meta["at"] = max(0, self.src.rfind(pending, 0, end))
        return token

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        at = self.pos
        token = super().push(ttype, tag, nesting)
        token.meta["at"] = at
        return token


class _PlacedParser(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: MutableMapping[str, Any], tokens: list[Token]) -> list[Token]:
        state = _PlacedInline(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    # Joined tokens would lose their places.
    inline = _PlacedParser()
    inline.ruler.enableOnly([name for name in inline.ruler.get_all_rules() if name not in ("linkify", "html_inline")])
    inline.ruler2.enableOnly(["balance_pairs", "strikethrough", "emphasis"])
    parser.inline = inline
    parser.enable("table")
    parser.core.ruler.disable("text_join")
    parser.use(dollarmath_plugin, allow_space=True, double_inline=True)
    inline.ruler.before("link", "citation", _citation)
    inline.ruler.before("link", "remark", _remark)
    parser.core.ruler.push("places", _find_places)
    rules = {
        "text": _text,
        "text_special": _text_special,
        "code_inline": _code_inline,
        "math_inline": _math_inline,
        "math_inline_double": _math_inline,
        "math_block": _math_block,
        "fence": _code_block,
        "code_block": _code_block,
        "link_open": _link_open,
        "link_close": _link_close,
        "image": _image,
        "citation": _citation_button,
        "remark": _remark_symbol,
        "table_open": lambda *_: '<div class="table" tabindex="0" role="region" aria-label="table"><table>',
        "table_close": lambda *_: "</table></div>",
        "th_open": _cell_open,
        "td_open": _cell_open,
    }
    for name, rule in rules.items():
        parser.add_render_rule(name, _as_method(rule))
    return parser


def _as_method(rule: Any) -> Any:
    return lambda _renderer, tokens, index, _options, env: rule(tokens, index, env)


def _citation(state: StateInline, silent: bool) -> bool:
    found = _NUMBER.match(state.src, state.pos)
    if found is None or int(found[1]) not in state.env.get("quotes", {}):
        return False
    # A number directly behind a word is an index in the note itself.
    after_another = not state.pending and bool(state.tokens) and state.tokens[-1].type == "citation"
    if not (state.pos == 0 or state.src[state.pos - 1].isspace() or after_another):
        return False
    if not silent:
        state.push("citation", "", 0).content = found[1]
    state.pos += len(found[0])
    return True


def _remark(state: StateInline, silent: bool) -> bool:
    found = _REMARK.match(state.src, state.pos)
    if found is None or int(found[1]) >= len(state.env.get("remarks", ())):
        return False
    if not silent:
        state.push("remark", "", 0).content = found[1]
    state.pos += len(found[0])
    return True


def _find_places(state: StateCore) -> None:
    """Gives tokens that touch a highlight ``meta["offsets"]``: the offset of each character of ``content``."""
    highlights: Sequence[Highlight] = state.env["highlights"]
    if not highlights:
        return
    starts = [0, *(match.end() for match in re.finditer("\n", state.src)), len(state.src) + 1]
    lines = [(bisect_right(starts, h.start) - 1, bisect_right(starts, max(h.start, h.end - 1)) - 1) for h in highlights]
    cursor = 0
    for token in state.tokens:
        if token.map is None or token.type not in ("inline", "fence", "code_block", "math_block"):
            continue
        first, after = token.map
        if not any(first <= last and begin < after for begin, last in lines):
            continue
        if token.type == "math_block":
            token.meta["span"] = (starts[first], starts[min(after, len(starts) - 1)] - 1)
            continue
        cursor = max(cursor, starts[first])
        at = first + (token.type == "fence")
        offsets: list[int] = []
        for line in token.content.split("\n"):
            end = starts[min(at + 1, len(starts) - 1)] - 1
            begin = max(cursor, starts[min(at, len(starts) - 1)])
            found = list(_aligned(line, state.src, begin, end, token.type != "inline"))
            cursor = max(cursor, found[-1] + 1 if found else cursor)
            offsets += [*found, end]
            at += 1
        token.meta["offsets"] = offsets
        _place_children(token)


def _aligned(line: str, source: str, begin: int, end: int, is_code: bool) -> Iterator[int]:
    """The offset in ``source[begin:end]`` of each character of ``line``, from which markup was removed."""
    found = source.find(line, begin, end)
    if is_code and source.endswith(line, begin, end):
        found = end - len(line)
    if found >= 0:
        yield from range(found, found + len(line))
        return
    position = begin
    for character in line:
        next_one = source.find(character, position, end)
        if next_one >= 0:
            position = next_one + 1
        yield max(begin, position - 1)


def _place_children(token: Token) -> None:
    offsets, source = token.meta["offsets"], token.content
    for child in token.children or ():
        at, length = child.meta.get("at", 0), len(child.content)
        if child.type == "text_special":
            length = len(child.markup)
        elif child.type == "code_inline":
            at = max(at, source.replace("\n", " ").find(child.content, at + len(child.markup)))
        elif child.type.startswith("math_inline"):
            length += 2 * len(child.markup)
        elif child.type == "text" and not source.startswith(child.content, at):
            at = max(at, source.find(child.content, at))
        child.meta["offsets"] = offsets[at : at + length]


def _text(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    token = tokens[index]
    offsets = token.meta.get("offsets")
    write = escape if token.type == "code_inline" else _with_breaks
    if offsets and len(offsets) == len(token.content):
        return _marked(token.content, offsets, env["highlights"], write)
    return write(token.content)


def _text_special(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    token = tokens[index]
    offsets = token.meta.get("offsets")
    if offsets:
        return _marked(token.content, [offsets[0]] * len(token.content), env["highlights"])
    return escape(token.content)


def _code_inline(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    return f"<code>{_text(tokens, index, env)}</code>"


def _code_block(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    token = tokens[index]
    offsets = token.meta.get("offsets")
    body = _marked(token.content, offsets, env["highlights"]) if offsets else escape(token.content)
    return f'<pre tabindex="0"><code>{body}</code></pre>\n'


def _math_inline(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    token = tokens[index]
    offsets = token.meta.get("offsets")
    span = (offsets[0], offsets[-1] + 1) if offsets else (0, 0)
    return _marked_whole(formula(token.content, token.type != "math_inline"), span, env)


def _math_block(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    token = tokens[index]
    html = _marked_whole(formula(token.content, block=True), token.meta.get("span", (0, 0)), env)
    return f'<div class="formula" tabindex="0">{html}</div>\n'


def _marked_whole(html: str, span: tuple[int, int], env: MutableMapping[str, Any]) -> str:
    name = next((h.css_class for h in env["highlights"] if h.start < span[1] and h.end > span[0]), "")
    return f'<mark class="{name}">{html}</mark>' if name else html


def _link_open(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    address = str(tokens[index].attrs.get("href", ""))
    outside = _OUTSIDE.match(address)
    return f'<a href="{escape(address)}" target="_blank">' if outside else '<span class="link">'


def _link_close(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    level = 0
    for token in reversed(tokens[: index + 1]):
        level += (token.type == "link_close") - (token.type == "link_open")
        if level == 0:
            return "</a>" if _OUTSIDE.match(str(token.attrs.get("href", ""))) else "</span>"
    return "</span>"


def _image(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    return f'<span class="picture">🖼 {escape(tokens[index].content)}</span>'


def _citation_button(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    number = tokens[index].content
    quote = escape(" ".join(env["quotes"][int(number)].split()))
    return (
        f'<button type="button" class="cite" data-citation="{number}" data-quote="{quote}" '
        f'aria-label="[{number}] {quote[:200]}">{number}</button>'
    )


def _remark_symbol(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    remark: Remark = env["remarks"][int(tokens[index].content)]
    meaning = escape(remark.meaning)
    return (
        f'<span class="remark {remark.css_class}" role="img" tabindex="0" aria-label="{meaning}" '
        f'data-quote="{meaning}">{remark.symbol}</span>'
    )


def _cell_open(tokens: Sequence[Token], index: int, env: MutableMapping[str, Any]) -> str:
    token = tokens[index]
    align = str(token.attrs.get("style", "")).removeprefix("text-align:")
    return f'<{token.tag} class="{align}">' if align in ("left", "right", "center") else f"<{token.tag}>"
