from dataclasses import replace

import pytest

from ingest.structure import Kind
from ingest.types import Chunk
from rag.generate import ExtractiveGenerator, display, plain
from rag.similarity import EmbeddedSimilarity
from rag.statement_reader import StatementReader
from rag.statements import statements
from rag.types import Draft, Hit, Query, Statement, leads_in
from tests.fakes import FakeEmbedder

LIST = """## 正则化手段
常用的有三种：
1. 权重衰减：在损失里加参数的平方和
2. Dropout：训练时随机丢掉神经元
3. 早停：验证集损失不再下降就停
"""
PROSE = """## 学习率预热
预热是指前几百步把学习率从零升上去。它能避免刚开始时梯度过大。训练后期一般用余弦衰减。
"""


def hit(text: str, name: str = "a.md", headings: tuple[str, ...] = ()) -> Hit:
    return Hit(Chunk(name, name, "笔记", headings, 10, 10 + len(text), text, len(text)), 1.0, "fused")


reader = StatementReader(EmbeddedSimilarity(FakeEmbedder()), lambda chunk: (chunk,))


def ask(question: str, *hits: Hit) -> list[Draft]:
    query = Query(question, question)
    return list(ExtractiveGenerator(600).generate(query, hits, reader(query, hits)))


def quoted(draft: Draft) -> list[str]:
    return [s.hit.chunk.text[s.start - s.hit.chunk.start : s.end - s.hit.chunk.start] for s in draft.sources]


def test_a_list_keeps_all_its_items_in_order_with_its_lead_in() -> None:
    drafts = ask("正则化手段有哪些？", hit(LIST, headings=("正则化手段",)))
    assert [draft.text for draft in drafts] == [
        "常用的有三种：",
        "1. 权重衰减：在损失里加参数的平方和",
        "2. Dropout：训练时随机丢掉神经元",
        "3. 早停：验证集损失不再下降就停",
    ]


@pytest.mark.parametrize("announces", ["常用的有以下三种；", "常用的有下面 3 类。", "常用的如下", "常用的如下所示。"])
def test_a_lead_in_need_not_end_in_a_colon(announces: str) -> None:
    drafts = ask("正则化手段有哪些？", hit(LIST.replace("常用的有三种：", announces), headings=("正则化手段",)))
    assert [draft.text for draft in drafts][:2] == [announces, "1. 权重衰减：在损失里加参数的平方和"]


@pytest.mark.parametrize("sentence", ["温度要在 40 度以下。", "以下三种常用：权重衰减、Dropout、早停。"])
def test_a_sentence_that_announces_nothing_is_no_lead_in(sentence: str) -> None:
    assert not leads_in(sentence)


def test_statements_that_differ_in_a_number_do_not_repeat_each_other() -> None:
    note = hit("登录接口每分钟最多 10 次请求。查询接口每分钟最多 100 次请求。登录接口每分钟最多 10 次请求！")
    query = Query("每分钟最多几次请求", "每分钟最多几次请求")
    read = [replace(s, score=0.9, probability=0.9) for s in reader(query, [note])]
    drafts = list(ExtractiveGenerator(600).generate(query, [note], read))
    assert [draft.text for draft in drafts] == ["登录接口每分钟最多 10 次请求。", "查询接口每分钟最多 100 次请求。"]


@pytest.mark.parametrize(
    "question", ["Dropout 和早停的区别", "Which of them watches the validation loss, and which does not?"]
)
def test_a_question_of_one_or_two_things_does_not_bring_the_whole_list_of_an_item(question: str) -> None:
    note = hit(LIST, headings=("正则化手段",))
    query = Query(question, question)
    probabilities = (0.05, 0.03, 0.9, 0.8)
    read = [replace(s, score=p, probability=p) for s, p in zip(reader(query, [note]), probabilities, strict=True)]
    drafts = list(ExtractiveGenerator(600).generate(query, [note], read))
    assert [draft.text for draft in drafts] == ["2. Dropout：训练时随机丢掉神经元", "3. 早停：验证集损失不再下降就停"]


