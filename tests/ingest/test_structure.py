import pytest
from hypothesis import given

from ingest.structure import Block, parse
from tests.generated_notes import notes, steady


def outline(text: str) -> list[tuple[str, ...]]:
    """The heading path of each heading."""
    return [block.headings for block in parse(text) if block.kind == "heading"]


def content(text: str) -> list[tuple[str, str]]:
    """Kind and text of each block that is no heading."""
    return [(block.kind, text[block.start : block.end]) for block in parse(text) if block.kind != "heading"]


def lines(text: str, block: Block) -> list[str]:
    return [text[start:end] for start, end in block.lines]


@steady
@given(notes)
def test_blocks_are_ordered_and_hold_all_but_marks(text: str) -> None:
    position = 0
    for block in parse(text):
        assert position <= block.start < block.end
        assert set(text[position : block.start]) <= set(" \n\t\u00a0\u3000>:[]!NOTEtip")
        position = block.end
        at = block.start
        for start, end in block.lines:
            assert at <= start < end <= block.end
            assert text[start:end].strip() == text[start:end]
            at = end
    assert set(text[position:]) <= set(" \n\t\u00a0\u3000>:[]!NOTEtip")


def test_a_line_after_an_indented_one_goes_on_with_its_paragraph() -> None:
    first = "　　缓冲区里存着过去的转移，训练的时候均匀地从中抽取一批出来，这样可以打破它们的时\n间相关性。"
    second = "　　目标网络的参数更新得要慢一些，回归的目标因此不会在每一步都跟着移动，训练更加\n稳定。"
    text = f"读书笔记\n\n{first}\n{second}\n\n短\n也短\n都短\n再短"
    assert [lines(text, block) for block in parse(text)][1] == [first.strip(), second.strip()]


def test_a_line_that_ends_in_a_hyphen_among_english_words_goes_on() -> None:
    text = "the past of the agent is re-\nplayable here\n\nshort\nlines\nfollow"
    assert lines(text, parse(text)[0]) == ["the past of the agent is re-\nplayable here"]


# --- headings -------------------------------------------------------------------------------------------------------


def test_headings_nest_by_their_marks() -> None:
    assert outline("# 甲\n## 乙\n### 丙\n## 丁\n# 戊") == [
        ("甲",),
        ("甲", "乙"),
        ("甲", "乙", "丙"),
        ("甲", "丁"),
        ("戊",),
    ]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("#### 问题？ \n答", "问题？"),
        ("正文。\n### 紧跟正文", "紧跟正文"),
        ("##没有空格", "没有空格"),
        ("## 收尾 ##", "收尾"),
        ("# C#", "C#"),
        ("#\u3000全角空格", "全角空格"),
        ("## prefix\u00a0LM\u00a0是什么?", "prefix LM 是什么?"),
        ("### 5.怎么使用？\n    缩进的正文", "5.怎么使用？"),
        ("## 位置编码:", "位置编码"),
        ("标题\n====\n正文", "标题"),
        ("标题\n---\n正文", "标题"),
        ("9. Why?\n-------\nBecause.", "9. Why?"),
        ("<h2 id='a'>标题</h2>\n正文", "标题"),
        ("<details><summary>怎样扩容？</summary>\n正文\n</details>", "怎样扩容？"),
        ("> ## 引用里的标题\n> 正文", "引用里的标题"),
        ("Q1：为什么要缩放？\n因为方差。", "为什么要缩放？"),
        ("**问题 2：为什么要缩放？**\n因为方差。", "为什么要缩放？"),
        ('- **有哪些"方式"**\n    - 按词。', '有哪些"方式"'),
        ("- [ ] **为什么？**\n    因为。", "为什么？"),
        ("**怎样计算：**\n\n把时间量出来。", "怎样计算"),
        ("1.为什么要热身？\n开头的方差大。", "1.为什么要热身？"),
        ("• 讲一下分页缓存的原理\n\n按块存放。", "讲一下分页缓存的原理"),
        ("三种方法有何区别?\n\n第一种最快。", "三种方法有何区别?"),
        ("一、背景\n很久以前。", "一、背景"),
        ("1.2 事实错误（Factuality）\n与世界不符。", "1.2 事实错误（Factuality）"),
    ],
)
def test_a_heading_may_take_many_forms(text: str, title: str) -> None:
    assert outline(text) == [(title,)]


