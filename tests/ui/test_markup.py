import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.markup import LONGEST_RENDERED, Highlight, as_written, formula, rendered

NOTE = """# 检索 *要点*

第一句讲**向量检索**，用 `cosine` 比较。第二句说 [倒排索引](https://example.com/bm25) 也要用。
第三句在下一行，a\\*b 与 R&amp;D 都在。

- 一级 `faiss`
  续行在这里
  1. 里层 1
- 二级

| 方法 | 延迟 \\| ms |
|---|:-:|
| 稠密 | **5** |
| 1 | 1 |

```python
def rank(hits):

    return sorted(hits)
```

> 引用里的话
> 分两行

    indented = 1
"""


def marked(html: str, css: str = "cited") -> str:
    return "".join(
        unescape(re.sub(r"<[^>]+>", "", piece)) for piece in re.findall(f'<mark class="{css}">(.*?)</mark>', html, re.S)
    )


def folded(markdown: str) -> str:
    """What is left of Markdown when its marks, links' addresses and spaces are taken off."""
    text = re.sub(r"\]\([^)]*\)", "]", markdown)
    text = re.sub(r"```\w*|^\s*(?:#+|[-*+]|\d+\.|>)\s|^\|[-:| ]+\|$", "", text, flags=re.M)
    text = unescape(text.replace("\\|", "\x00").replace("\\*", "\x01"))
    return re.sub(r"[\s*`\[\]|]", "", text).replace("\x00", "|").replace("\x01", "*")


def unspaced(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    "quote",
    [
        "第一句讲**向量检索**，用 `cosine` 比较。",
        "第二句说 [倒排索引](https://example.com/bm25) 也要用。\n第三句在下一行，",
        "a\\*b 与 R&amp;D 都在",
        "- 一级 `faiss`\n  续行在这里\n  1. 里层 1",
        "里层 1",
        "| 稠密 | **5** |",
        "| 方法 | 延迟 \\| ms |",
        "| 1 | 1 |",
        "def rank(hits):\n\n    return sorted(hits)\n",
        "    return sorted(hits)",
        "引用里的话\n> 分两行",
        "indented = 1",
        "检索 *要点*",
        NOTE,
    ],
)
def test_exactly_the_words_of_a_slice_are_marked(quote: str) -> None:
    start = NOTE.index(quote)
    html = rendered(NOTE, [Highlight(start, start + len(quote), "cited")])
    assert unspaced(marked(html)) == unspaced(folded(quote))


def test_of_overlapping_highlights_the_first_one_shows() -> None:
    html = rendered("abcdef", [Highlight(2, 4, "cited"), Highlight(0, 6, "also-cited")])
    assert marked(html) == "cd"
    assert marked(html, "also-cited") == "abef"


def test_a_formula_that_is_touched_is_marked_whole() -> None:
    html = rendered("令 $x_1 < 2$ 成立", [Highlight(0, 6, "cited")])
    assert '<mark class="cited"><math display="inline"><mrow><msub><mi>x</mi><mn>1</mn></msub>' in html


def test_a_formula_that_cannot_be_converted_shows_as_it_is_written() -> None:
    assert formula("<\\bad{") == "<code>&lt;\\bad{</code>"


HOSTILE = """<script>alert(1)</script>
<img src=x onerror=alert(1)> ![remote](http://evil.example/x.png) <!-- comment -->

[click](javascript:alert(1)) [data](data:text/html;base64,AAAA) <javascript:alert(1)> [up](../../etc/passwd)

<iframe src="http://evil.example"></iframe><style>*{display:none}</style>

| <svg onload=alert(1)> | $\\href{javascript:alert(1)}{x}$ |
|---|---|
| <a href="javascript:alert(1)">x</a> | </table></div><script>alert(2)</script> |

[ref]: javascript:alert(1)
[ref] ``</code><script>`` $<img src=x onerror=alert(1)>$
"""


def test_a_hostile_note_is_text() -> None:
    html = rendered(HOSTILE, [Highlight(0, len(HOSTILE), "cited")])
    tags = {tag.lower() for tag in re.findall(r"<([a-zA-Z]+)", html)}
    assert not tags & {"script", "img", "iframe", "style", "svg", "link", "object", "form"}
    assert not re.search(r"<[^>]*\son\w+=", html)
    assert not re.search(r"""<[^<>]*\s(?:href|src)=["'](?!https?://|mailto:)""", html)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_links_lead_outside_in_a_new_tab_and_tell_nothing() -> None:
    assert rendered("[a](http://b.example/)") == (
        '<p><a href="http://b.example/" target="_blank" rel="noopener noreferrer nofollow">a</a></p>\n'
    )


@pytest.mark.parametrize(
    "text", ["> " * 5000 + "deep", "[" * 20_000, "*a " * 20_000, "$$" * 20_000, "![" * 10_000, "|a" * 10_000]
)
def test_text_made_to_choke_a_parser_is_shown(text: str) -> None:
    assert "<mark" in rendered(text, [Highlight(len(text) - 2, len(text), "cited")])


def test_a_table_of_megabytes_is_shown_as_it_is_written_around_the_cited_words() -> None:
    table = "| a | b |\n|---|---|\n" + "".join(f"| {n} | {n * n} |\n" for n in range(300_000))
    quote = "| 200000 | 40000000000 |"
    start = table.index(quote)
    html = rendered(table, [Highlight(start, start + len(quote), "cited")])
    assert len(table) > 5_000_000
    assert html.startswith('<pre tabindex="0">…\n')
    assert marked(html) == quote
    assert len(html) < LONGEST_RENDERED


def test_text_as_it_is_written_keeps_every_character() -> None:
    assert as_written("a *b* <i>\n", [Highlight(2, 5, "cited")]) == (
        '<pre tabindex="0">a <mark class="cited">*b*</mark> &lt;i&gt;\n</pre>'
    )


def test_numbers_become_buttons_only_where_there_is_a_quote() -> None:
    html = rendered("x [1] y [2] `[1]`", quotes={1: 'say "hi"'})
    assert html == (
        '<p>x <button type="button" class="cite" data-citation="1" data-quote="say &quot;hi&quot;" '
        'aria-label="[1] say &quot;hi&quot;">1</button> y [2] <code>[1]</code></p>\n'
    )


def test_an_index_behind_a_word_is_no_citation() -> None:
    html = rendered("[1] 取 x.shape[1][2] 与 f(x)[1]，见 `x`[1] [2][1]\n[2]", quotes={1: "", 2: ""})
    assert re.findall('data-citation="(.)"', html) == ["1", "2", "1", "2"]
    assert "</button> 取 x.shape[1][2] 与 f(x)[1]，见 <code>x</code>[1] <button" in html


@given(st.text(alphabet=" \n#*_`[]()|-~$<>&\\1ab中，", max_size=60), st.data())
def test_any_text_is_rendered_whatever_is_marked(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    html = rendered(text, [Highlight(start, end, "cited")])
    assert unspaced(re.sub(r"</?mark[^>]*>", "", html)) in (
        unspaced(rendered(text)),
        unspaced(re.sub(r"</?mark[^>]*>", "", as_written(text))),
    )