def test_a_list_of_other_things_does_not_come_with_its_one_item_that_fits() -> None:
    note = hit(LIST, headings=("正则化手段",))
    query = Query("早停有哪些判据", "早停有哪些判据")
    probabilities = (0.01, 0.01, 0.02, 0.6)
    read = [replace(s, score=p, probability=p) for s, p in zip(reader(query, [note]), probabilities, strict=True)]
    drafts = list(ExtractiveGenerator(600).generate(query, [note], read))
    assert [draft.text for draft in drafts] == ["3. 早停：验证集损失不再下降就停"]


def test_every_statement_cites_the_words_it_was_taken_from() -> None:
    for draft in ask("学习率预热是什么", hit(PROSE, headings=("学习率预热",))):
        assert quoted(draft) == [draft.text]


def test_the_same_statement_of_two_notes_is_said_once() -> None:
    one = hit("早停：验证集损失不再下降就停止训练。", "a.md")
    other = hit("早停：验证集损失不再下降就停止训练！", "b.md")
    drafts = ask("什么是早停", one, other)
    assert [draft.text for draft in drafts] == ["早停：验证集损失不再下降就停止训练。"]


def test_sections_of_one_heading_are_shown_with_what_stands_above_it() -> None:
    orders = hit("超过 30 秒就返回 504。", "orders.md", ("订单服务", "超时"))
    payments = hit("超过 20 秒就返回 504。", "payments.md", ("支付服务", "超时"))
    shown = [draft.before.strip() for draft in ask("超过多少秒返回 504", orders, payments)]
    assert shown == ["**订单服务 > 超时**", "**支付服务 > 超时**"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "先攒 50 到 200 条样例。它能覆盖主要路径，结论可信。",
            ["先攒 50 到 200 条样例。", "它能覆盖主要路径，结论可信。"],
        ),
        (
            "先攒 50 到 200 条样例。\n\n因此主要路径的结论可信。",
            ["先攒 50 到 200 条样例。", "因此主要路径的结论可信。"],
        ),
        ("先攒 50 到 200 条样例。主要路径的结论可信。", ["主要路径的结论可信。"]),
        ("- 先攒 50 到 200 条样例\n\n因此主要路径的结论可信。", ["因此主要路径的结论可信。"]),
        ("因此主要路径的结论可信。", ["因此主要路径的结论可信。"]),
    ],
)
def test_a_sentence_that_points_back_brings_the_one_before_it(text: str, answer: list[str]) -> None:
    assert [draft.text for draft in ask("主要路径的结论可信吗", hit(text))] == answer


def test_no_hits_give_no_statements() -> None:
    assert ask("什么是早停") == []


def test_a_heading_without_a_body_is_a_statement_among_others() -> None:
    found = list(statements(hit("### 查询改写\n### 重排\n把命中重新排序。"), 0))
    assert [(s.kind, s.text) for s in found] == [("heading", "### 查询改写"), ("paragraph", "把命中重新排序。")]