@pytest.mark.parametrize(
    "text",
    [
        "#标签",
        "    # 缩进的注释",
        "一句话。\n---\n另一句。",
        "- 列表项\n---",
        "1.为什么？\n2.怎么办？",
        "- 真的吗？\n- 当然",
        "1. 先热身\n2. 为什么要热身。\n\n下一段。",
        "- 为什么要热身？\n\n<!-- 待写 -->",
        "一、早停\n二、正则",
        "1.5 倍的速度",
        "为什么？",
        "**只有一行粗体**",
        "**粗体开头**，后面还有话。\n正文",
        "# " + "很长" * 200,
        "例子有两个：\n* 这封信是广告吗？\n* 他会看哪部电影？\n\n下一段。",
        "# ———",
        "** …… **\n———\n正文",
        "> [!tip] 直接扩容。\n> 再看。",
        "> [!tip] 后面没有引用\n正文",
        "> [!tip] The title goes\n> on below it.",
    ],
)
def test_what_only_looks_like_a_heading_is_none(text: str) -> None:
    assert outline(text) == []


def test_a_bare_name_before_its_text_is_a_sibling_of_the_name_above() -> None:
    text = "## 量化\n### GroupQuant\n按组取缩放系数。\nChannelQuant\n每个通道各有一个缩放系数，先找出最大的激活值。"
    assert outline(text)[1:] == [("量化", "GroupQuant"), ("量化", "ChannelQuant")]


def test_a_bold_bullet_heads_what_is_indented_below_it() -> None:
    text = "# 笔记\n- **甲**\n    甲的。\n    - **乙**\n        乙的。\n    还是甲的。\n- **丙**\n    丙的。\n收尾。"
    assert [(text[b.start : b.end], b.headings) for b in parse(text) if b.kind == "paragraph"] == [
        ("甲的。", ("笔记", "甲")),
        ("乙的。", ("笔记", "甲", "乙")),
        ("还是甲的。", ("笔记", "甲")),
        ("丙的。", ("笔记", "丙")),
        ("收尾。", ("笔记",)),
    ]


def test_a_bold_bullet_among_plain_ones_is_an_item() -> None:
    text = "# 笔记\n- 先看日志\n- **再看监控**\n    - 内存\n- 最后重启"
    assert outline(text) == [("笔记",)]
    assert [kind for kind, _ in content(text)] == ["item"] * 4


def test_a_numbered_title_between_numbered_questions_is_a_heading_if_something_stands_below_it() -> None:
    note = "1、为什么快？\n   都在内存里\n2、过期策略\n   惰性删除\n3、有几个槽？\n   很多\n4、完了\n"
    assert outline(note) == [("为什么快？",), ("过期策略",), ("有几个槽？",)]
    assert outline("为什么快？\n\n1. 都在内存里\n2. 单线程\n   没有锁\n") == [("为什么快？",)]
    steps = "## 1. 安装\n1. 下载\n   - 官网\n2. 解压\n   - tar\n3. 运行\n   - 启动\n"
    assert outline(steps) == [("1. 安装",)]


def test_a_numbered_question_goes_on_behind_the_list_of_an_answer() -> None:
    text = "1. 锁是什么？\n一种约定。\n- 读锁\n- 写锁\n2. 怎样避免死锁？\n- 固定顺序\n- 设超时\n"
    assert outline(text) == [("1. 锁是什么？",), ("2. 怎样避免死锁？",)]
    listed = "1. 锁是什么？\n一种约定。\n\n要查的：\n- 读锁\n- 写锁\n- 谁拿着写锁？\n先看进程。"
    assert outline(listed) == [("1. 锁是什么？",)]


