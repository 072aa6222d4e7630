"""HTML: a saved page -> its main content as Markdown."""

from pathlib import Path

import pytest

from ingest.errors import UnreadableNote
from ingest.readers import read
from ingest.readers.html import read as read_html
from ingest.readers.html import to_markdown

NOTES = Path(__file__).parents[1] / "notes"


def markdown(html: str) -> str:
    return to_markdown(html)[0]


def test_a_saved_page_is_its_main_content_with_everything_a_note_has() -> None:
    document = read(NOTES / "saved_page.html", "saved_page.html")
    assert document.title == "位置编码小记"
    assert document.text == (
        "# 位置编码小记\n\n"
        "注意力本身不分先后，所以要把位置告诉模型。见 旋转编码，代价是 O(n^2)。\n第二行用 `rope_theta` 调节。\n\n"
        "## 分类\n\n"
        "- **绝对编码是什么？**\n"
        "    - 可学习的向量\n"
        "    - 正弦函数，词尾记作“</w>”\n"
        "- 相对编码\n\n"
        "    只看距离。\n\n"
        "3. 先转成复数\n"
        "4. 再旋转\n\n"
        "## 公式\n\n"
        "角度为 $\\theta_i = b^{-2i/d}$，其中 $b$ 是底数。\n\n"
        "$$f(q, m) = q e^{i m \\theta}$$\n\n"
        "$d=64$\n\n"
        "```python\ndef rotate(x):\n    return -x[1], x[0]  # 交换\n```\n\n"
        "| 方法 | 外推 |\n| --- | --- |\n| 绝对 \\| 正弦 | 差 |\n| 相对 旋转 |  |\n\n"
        "> 引用一句。"
    )


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>甲 - 博客</title><h1>甲</h1>", "甲"),
        ("<title>甲</title><h1>乙</h1>", "甲"),
        ("<h1>乙</h1>", "乙"),
        ("<title>甲</title><h1>乙</h1><h1>丙</h1>", "甲"),
        ("<p>正文<svg><title>图标</title></svg></p>", ""),
    ],
)
def test_the_title_is_the_pages_or_the_only_heading_that_it_repeats(html: str, title: str) -> None:
    assert to_markdown(html)[1] == title


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a\n  b</p>", "a b"),
        ("<p>中\n文 a\n中</p>", "中文 a 中"),
        ("<p>a&nbsp;b　c</p>", "a\u00a0b　c"),
        ("甲<div>乙</div>丙", "甲\n\n乙\n\n丙"),
        ("<p># 不是标题</p>", "\\# 不是标题"),
        ("<h2><b>粗</b>标题<br>续</h2>", "## 粗标题 续"),
        ("<p>x<b> 粗 </b>y<b></b></p>", "x **粗** y"),
        ("<p>脚注<sup>[1]</sup>，x<sub>i</sub></p>", "脚注[1]，x_i"),
        ("<p><code>a`b</code></p>", "a`b"),
        ("<ul><li><h3>甲</h3>乙</li></ul>", "### 甲\n\n    乙"),
        (
            "<ul><li>甲<pre><code class='language-sh'>ls\ncd</code></pre></li></ul>",
            "- 甲\n\n    ```sh\n    ls\n    cd\n    ```",
        ),
        ("<pre>a\n```\nb</pre>", "````\na\n```\nb\n````"),
        ("<pre><div>甲</div><div>乙</div>丙<br>丁</pre>", "```\n甲\n乙\n丙\n丁\n```"),
        ("<dl><dt>甲</dt><dd>乙</dd></dl>", "甲\n\n乙"),
        ("<table><tr><td>一</td></tr><tr><td>二</td></tr></table>", "一\n\n二"),
        ("<table><tr><td><p>甲</p></td><td><pre>x</pre></td></tr></table>", "甲\n\n```\nx\n```"),
        ("<table><tr><td>甲</td></tr><tr><td>乙</td><td>丙</td></tr></table>", "| 甲 |  |\n| --- | --- |\n| 乙 | 丙 |"),
        (
            "<table><tr><td rowspan=2>甲</td><td>1</td><td rowspan=2>尾</td></tr>"
            "<tr><td>2</td></tr><tr><td>乙</td></tr></table>",
            "| 甲 | 1 | 尾 |\n| --- | --- | --- |\n| 甲 | 2 | 尾 |\n| 乙 |  |  |",
        ),
        (
            "<table><caption>表 1：显存</caption><tr><td>甲</td><td>1</td></tr></table>",
            "表 1：显存\n\n| 甲 | 1 |\n| --- | --- |",
        ),
        ("<math><mi>x</mi><mo>=</mo><mn>1</mn></math>", "$x=1$"),
        (
            "<p>设<mjx-container class='MathJax'><mjx-math aria-hidden='true'>𝑥</mjx-math><mjx-assistive-mml>"
            "<math><mi>x</mi></math></mjx-assistive-mml></mjx-container></p>",
            "设$x$",
        ),
        (
            "<mjx-container class='MathJax' display='true'><svg></svg><mjx-assistive-mml>"
            "<math display='block'><mi>y</mi></math></mjx-assistive-mml></mjx-container>",
            "$$y$$",
        ),
        ("<mjx-container class='MathJax'><mjx-math>𝑥</mjx-math></mjx-container>", ""),
        ("<article>一</article><article>二</article>", "一\n\n二"),
        ("<nav>导航</nav><article>正文</article><p>推荐</p>", "正文"),
        ("<header>网站</header><section><header><h2>甲</h2></header>乙</section>", "## 甲\n\n乙"),
        (
            "甲<form>乙<select><option>丙</option></select><textarea>丁</textarea><button>戊</button></form>己",
            "甲\n\n乙\n\n己",
        ),
        ("<h2><span><button>甲</button></span></h2><summary><button>乙</button></summary>", "## 甲\n\n乙"),
        ("<h2>甲<button>复制</button></h2>", "## 甲"),
        ("<p>甲</p><button>复制</button><script>x</script><style>y</style><!-- 注 -->", "甲"),
        ("", ""),
    ],
)
def test_each_element_has_its_markdown(html: str, expected: str) -> None:
    assert markdown(html) == expected


def test_the_encoding_is_the_one_the_page_declares() -> None:
    page = '<html><head><meta charset="gbk"><title>甲</title></head><body><p>量化</p></body></html>'
    reading = read_html(page.encode("gbk"))
    assert (reading.title, reading.text, reading.problems) == ("甲", "量化", ())


@pytest.mark.parametrize("tag", ["div", "ul><li", "table><tr><td", "blockquote", "b"])
def test_nesting_of_a_thousand_levels_is_read(tag: str) -> None:
    assert markdown(f"<{tag}>" * 1000 + "内容").replace("> ", "").strip(" -*") in ("内容", "内容")


def test_nesting_of_a_hundred_thousand_levels_is_refused() -> None:
    with pytest.raises(UnreadableNote, match="nests its tags too deeply"):
        markdown("<div>" * 100_000 + "内容")


@pytest.mark.parametrize("piece", ["<", "<a", "< ", "中\n", "<!--", "&"])
def test_a_million_broken_tags_take_no_longer_than_text(piece: str) -> None:
    assert "末尾" in markdown("<p>末尾</p>" + piece * 1_000_000)


def test_a_tag_that_never_ends_takes_no_longer_than_text() -> None:
    assert markdown("<p>末尾</p><" + "a" * 1_000_000) == "末尾"


def test_one_line_of_5_mb_is_read_whole() -> None:
    assert len(markdown("<p>" + "长" * 5_000_000)) == 5_000_000