@pytest.mark.parametrize(
    ("kind", "indent", "text", "shown"),
    [
        ("item", 0, "- **权重衰减**：加平方和", "- 权重衰减：加平方和"),
        ("item", 8, "• 第二层", "- 第二层"),
        ("item", 0, "2.不带空格的编号", "2. 不带空格的编号"),
        ("item", 0, "（3）括号里的编号", "3. 括号里的编号"),
        ("item", 0, "⑫圈里的编号", "12. 圈里的编号"),
        ("paragraph", 0, "答：可以的。", "可以的。"),
        ("paragraph", 4, "被折行的中\n    文句子", "被折行的中文句子"),
        ("paragraph", 0, "wrapped English\n  words", "wrapped English words"),
        ("paragraph", 0, "早停\n: 损失不再下降就停", "早停: 损失不再下降就停"),
        ("paragraph", 0, "in a multi-\nhead layer -\nor two", "in a multi-head layer - or two"),
        ("table", 0, "| 方法 | 显存 |", "- 方法 · 显存"),
        ("table", 0, r"| Kong | [[Kong 部署\|网关]] | `a \| b` | 一<br><br>二 |", "- Kong · 网关 · `a | b` · 一；二"),
        ("code", 0, "```python\nx = 1\n```", "```python\nx = 1\n```"),
        ("code", 8, "```bash\n        ls \\\n          -l\n        ```", "```bash\nls \\\n  -l\n```"),
        ("code", 0, "```sql\n> SHOW TABLES\n> ```", "```sql\nSHOW TABLES\n```"),
        ("code", 0, "```\n> diff\n```", "```\n> diff\n```"),
        ("code", 0, "````sh\ndf -h", "````sh\ndf -h\n````"),
        ("code", 0, "# 看磁盘\ndf -h", "```\n# 看磁盘\ndf -h\n```"),
    ],
)
def test_display(kind: Kind, indent: int, text: str, shown: str) -> None:
    assert display(Statement(hit(text), 0, 0, kind, indent, (), 0, len(text), text)) == shown


NESTED = """## 上线
- 发布步骤
    1. 构建镜像
        ```bash
        docker build .
        ```
    2. 推送镜像到仓库
- 回退：
    - 找上一个版本号
    - 执行回退命令
- 联系人
"""


@pytest.mark.parametrize(
    ("best", "shown"),
    [
        ("- 回退：", ["- 回退：", "   - 找上一个版本号", "   - 执行回退命令"]),
        (
            "- 发布步骤",
            ["- 发布步骤", "   1. 构建镜像", "```bash\ndocker build .\n```", "2. 推送镜像到仓库"],
        ),
        (
            "1. 构建镜像",
            ["- 发布步骤", "   1. 构建镜像", "```bash\ndocker build .\n```", "2. 推送镜像到仓库"],
        ),
    ],
)
def test_a_label_brings_what_stands_below_it_and_an_item_its_own_list(best: str, shown: list[str]) -> None:
    note = hit(NESTED, headings=("上线",))
    query = Query("上线有哪些步骤", "上线有哪些步骤")
    likely = {s.text: 0.9 if s.text == best else 0.12 for s in statements(note, 0)}
    read = [replace(s, score=likely[s.text], probability=likely[s.text]) for s in statements(note, 0)]
    assert [draft.text for draft in ExtractiveGenerator(600).generate(query, [note], read)] == shown


def answered(text: str, best: str, question: str = "默认是多少", others: float = 0.05) -> list[str]:
    """The answer to a question whose best statement is ``best``, the probability of the others ``others``."""
    note = hit(text, headings=("设置",))
    likely = {s.text: 0.9 if s.text.strip().endswith(best) else others for s in statements(note, 0)}
    read = [replace(s, score=likely[s.text], probability=likely[s.text]) for s in statements(note, 0)]
    drafts = ExtractiveGenerator(600).generate(Query(question, question), [note], read)
    return [draft.text for draft in drafts]


def test_a_short_nested_item_comes_with_the_one_above_it() -> None:
    settings = "- `max_calls`\n    - 默认 4\n- `timeout_seconds`\n    - 默认 30\n"
    assert answered(settings, "默认 30") == ["- `timeout_seconds`", "   - 默认 30"]


def test_an_item_never_seems_to_be_part_of_another_one() -> None:
    long = "默认值是三十秒，超过以后会话会被关闭，里面没有提交的修改全部丢失，所以长任务要先把它调大再启动。"
    note = hit(f"- 重试四次\n- 超时\n    - {long}\n", headings=("设置",))
    read = [replace(s, score=0.9, probability=0.9) for s in statements(note, 0) if s.text != "- 超时"]
    whole = [*read[:1], *(s for s in statements(note, 0) if s.text == "- 超时"), *read[1:]]
    whole = [s if s.probability else replace(s, score=0.1, probability=0.01) for s in whole]
    drafts = list(ExtractiveGenerator(600).generate(Query("默认多久", "默认多久"), [note], whole))
    assert [draft.text for draft in drafts] == ["- 重试四次", f"- {long}"]