def test_numerals_outrank_bullets_and_labels() -> None:
    text = "# 笔记\n一、甲\n- **乙？**\n    乙的正文。\n1.1 丙\n丙的正文。\n二、丁\n丁的正文。"
    assert outline(text) == [
        ("笔记",),
        ("笔记", "一、甲"),
        ("笔记", "一、甲", "乙？"),
        ("笔记", "一、甲", "1.1 丙"),
        ("笔记", "二、丁"),
    ]


@pytest.mark.parametrize(
    ("text", "title", "answer"),
    [
        ("Q: 迁移要多久？ A: 两周，双写 3 天。", "迁移要多久？", "A: 两周，双写 3 天。"),
        ("问：怎么做？答：先摘流量。", "怎么做？", "答：先摘流量。"),
        ("**Q1：怎么做？** **A1：** 先摘流量。", "怎么做？", "**A1：** 先摘流量。"),
        ("<details><summary>怎么缩容？</summary>先摘流量。</details>", "怎么缩容？", "先摘流量。"),
        ("<details>\n<summary>怎么缩容？</summary>\n先摘流量。</details>", "怎么缩容？", "先摘流量。"),
    ],
)
def test_a_heading_and_its_text_may_share_a_line(text: str, title: str, answer: str) -> None:
    before, after = "# 笔记\nQ: 为何？\n因为。\n", "\n# 下一篇"
    blocks = [block for block in parse(before + text + after) if block.kind != "noise"][3:]
    assert [block.headings for block in blocks] == [("笔记", title), ("笔记", title), ("下一篇",)]
    assert lines(before + text + after, blocks[1]) == [answer]


def test_the_title_of_a_callout_heads_its_quote() -> None:
    text = "# 笔记\n前。\n> [!note]- 主从延迟\n> 先看。\n>\n> - 再看\n\n后。"
    assert [(text[b.start : b.end], b.headings) for b in parse(text)[2:]] == [
        ("> [!note]- 主从延迟", ("笔记", "主从延迟")),
        ("先看。", ("笔记", "主从延迟")),
        ("- 再看", ("笔记", "主从延迟")),
        ("后。", ("笔记",)),
    ]


def test_the_end_of_a_folded_part_closes_its_summary() -> None:
    text = "# 笔记\n<details>\n<summary>答案？</summary>\n\n**理由**\n\n里面。\n\n</details>\n\n外面。"
    assert [(text[b.start : b.end], b.headings) for b in parse(text) if b.kind == "paragraph"] == [
        ("里面。", ("笔记", "答案？", "理由")),
        ("外面。", ("笔记",)),
    ]


def test_the_rank_of_a_heading_without_marks_is_below_the_six_of_markdown() -> None:
    ranks = [block.rank for block in parse("###### 甲\n- **乙**\n    丙。\n\n丁？\n\n戊。") if block.kind == "heading"]
    assert ranks[0] == 6
    assert ranks[1] > 6
    assert ranks[2] > ranks[1]


# --- content --------------------------------------------------------------------------------------------------------


def test_indented_text_is_prose_not_code() -> None:
    text = "### 1.怎样设置？\n    学习率1e-4\n    批量改成1"
    (block,) = [block for block in parse(text) if block.kind != "heading"]
    assert (block.kind, block.indent, lines(text, block)) == ("paragraph", 4, ["学习率1e-4", "批量改成1"])


def test_line_breaks_written_as_tags_part_lines() -> None:
    text = "<br>1. 先降维；\n<br>2. 再升维<br/>3）最后合并"
    assert lines(text, parse(text)[0]) == ["1. 先降维；", "2. 再升维", "3）最后合并"]


def test_lines_broken_at_a_column_are_joined() -> None:
    rows = [
        "模型读完左边全部的词之后再去预测下一个词也就是说右边的词对它来说始",
        "终不可见因此必须按顺序一个接一个地生成而不能同时生成所有的词所以",
        "很慢。",
    ]
    body = "\n    ".join(rows)
    text = f"因果建模\n\n    {body}\n    下一句。"
    block = parse(text)[1]
    assert lines(text, block) == [body, "下一句。"]


