"""Hypothesis settings and a strategy for the Markdown of notes, tidy and untidy."""

from hypothesis import settings
from hypothesis import strategies as st

steady = settings(deadline=None, derandomize=True)
"""The same examples in every run, however slow the machine."""

_WORDS = """
位置编码 注意力 把显存 减少一半 ， 、 （见下） “低秩” 模型.然后 the~model reads e.g.~a~token v1.5 (see~Fig.~3) U.S.
3.14 model.py [[wiki]] `a.b(c)` $x_1.~y$ https://example.org/a?b=1. **粗体** *x* ![图](a.png) [^1] <br> a|b
。 ？ ！ . ? ： ； …… ?!” ~ \\~
""".split()
_line = st.lists(st.sampled_from([word.replace("~", " ") for word in _WORDS]), min_size=1, max_size=8).map("".join)
_PREFIXES = [
    *[
        "",
        "",
        "    ",
        "\t",
        "\u3000",
        "> ",
        ">> ",
        "# ",
        "## ",
        "#### ",
        "- ",
        "* ",
        "    - ",
        "        + ",
        "• ",
        "1. ",
    ],
    *["2.", "3）", "（4）", "a. ", "- [ ] ", "<br>1. ", "问：", "答：", ": ", "| ", "一、", "1.1 ", "[^1]: "],
]
_marked = st.builds(str.__add__, st.sampled_from(_PREFIXES), _line)
_bold = _line.map(lambda line: f"- **{line}**")
_underlined = st.builds(lambda line, mark: f"{line}\n{mark}", _line, st.sampled_from(["===", "---"]))
_tagged = st.builds(lambda line, tag: f"<{tag}>{line}</{tag}>", _line, st.sampled_from(["h2", "summary"]))
_table = st.lists(_line, max_size=4).map(
    lambda cells: "\n".join(["| 甲 | b |", "|---|:-:|", *(f"| {c} | 1 |" for c in cells)])
)
_ODD = [
    "```python\ndef f(x):\n    return x  # 注释\n\n# 不是标题\n\n    y = 1\n```",
    "~~~\n``` 文字\n~~~",
    "```",
    "````py",
    "$$\n\\frac{a}{b}\n$$",
    "$$ a = b $$",
    "$$",
    "\\begin{align}\na &= b\n\\end{align}",
    "---",
    "***",
    "<!-- 隐藏\n\n一段 -->",
    "<!-- a --> 后文",
    "<!--",
    "<details>",
    "</details>",
    "<table><tr><th>a</th></tr>\n<tr><td>b</td></tr></table> 后文",
    "::: tip 提示",
    ":::",
    "> [!NOTE]",
    "[TOC]",
    "![图](data:image/png;base64," + "A" * 3000 + ")",
    "https://example.org",
    "[1]: https://example.org",
    "为什么？\n怎么办？\n是什么？",
    "1.为什么? 2.怎么办? 3.讲一下",
    "AWQ\n" + "一句很长的话" * 4,
    "没有标点的长行" * 12,
    "",
    "    ",
    "\u00a0",
]
_anything = st.text(alphabet="ab一二 \n#*_-|`$[](){}<>!.。？:：1>~=\u3000\u00a0😀", max_size=40)

notes = st.lists(
    st.one_of(_marked, _marked, _bold, _underlined, _tagged, _table, st.sampled_from(_ODD), _anything), max_size=14
).map("\n".join)
"""Whole notes with ``\\n`` line ends."""