def test_a_question_in_a_paragraph_comes_with_its_answer_and_none_without_one() -> None:
    assert answered("什么时候重试？网络超时和 429。最多三次。", "什么时候重试？") == [
        "什么时候重试？",
        "网络超时和 429。",
    ]
    assert answered("秩取 8。\n\nalpha 到底该设多少？", "该设多少？") == []


def test_a_lead_in_brings_the_lines_below_it_as_items() -> None:
    note = "显存估算如下：\n    参数：12G\n    梯度：12G\n    优化器：72G\n\n长度翻倍时再看激活值。"
    shown = ["显存估算如下：", "- 参数：12G", "- 梯度：12G", "- 优化器：72G"]
    assert answered(note, "显存估算如下：") == shown
    assert answered(note, "优化器：72G") == ["优化器：72G"]


def test_lines_with_labels_are_a_list_without_marks() -> None:
    note = (
        "加速用了三招。\n\n分块:每次只取一小块。这样放得进片上内存。\n\n"
        "重算(Recompute):反向时再算一遍中间结果。\n\n融合:几个算子合成一个。\n\n别的以后再写。"
    )
    note_of = {
        "list": ["- 分块:每次只取一小块。", "- 重算(Recompute):反向时再算一遍中间结果。", "- 融合:几个算子合成一个。"],
        "one": ["重算(Recompute):反向时再算一遍中间结果。"],
    }
    best = "反向时再算一遍中间结果。"
    assert answered(note, best, "加速靠哪几招", others=0.12) == note_of["list"]
    assert answered(note, best, "重算是什么") == note_of["one"]
    assert answered(note, best, "加速靠哪几招") == note_of["one"]


def test_a_list_comes_whole_from_another_section_than_the_best_statement() -> None:
    best = hit("早停和权重衰减都是正则化手段。", "b.md", ("概述",))
    note = hit(LIST, headings=("正则化手段",))
    query = Query("正则化手段有哪些", "正则化手段有哪些")
    probabilities = (0.9, 0.05, 0.6, 0.3, 0.2)
    read = [replace(s, score=p, probability=p) for s, p in zip(reader(query, [best, note]), probabilities, strict=True)]
    drafts = list(ExtractiveGenerator(600).generate(query, [best, note], read))
    assert [draft.text for draft in drafts][2:] == [
        "1. 权重衰减：在损失里加参数的平方和",
        "2. Dropout：训练时随机丢掉神经元",
        "3. 早停：验证集损失不再下降就停",
    ]


def test_how_something_is_written_is_answered_with_code() -> None:
    note = "去重默认保留第一条。\n\n保留最后一条：\n\n```python\ndf.drop_duplicates(keep='last')\n```\n"
    code = ["保留最后一条：", "```python\ndf.drop_duplicates(keep='last')\n```"]
    assert answered(note, "去重默认保留第一条。", "去重怎么写") == ["去重默认保留第一条。", *code]
    assert answered(note, "去重默认保留第一条。", "去重默认保留哪条") == ["去重默认保留第一条。"]


def test_items_between_breaks_are_items() -> None:
    note = "1）对列用函数<br>2）隐式类型转换<br>3）前导模糊匹配"
    assert answered(note, "隐式类型转换") == ["2. 隐式类型转换"]
    assert answered("- 一行<br>接着写", "接着写") == ["- 一行接着写"]


FAULTS = """## 缓存的三类故障

线上都遇到过。

### 穿透

键在库里没有。用布隆过滤器挡住。

### 击穿

热点键刚好过期。给重建加互斥锁。

### 雪崩

大批键同时过期。过期时间加随机数。
"""