@pytest.mark.parametrize(
    "text",
    [
        "The model reads every token\nand predicts the next one.",
        "当模型很大时，\n显存不够。",
        "秩\n: 矩阵里独立的行数。",
    ],
)
def test_a_line_that_goes_on_is_joined(text: str) -> None:
    assert lines(text, parse(text)[0]) == [text]


def test_statements_one_a_line_stay_apart() -> None:
    text = "微调方式用lora\nlora的r设为8\nepoch 设为6"
    assert lines(text, parse(text)[0]) == text.split("\n")


@pytest.mark.parametrize(
    "item",
    ["- 甲", "* 甲", "+ 甲", "• 甲", "•甲", "1. 甲", "1.甲", "2）甲", "（3）甲", "a. 甲", "① 甲", "- [x] 甲", "10、甲"],
)
def test_list_items_have_many_marks(item: str) -> None:
    assert content(f"{item}\n  接着甲\n{item}") == [("item", f"{item}\n  接着甲"), ("item", item)]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("（一）甲", "（二）乙"),
        ("步骤一：甲", "步骤二：乙"),
        ("Step 1: a", "Step 2: b"),
        ("第一，甲", "第二，乙"),
        ("第一步：甲", "第二步：乙"),
        ("✅ 甲", "❌ 乙"),
        ("👉甲", "👉乙"),
        ("Ⅰ. 甲", "Ⅱ. 乙"),
    ],
)
def test_lines_that_begin_alike_are_items_and_one_alone_is_not(one: str, two: str) -> None:
    assert content(f"有：\n{one}\n{two}") == [("paragraph", "有："), ("item", one), ("item", two)]
    assert content(f"{one}\n正文") == [("paragraph", f"{one}\n正文")]


def test_a_number_with_decimals_begins_no_item() -> None:
    assert content("1.4bit 存储\n0.5 的概率") == [("paragraph", "1.4bit 存储\n0.5 的概率")]


@pytest.mark.parametrize(
    "table",
    [
        "| 甲 | 乙 |\n|---|:-:|\n| 1 | 2 |",
        "甲 | 乙\n--- | ---\n1 | 2",
        "| 首行就是数据 | 乙 |\n| --- | --- |\n| 1 | 2 |",
        "| 没有 | 表头线 |\n| 1 | 2 |",
        "<table>\n<tr><th>甲</th></tr>\n<tr><td>1</td></tr>\n</table>",
    ],
)
def test_tables(table: str) -> None:
    assert content(f"引言\n{table}\n\n后文") == [("paragraph", "引言"), ("table", table), ("paragraph", "后文")]


def test_the_rows_of_a_table_in_tags_are_its_lines() -> None:
    text = "<table><tr><th>甲</th></tr>\n<tr><td>1</td></tr>\n</table> 后文"
    table, after = parse(text)
    assert lines(text, table) == ["<table><tr><th>甲</th></tr>", "<tr><td>1</td></tr>\n</table>"]
    assert text[after.start : after.end] == "后文"


def test_tags_in_capitals_end_what_they_begin() -> None:
    table = "<TABLE>\n<TR><TD>1</TD></TR>\n</TABLE>"
    assert content(f"{table}\n\n后文\n\n{table.lower()}") == [
        ("table", table),
        ("paragraph", "后文"),
        ("table", table.lower()),
    ]


def test_bars_in_prose_make_no_table() -> None:
    assert content("求 P(a|b) 的值\n再求 P(b|a) 的值")[0][0] == "paragraph"


@pytest.mark.parametrize(
    "code",
    [
        "```python\n# 注释\n\n    x = 1\n```",
        "~~~\n``` 文字\n~~~",
        "````md\n```\n# 甲\n```\n````",
        "```sh\n> npm install\n::: tip\n```",
        "```python\n没有结束",
    ],
)
def test_fenced_code_is_one_block(code: str) -> None:
    assert content(code) == [("code", code)]


