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
        "| 方法 | 外推 |\n| --- | --- |\n| 绝对 \\| 正弦 | 差 |\n| 相对<br>旋转 |  |\n\n"
        "> 引用一句。"
    )


@pytest.mark.parametrize("tag", ["s", "del", "strike"])
def test_what_is_struck_out_is_not_read(tag: str) -> None:
    assert markdown(f"<p>构建超时为 <{tag}>20</{tag}>45 分钟。</p>") == "构建超时为 45 分钟。"


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
        ("<pre>甲<table><tr><td><pre>乙</pre></td></tr></table>丙</pre>", "```\n甲乙\n\n\n\n\n丙\n```"),
        ("<dl><dt>甲</dt><dd>乙</dd><dt>丙</dt><dd><p>丁</p><p>戊</p></dd></dl>", "甲\n: 乙\n\n丙\n: 丁\n\n戊"),
        ("<dl><dt>甲</dt><dd><ul><li>乙</li></ul>丙</dd><dt>丁</dt></dl>", "甲\n\n- 乙\n\n丙\n\n丁"),
        ("<ul><li>甲<dl><dt>乙</dt><dd>丙</dd></dl></li></ul>", "- 甲\n\n    乙\n    : 丙"),
        ("<dl><dt>甲</dt><dd><pre>x</pre></dd></dl>", "甲\n\n```\nx\n```"),
        ("<pre><code>甲</code><code><br></code><code><b>乙</b></code></pre>", "```\n甲\n\n乙\n```"),
        ("<pre><code>甲</code> <code>乙</code></pre>", "```\n甲 乙\n```"),
        (
            "<h2>甲<a href='#a'>¶</a></h2><p>见 <a href='#b'>#</a><a href='#c'>乙</a><a href='/d'>#</a></p>",
            "## 甲\n\n见 乙#",
        ),
        ("<table><tr><td>一</td></tr><tr><td>二</td></tr></table>", "一\n\n二"),
        ("<table><tr><td><p>甲</p></td><td><pre>x</pre></td></tr></table>", "甲\n\n```\nx\n```"),
        (
            "<table><tr><td>甲</td></tr><tr><td>乙</td><td>丙</td></tr></table>",
            "|  |  |\n| --- | --- |\n| 甲 |  |\n| 乙 | 丙 |",
        ),
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


def rows(*cells: str) -> str:
    return "".join(f"<tr>{row}</tr>" for row in cells)


@pytest.mark.parametrize(
    ("html", "head"),
    [
        (rows("<td>甲<td>乙", "<td>丙<td>丁"), "|  |  |"),
        (rows("<th>甲<td>乙", "<th>丙<td>丁"), "|  |  |"),
        (rows("<th>甲<td>乙<td>一", "<th>丙<td>丁<td>二"), "|  |  |  |"),
        ("<thead><tr><th><th></thead>" + rows("<td>甲<td>乙", "<td>丙<td>丁"), "|  |  |"),
        ("<thead><tr><td>甲<td>乙</thead>" + rows("<td>丙<td>丁"), "| 甲 | 乙 |"),
        (rows("<th>甲<th>乙", "<td>丙<td>丁"), "| 甲 | 乙 |"),
        (rows("<td><th>乙", "<th>丙<td>丁"), "|  | 乙 |"),
        (rows("<td><b>甲</b><td><p><strong>乙</strong>", "<td>丙<td>丁"), "| **甲** | **乙** |"),
        (rows("<td>甲<td>乙<td>一", "<td>丙<td>丁<td>二"), "| 甲 | 乙 | 一 |"),
        (rows("<th>甲<br>（单位）<th>乙", "<td>丙<td>丁"), "| 甲 （单位） | 乙 |"),
    ],
)
def test_the_first_row_is_the_head_only_where_it_can_be_told(html: str, head: str) -> None:
    assert markdown(f"<table>{html}</table>").split("\n")[0] == head