@pytest.mark.parametrize("best", ["线上都遇到过。", "给重建加互斥锁。"])
def test_headings_that_are_the_list_asked_for_come_each_with_its_best_statement(best: str) -> None:
    note = hit(FAULTS)
    fits = ("线上", "用布隆", "给重建", "过期时间")
    likely = [0.9 if s.text == best else 0.05 if s.text.startswith(fits) else 0.01 for s in statements(note, 0)]
    read = [replace(s, score=p, probability=p) for s, p in zip(statements(note, 0), likely, strict=True)]

    def said(question: str) -> list[str]:
        return [draft.text for draft in ExtractiveGenerator(600).generate(Query(question, question), [note], read)]

    assert said("缓存有哪些故障")[-3:] == ["用布隆过滤器挡住。", "给重建加互斥锁。", "过期时间加随机数。"]
    assert said("缓存击穿有哪些做法") == [best]
    assert said("缓存怎样预热") == [best]


def test_sections_below_one_heading_stand_in_the_order_of_the_note() -> None:
    parts = [hit(f"{name}。", "a.md", ("发布", name)) for name in ("灰度", "构建")]
    parts = [replace(h, chunk=replace(h.chunk, id=f"{at}", start=at)) for h, at in zip(parts, (90, 10), strict=True)]
    read = [replace(s, score=0.9, probability=0.9) for s in reader(Query("发布", "发布"), parts)]
    drafts = list(ExtractiveGenerator(600).generate(Query("发布", "发布"), parts, read))
    assert [draft.text for draft in drafts] == ["构建。", "灰度。"]


def test_whether_something_is_so_is_answered_by_another_note_too() -> None:
    here, there = hit("位置编码必须加。", "a.md", ("位置",)), hit("不加位置编码都行。", "b.md", ("掩码",))

    def said(question: str, probability: float = 0.1) -> list[str]:
        query = Query(question, question)
        first, second = reader(query, [here, there])
        read = [replace(first, score=2.0, probability=0.9), replace(second, score=-2.0, probability=probability)]
        return [draft.text for draft in ExtractiveGenerator(600).generate(query, [here, there], read)]

    assert said("位置编码要不要加") == ["位置编码必须加。", "不加位置编码都行。"]
    assert said("位置编码要不要加", 0.03) == ["位置编码必须加。"]
    assert said("怎样加位置编码") == ["位置编码必须加。"]
    assert said("层归一化要不要加") == ["位置编码必须加。"]


def test_items_stand_below_the_ones_that_they_are_part_of() -> None:
    note = "1. 分批\n    1. 第一批\n    2. 第二批\n        - 看错误率\n2. 全量\n"
    drafts = ask("分批和全量有哪些步骤", hit(note, headings=("分批和全量的步骤",)))
    assert [draft.text for draft in drafts] == [
        "1. 分批",
        "   1. 第一批",
        "   2. 第二批",
        "      - 看错误率",
        "2. 全量",
    ]


def test_plain_leaves_words_and_drops_layout_and_stray_spaces() -> None:
    assert plain('<br>见 [文档](https://a.b/c) <img src="x y.png"> **重点**') == "见文档重点"


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("张三 李四 参加", "张三 李四 参加"),
        ("从输入文 本里提取特征，因此 要管理好缓存", "从输入文本里提取特征，因此要管理好缓存"),
        ("第一行\n第二行 **重点** 之后", "第一行第二行重点之后"),
        ("first line\nsecond **point** after", "first line second point after"),
        ("用 <aside>温水</aside> 泡", "用温水泡"),
    ],
)
def test_spaces_between_chinese_stay_only_where_they_separate_names(note: str, shown: str) -> None:
    assert plain(note) == shown