@pytest.mark.parametrize(
    "listing",
    [
        "# 列出镜像\ndocker image ls -a\n# 删除悬空镜像\ndocker image prune -f  # 不再询问",
        "PORT=8080\n# 只听本机\nHOST=127.0.0.1",
        'git commit -m "修复断言"\n# 推到远端\ngit push',
    ],
)
@pytest.mark.parametrize("above", ["", "清理磁盘\n"])
def test_a_hash_among_commands_begins_a_comment(listing: str, above: str) -> None:
    text = f"{above}{listing}\n\n完了。"
    assert outline(text) == []
    assert ("code", listing) in content(text)


@pytest.mark.parametrize(
    "code",
    [
        'log.info("回滚 {}", id);\nint value = compute(id); // 重算\nreturn value;\n}',
        "f = sigmoid(a)   # 遗忘门\ni = sigmoid(b)\nc = f * c + i",
        "max_batch_size: 64\ntimeout_ms: 3000\nkv_cache_fraction: 0.9",
    ],
)
def test_lines_that_are_no_prose_are_code_without_a_fence(code: str) -> None:
    assert content(f"步骤如下：\n{code}\n\n完了。") == [
        ("paragraph", "步骤如下："),
        ("code", code),
        ("paragraph", "完了。"),
    ]
    assert outline(f"# 步骤\n{code}") == [("步骤",)]


@pytest.mark.parametrize(
    "text",
    [
        "It needs\n(i) the motivation of a problem;\n(ii) the mathematics of a model;\n(iii) the algorithms that fit;",
        "precision / recall\nencoder / decoder\nbatch / layer",
        "x = 1\ny = 2",
        "first do this\nthen = the rest\nand so on\nto the end",
    ],
)
def test_lines_of_words_are_no_code(text: str) -> None:
    assert {kind for kind, _ in content(text)} <= {"paragraph", "item"}


def test_a_comment_below_text_is_no_heading_if_a_command_follows() -> None:
    text = "看端口\n# 谁占着 8080\nlsof -i :8080"
    assert content(text) == [("paragraph", "看端口"), ("code", "# 谁占着 8080\nlsof -i :8080")]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("# 看端口\nlsof -i :8080\n\n# 看磁盘\ndf -h", ["看端口", "看磁盘"]),
        ("一行正文\n# 标题\n另一行正文", ["标题"]),
        ("# loss\ncross entropy\n# optimizer\nadamw", ["loss", "optimizer"]),
        ("pip install -U pip\n# 背景\n\n正文", ["背景"]),
        ("| a | b |\n# 背景\nx = 1", ["背景"]),
        ("# One\nIt ends here.\n# Two\nIt is y = 2.", ["One", "Two"]),
    ],
)
def test_a_hash_before_text_or_a_single_command_begins_a_heading(text: str, titles: list[str]) -> None:
    assert [path[-1] for path in outline(text)] == titles


def test_a_query_that_is_not_closed_hides_nothing() -> None:
    assert content("```dataview\n正文") == [("code", "```dataview\n正文")]


def test_code_lines_keep_their_marks_and_lose_blank_lines() -> None:
    text = "```\n> a\n\n  b\n```"
    assert lines(text, parse(text)[0]) == ["```", "> a", "b", "```"]


def test_a_fence_that_is_only_closed_does_not_swallow_the_rest() -> None:
    assert content("x = 1\n```\n\n# 标题\n正文") == [("paragraph", "x = 1"), ("noise", "```"), ("paragraph", "正文")]


@pytest.mark.parametrize(
    "formula",
    ["$$\na = b\n\n+ c\n$$", "$$ a = b $$", "\\[ a \\]", "\\begin{align*}\na\n\\end{align*}", "$$a$$ :eqlabel:`x`"],
)
def test_displayed_formulas(formula: str) -> None:
    assert content(f"有\n{formula}\n其中") == [("paragraph", "有"), ("formula", formula), ("paragraph", "其中")]


@pytest.mark.parametrize("text", ["$$a$$ 表示能量。", "$$ 没有结束\n\n下一段", "$5 一个"])
def test_what_begins_like_a_formula_may_be_prose(text: str) -> None:
    assert content(text)[0][0] == "paragraph"