def test_a_cell_keeps_its_lines_paragraphs_and_list_and_the_table_its_rows() -> None:
    html = rows(
        "<th>步骤<th>做法<th>人",
        "<td>审批<td>确认变更单<br><br>盯监控<td>甲",
        "<td>限流<td>ZSET<ul><li>时间戳</li><li><p>切 10 格</p></li></ul><td><p>乙</p><p>丙</p>",
    )
    assert markdown(f"<table>{html}</table>") == (
        "| 步骤 | 做法 | 人 |\n| --- | --- | --- |\n"
        "| 审批 | 确认变更单<br>盯监控 | 甲 |\n"
        "| 限流 | ZSET<br>时间戳<br>切 10 格 | 乙<br>丙 |"
    )


def test_a_table_of_lists_is_only_a_frame_for_them() -> None:
    frame = "<table><tr><td><ul><li>甲</li></ul></td><td>乙</td></tr></table>"
    assert markdown(frame) == "- 甲\n\n乙"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            "<main><p>甲</p><aside><h4>注意</h4>先备份，见<a>手册</a>。</aside></main>",
            "甲\n\n#### 注意\n\n先备份，见手册。",
        ),
        ("<article>甲<aside><h4>相关</h4><ul><li><a>乙</a></li></ul></aside></article>", "甲"),
        ("<article>甲<aside hidden>乙</aside></article>", "甲"),
        ("<p>甲</p><aside>相关推荐：乙</aside>", "甲"),
    ],
)
def test_an_aside_is_kept_where_it_is_part_of_the_text(html: str, expected: str) -> None:
    assert markdown(html) == expected


def test_a_fold_in_a_list_is_an_item_in_bold_with_its_body_below() -> None:
    html = (
        "<ul><li><details><summary>压测环境</summary>8 核 16G<ul><li>wrk2</li></ul></details></li></ul>"
        "<ul><li><details><summary><b>优化项</b></summary><p>开启 gzip</p></details></li></ul>"
    )
    assert markdown(html) == "- **压测环境**\n\n    8 核 16G\n    - wrk2\n\n- **优化项**\n\n    开启 gzip"


def test_blocks_of_nothing_but_icons_are_left_out() -> None:
    assert markdown("<div>🚀</div><div>💡 ⚠️</div><p>完成 ✅</p>") == "完成 ✅"


def test_to_do_items_keep_their_state() -> None:
    notion = "<ul><li><div class='checkbox checkbox-{}'></div> <span>{}</span></li></ul>"
    assert markdown(notion.format("on", "甲")) == "- [x] 甲"
    assert markdown(notion.format("off", "乙")) == "- [ ] 乙"
    assert markdown("<ul><li><input type=checkbox checked disabled>甲</li><li><input type=checkbox>乙</li></ul>") == (
        "- [x] 甲\n- [ ] 乙"
    )


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


@pytest.mark.parametrize(
    "start",
    ["<!--{}-->", "<!-- > --!><!--{}-->", "<SCRIPT>{}</Script >", "<style>{}</style>", "<textarea>{}</textarea>"],
)
def test_what_looks_like_tags_in_comments_and_scripts_is_not_nested(start: str) -> None:
    assert markdown(start.format("for(i=0;i<n;i++){x.map(a=>a)}<div>" * 2_500) + "<p>内容</p>") == "内容"


@pytest.mark.parametrize("start", ["<!-->", "<!--->", "<!-- --!>", "<script></script>"])
def test_nesting_after_a_comment_or_script_is_still_refused(start: str) -> None:
    with pytest.raises(UnreadableNote, match="nests its tags too deeply"):
        markdown(start + "<div>" * 2_500)


@pytest.mark.parametrize("piece", ["<script>", "<", "<a", "< ", "中\n", "<!--", "&"])
def test_a_million_broken_tags_take_no_longer_than_text(piece: str) -> None:
    assert "末尾" in markdown("<p>末尾</p>" + piece * 1_000_000)


def test_a_tag_that_never_ends_takes_no_longer_than_text() -> None:
    assert markdown("<p>末尾</p><" + "a" * 1_000_000) == "末尾"


def test_one_line_of_5_mb_is_read_whole() -> None:
    assert len(markdown("<p>" + "长" * 5_000_000)) == 5_000_000