def test_the_rest_of_a_hits_section_is_read_with_it() -> None:
    first = hit("常用的手段：\n1. 权重衰减：加平方和", headings=("正则化手段",))
    rest = hit("2. 早停：验证集损失不再下降就停", "b", ("正则化手段",))
    chunks = (first.chunk, replace(rest.chunk, document_id="a.md", start=100, end=100 + len(rest.chunk.text)))
    query = Query("正则化手段有哪些", "正则化手段有哪些")
    found = StatementReader(EmbeddedSimilarity(FakeEmbedder()), lambda chunk: chunks)(query, [first])
    drafts = list(ExtractiveGenerator(600).generate(query, [first], found))
    assert [draft.text for draft in drafts] == [
        "常用的手段：",
        "1. 权重衰减：加平方和",
        "2. 早停：验证集损失不再下降就停",
    ]


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("> 引用的一句话，\n> 第二行。", "引用的一句话，第二行。"),
        ("<td>显存</td> <b>16</b> GB", "显存 16 GB"),
        ("词尾加上 </w>，句首是 <s>。", "词尾加上 </w>，句首是 <s>。"),
        ("a > b 时停止", "a > b 时停止"),
        ("**NF4**：4 位，**FP4** 也是", "NF4：4 位，FP4 也是"),
        (
            "`<div>` 是块级元素，`f(**kwargs)`、`a[1](x)` 与 `__init__`",
            "`<div>` 是块级元素，`f(**kwargs)`、`a[1](x)` 与 `__init__`",
        ),
        ("__init__ 里写 2**10，__重点__", "__init__ 里写 2**10，重点"),
        ("**L**ow-**R**ank，**LoRA**r=8，__LoRA__", "Low-Rank，LoRAr=8，LoRA"),
        ("A100 每小时 $2，**H100** 每小时 $4。", "A100 每小时 $2，H100 每小时 $4。"),
        (r"用 pika\_scan 的 \-\-bigkeys，约 0\.5%\~1%", "用 pika_scan 的 --bigkeys，约 0.5%~1%"),
        (r"\(x\_1 \- y\) 与 `a\_b`", r"\(x\_1 \- y\) 与 `a\_b`"),
        (
            "见 [[慢查询|慢 SQL]]、[[RocketMQ#重试]]、[[归一化]]，a[[1, 2]]",
            "见慢 SQL、RocketMQ > 重试、归一化，a[[1, 2]]",
        ),
        ("命中率 ==35%==，a == b == c %%待查%%[^1] ^step1", "命中率 35%，a == b == c"),
        ("零\u200b宽", "零宽"),
        ("**is 和 ==**：is 比较 id，== 比较值。", "is 和 ==：is 比较 id，== 比较值。"),
        ("*args, **kwargs，5 * 3 ** 2", "*args, **kwargs，5 * 3 ** 2"),
        ("学习率 10<sup>-3</sup>，H<sub>2</sub>O", "学习率 10^-3，H2O"),
        ("A &amp; B&nbsp;&lt; C，`&amp;`", "A & B < C，`&amp;`"),
        ("先*迁移*再 a*b*c", "先迁移再 a*b*c"),
        ("#5 机房，#include 头文件", "#5 机房，#include 头文件"),
        ("见 [`torch.cat`](https://pytorch.org/docs) 与 $a**b$", "见 `torch.cat` 与 $a**b$"),
    ],
)
def test_layout_of_the_note_is_not_shown_but_its_symbols_are(note: str, shown: str) -> None:
    assert plain(note) == shown


@pytest.mark.parametrize(
    ("note", "shown"), [("- [ ] 复习 RoPE", "- ☐ 复习 RoPE"), ("- [x] 复习 LoRA", "- ☑ 复习 LoRA")]
)
def test_a_task_shows_whether_it_is_done(note: str, shown: str) -> None:
    (draft,) = ask("复习", hit(f"{note}\n", headings=("计划",)))
    assert draft.text == shown


def test_something_is_said_on_either_side_of_a_comparison() -> None:
    dpo = hit("DPO 要有参考模型，损失里用两者之差。", "a.md", ("DPO",))
    simpo = hit("SimPO 用长度归一化的对数概率作奖励。", "b.md", ("SimPO",))
    query = Query("DPO 和 SimPO 要参考模型吗", "DPO 和 SimPO 要参考模型吗")
    likely, unlikely = reader(query, [dpo, simpo])
    found = [replace(likely, score=2.0, probability=0.9), replace(unlikely, score=-1.5, probability=0.15)]
    assert len(list(ExtractiveGenerator(600).generate(query, [dpo, simpo], found))) == 2
    assert len(list(ExtractiveGenerator(600).generate(replace(query, question="要参考模型吗"), [dpo], found))) == 1
    unread = [replace(statement, probability=None) for statement in found]
    assert len(list(ExtractiveGenerator(600).generate(query, [dpo, simpo], unread))) == 2