@pytest.mark.parametrize(
    "noise",
    [
        "![图](a.png)",
        '<img src="笔记 images/Untitled 1.png">',
        "[![badge](a.svg)](https://example.org)",
        "![[图.png]]",
        "---",
        "* * *",
        "https://example.org/a?b=c",
        "<https://example.org>",
        "<br>",
        '<div align="center">',
        "<p><img src='a.png'/></p>",
        "&nbsp;",
        "[1]: https://example.org",
        "[TOC]",
        "- [第一节](#first)",
        "-",
        "<!-- 一\n\n二 -->",
        ":label:`sec_a`",
        "——————",
        "─ ─ ─",
        "═══",
        "···",
        "# ———",
        "<aside>",
        "%%",
        "%% 私人 %%",
        "%%\n一\n\n二 %%",
        "```dataview\nTABLE x\n```",
        "```tasks\nnot done\n```",
        "id:: 65a1b2c3-d4",
        "- collapsed:: true",
        "{{embed ((65a1b2c3))}}",
        "- {{query (todo now)}}",
        "[图片]",
        "[Image] [链接]",
    ],
)
def test_noise_is_kept_apart(noise: str) -> None:
    assert content(f"前文\n\n{noise}\n后文") == [("paragraph", "前文"), ("noise", noise), ("paragraph", "后文")]


@pytest.mark.parametrize(
    "text",
    [
        "词尾加上“</w>”作记号",
        "</w>",
        "[文字](https://example.org)",
        "[[另一篇]]",
        "[^1]: 脚注",
        "[batch, seq]: 输出的形状",
        "www.example.org是一个网站",
        "参考：https://example.org",
        "作者:: 张三",
        "std::vector",
        "[图片]说明",
        "{{ variable }}",
        "第一次：100%%",
    ],
)
def test_what_only_looks_like_noise_is_content(text: str) -> None:
    assert content(text) == [("paragraph", text)]


def test_text_after_a_comment_is_content() -> None:
    assert content("<!-- 甲 --> 乙\n<!-- 丙\n--> 丁") == [
        ("noise", "<!-- 甲 -->"),
        ("paragraph", "乙"),
        ("noise", "<!-- 丙\n-->"),
        ("paragraph", "丁"),
    ]


def test_front_matter_is_noise_and_a_rule_is_not_front_matter() -> None:
    assert content("---\ntitle: 甲\ntags:\n  - 乙\n---\n正文")[0] == ("noise", "---\ntitle: 甲\ntags:\n  - 乙\n---")
    assert content("---\n正文。\n---\n后文") == [
        ("noise", "---"),
        ("paragraph", "正文。"),
        ("noise", "---"),
        ("paragraph", "后文"),
    ]


@pytest.mark.parametrize(
    "front",
    [
        "---\ndate created: 2024-01-01\ndate of last review: 2024-02-01\n---",
        "---\n标签: [RAG]\n---",
        "---\n# 注\n\ntitle: 甲\n---",
        "---\ntags:\n" + "- 乙\n" * 100 + "---",
        "---\nog.image: a.png\n\nsub-title:\n  丙。\n...",
        "---\ndescription: How it works.\n---",
        "---\ntitle: Foo\nReading time (min): 20\nauthor/s: Bob\n---",
        '+++\ntitle = "甲"\n[params]\ntags = [\n"乙",\n]\n+++',
    ],
)
def test_metadata_at_the_top_is_noise(front: str) -> None:
    assert content(front + "\n正文") == [("noise", front), ("paragraph", "正文")]


@pytest.mark.parametrize(
    "prose",
    [
        "今天很忙。\ntitle: 甲",
        "Mood: good\nWent to the lab.",
        "I learned two things: it works.",
        "注意: 正文不要改。",
        "注意：正文不要改",
        "注意: 正文不要改",
        "Things to buy:\n- milk\n- bread",
        "Meeting with Bob: discuss pricing",
        "https://example.org 很好",
        "Meeting 10:30 with Bob",
        "- 甲\n- 乙: 丙",
    ],
)
def test_prose_between_two_rules_at_the_top_stays_text(prose: str) -> None:
    blocks = content(f"---\n{prose}\n\n---\n正文")
    kept = [text for kind, text in blocks if kind != "noise"]
    assert "\n".join(kept) == f"{prose}\n正文"