@pytest.mark.parametrize(
    ("question", "statements_said"),
    [("缓存和队列的区别", 2), ("缓存和队列差在哪", 2), ("缓存 vs 队列", 2), ("缓存能保证什么", 1)],
)
def test_a_comparison_says_more_than_what_is_as_likely_as_the_best(question: str, statements_said: int) -> None:
    note = "缓存保存读过的结果，读得快。\n\n消息在队列里依次处理，不会丢失。\n"
    assert len(answered(note, "读得快。", question, others=0.5)) == statements_said


def test_a_lead_in_is_not_said_without_what_it_announces() -> None:
    note = hit("- 早停看验证集的损失\n- 早停的参数：\n\n容忍的轮数一般取五。\n", headings=("早停",))
    query = Query("早停有哪些要点", "早停有哪些要点")
    item, lead, last = reader(query, [note])
    scored = [replace(item, score=2.0, probability=0.9), replace(lead, score=-3.0, probability=0.05)]

    def said(*read: Statement) -> list[str]:
        return [draft.text for draft in ExtractiveGenerator(600).generate(query, [note], read)]

    assert said(*scored, replace(last, score=-4.0, probability=0.02)) == ["- 早停看验证集的损失"]
    assert said(*scored, replace(last, score=1.9, probability=0.8))[1:] == ["- 早停的参数：", "容忍的轮数一般取五。"]


def test_code_that_is_asked_for_takes_no_room_from_what_is_said_of_it() -> None:
    code = "```nginx\n" + "proxy_set_header Upgrade $http_upgrade;\n" * 6 + "```"
    note = f"配置如下：\n\n{code}\n\n改完要重新加载。"
    assert answered(note, "改完要重新加载。", "转发怎么配", others=0.7) == ["配置如下：", code, "改完要重新加载。"]
    assert answered(note, "改完要重新加载。", "转发要重启吗", others=0.7) == ["改完要重新加载。"]


def said(question: str, *notes: tuple[Hit, float]) -> list[str]:
    """The answer from notes whose statements all have the same probability."""
    query = Query(question, question)
    read = [replace(s, score=p, probability=p) for rank, (note, p) in enumerate(notes) for s in statements(note, rank)]
    return [draft.text for draft in ExtractiveGenerator(600).generate(query, [note for note, _ in notes], read)]


def test_the_opposite_order_repeats_nothing() -> None:
    one, other = hit("先删除缓存，再更新数据库。", "a.md"), hit("先更新数据库，再删除缓存。", "b.md")
    assert len(said("先更新数据库还是先删除缓存", (one, 0.9), (other, 0.5))) == 2
    assert len(said("先更新数据库还是先删除缓存", (one, 0.9), (replace(one), 0.5))) == 1


def test_a_verdict_stays_with_its_reason() -> None:
    note = "No. Below a million vectors a plain scan is fast enough."
    reason = "Below a million vectors a plain scan is fast enough."
    assert answered(note, reason, "Is a vector database needed?") == ["No.", reason]
    assert answered(note, reason, "What is fast enough?") == [reason]


def test_a_heading_that_asks_something_else_adds_nothing_beside_one_that_asks_this() -> None:
    asked = hit("缩写没有展开。", "a.md", ("为什么召回率低？",))
    other = hit("混合检索提上去的。", "b.md", ("后来怎么提高的？",))
    plain_heading = hit("召回率低是因为缩写。", "c.md", ("复盘",))
    assert said("召回率为什么低", (asked, 0.9), (other, 0.8)) == ["缩写没有展开。"]
    assert len(said("召回率为什么低", (asked, 0.9), (plain_heading, 0.8))) == 2


def test_items_with_labels_that_are_not_asked_about_stay_out() -> None:
    note = "穿透：用布隆过滤器\n击穿：加互斥锁\n雪崩：过期时间加随机数"
    assert answered(note, "击穿：加互斥锁", "缓存击穿怎么解决", others=0.6) == ["击穿：加互斥锁"]
    assert len(answered(note, "击穿：加互斥锁", "缓存故障怎么解决", others=0.6)) == 3
    assert len(answered(note, "击穿：加互斥锁", "穿透和击穿怎么解决", others=0.6)) == 2
    merits = "缺点：比较慢\n优点：不丢数据\n场景：转账"
    assert answered(merits, "缺点：比较慢", "它有哪些优缺点", others=0.6) == ["- 缺点：比较慢", "- 优点：不丢数据"]
    steps = hit("- 训练：三轮\n- 评估：看召回\n", headings=("训练的步骤",))
    assert said("训练有哪些步骤", (steps, 0.9)) == ["- 训练：三轮", "- 评估：看召回"]
    followed = "击穿：请求全打到库\n\n应对方案：\n\n- 加互斥锁\n- 逻辑过期"
    assert len(answered(followed, "击穿：请求全打到库", "缓存击穿怎么解决", others=0.6)) == 4
    weighed = "- 优点：省显存\n- 不足：效果略差"
    assert len(answered(weighed, "- 优点：省显存", "它有哪些优缺点", others=0.6)) == 2
    numbered = "1. 收集数据\n2. 训练模型\n3. 评估"
    assert len(answered(numbered, "2. 训练模型", "训练模型有哪些步骤", others=0.6)) == 3


def test_a_list_of_which_most_is_chosen_comes_whole_if_all_is_asked_for() -> None:
    best = hit("都能防过拟合。", "b.md", ("总结",))
    note = hit("- 减少参数\n- 随机失活\n- 权重衰减", headings=("模型层面",))
    query = Query("过拟合有哪些办法", "过拟合有哪些办法")
    probabilities = (0.9, 0.7, 0.01, 0.6)
    read = [replace(s, score=p, probability=p) for s, p in zip(reader(query, [best, note]), probabilities, strict=True)]
    drafts = list(ExtractiveGenerator(600).generate(query, [best, note], read))
    assert [draft.text for draft in drafts][-3:] == ["- 减少参数", "- 随机失活", "- 权重衰减"]


def test_the_sides_of_a_comparison_may_be_headings_labels_and_lead_ins_of_the_notes() -> None:
    locks = [hit("提交时检查版本号。", "a.md", ("乐观锁",)), hit("先加锁再操作。", "b.md", ("悲观锁",))]
    assert len(said("乐观锁和悲观锁的区别", (locks[0], 0.9), (locks[1], 0.01))) == 2
    assert len(said("锁有什么区别", (locks[0], 0.9), (locks[1], 0.01))) == 1
    queues = "甲队列：\n吞吐高\n顺序读写\n乙队列：\n路由灵活\n延迟低"
    assert answered(queues, "路由灵活", "甲队列和乙队列对比", others=0.01) == [
        "甲队列：",
        "- 吞吐高",
        "- 顺序读写",
        "乙队列：",
        "- 路由灵活",
        "- 延迟低",
    ]


def test_a_short_item_brings_the_lead_in_of_its_list_if_there_are_several() -> None:
    assert answered("好处：\n\n- 便宜\n\n坏处：\n\n- 慢\n", "- 慢") == ["坏处：", "- 慢"]
    assert answered("好处：\n\n- 便宜\n- 快\n", "- 快") == ["- 快"]


def test_lines_without_marks_that_stand_alone_are_no_list() -> None:
    note = "换了模型\n训练变成 75 分钟\n没有提升"
    assert answered(note, "训练变成 75 分钟") == ["训练变成 75 分钟"]