def test_a_quote_is_read_like_any_other_text() -> None:
    text = "> 第一段。\n>\n> - 甲\n> - 乙\n>\n> ```\n> x\n> ```\n没有引用。"
    assert content(text) == [
        ("paragraph", "第一段。"),
        ("item", "- 甲"),
        ("item", "- 乙"),
        ("code", "```\n> x\n> ```"),
        ("paragraph", "没有引用。"),
    ]


def test_a_comparison_is_no_quote() -> None:
    assert content(">100 时不行\n>= 5") == [("paragraph", ">100 时不行\n>= 5")]


@pytest.mark.parametrize(
    "text",
    [
        "::: tip\n要点。\n:::",
        ":::tip\n要点。\n:::",
        "> [!NOTE]\n> 要点。",
        "> [!my-note|wide]\n> 要点。",
        "!!! note\n    要点。",
        "::: details 要点。\n:::",
    ],
)
def test_the_marks_of_an_admonition_are_left_out(text: str) -> None:
    assert content(text) == [("paragraph", "要点。")]


def test_blank_lines_may_hold_spaces() -> None:
    assert content("甲\n    \n乙\n\u00a0\n丙\n\u3000\n丁") == [("paragraph", c) for c in "甲乙丙丁"]


def test_an_empty_text_has_no_blocks() -> None:
    assert parse("") == []
    assert parse(" \n\n\u3000") == []


# --- questions ------------------------------------------------------------------------------------------------------


def test_a_section_of_nothing_but_questions_is_marked() -> None:
    text = "# 提问\n1.为什么要热身?\n2.请介绍一下衰减 3.怎样选批量?\n\n# 优化器\n开头的方差大。\n\n怎么热身？热多久？"
    assert [kind for kind, _ in content(text)] == ["questions", "questions", "paragraph", "paragraph"]


def test_a_list_of_questions_without_marks_is_marked() -> None:
    listed = "# 提问\n1. 热身多久\n2. beta2 设多大\n3. 怎么选批量\n\n热身和衰减的区别\n批量差在哪\n分几步\n"
    assert [kind for kind, _ in content(listed)] == ["questions"] * 4
    answered = "# 提问\n热身多久，要看批量。\n- 怎么选批量\n- beta2 设多大\n- 分几步\n- 先热身\n- 再衰减\n"
    assert "questions" not in [kind for kind, _ in content(answered)]


def test_a_list_of_questions_in_an_answered_section_is_marked() -> None:
    text = "# 优化器\n热身是把学习率慢慢升上去。\n\n思考题：1.热多久? 2.怎么热? 3.讲一下衰减 4.何时停?"
    assert [kind for kind, _ in content(text)] == ["paragraph", "questions"]


# --- hostile input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    [
        *"*_|#`$<([!?.=-~>\u3000",
        *[
            "![",
            "\\[",
            "\\(",
            "<!--",
            "# ",
            "- ",
            "a. ",
            "1. ",
            "$$",
            "|-",
            "<b>",
            "<table>",
            "[a](",
            "[[",
            "www.",
            "**a",
        ],
        *[
            "a？\n",
            "- **a**\n",
            "Q: a\n",
            "Q: a? A: b\n",
            "<summary>a</summary>b</details>\n",
            "%%\na\n",
            "> [!a] b\n> c\n\n",
            "✅ a\n",
            "$$ a\n",
            "\\[\n",
            "<!-- a\n",
            "<table>\n",
            "```\n",
            "# a\n",
            'a "=\n',
            "# a\nx='\n",
            "````py\n",
            "> a\n",
            "|\n",
        ],
    ],
)
def test_a_long_run_of_one_mark_is_read_in_linear_time(unit: str) -> None:
    text = unit * (40_000 // len(unit)) + "x"
    blocks = parse(text)
    assert blocks[-1].end == len(text)
