import pytest

from rag.comparison import asks_one_thing, asks_whether, label_of, own_label, sides, speaks_of
from rag.types import Statement
from tests.rag.sample_hits import hit


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("GPT 和 BERT 的训练任务各是啥", ("GPT", "BERT")),
        ("NTK-aware vs NTK-by-parts: what differs?", ("NTK-aware", "NTK-by-parts")),
        ("LoRA 相比 QLoRA 差在哪", ("LoRA", "QLoRA")),
        ("PPO/DPO 怎么选", ("PPO", "DPO")),
        ("磁盘 I/O 怎么测", None),
        ("Do DPO and SimPO both need a reference model?", ("DPO", "SimPO")),
        ("LoRA 的秩怎么选", None),
        ("用 LoRA 微调 LLaMA", None),
        ("LoRA 和 lora 一样吗", None),
    ],
)
def test_sides_are_two_names_with_a_joint_between_them(question: str, found: tuple[str, str] | None) -> None:
    assert sides(question) == found


def test_a_statement_speaks_of_what_stands_in_it_or_in_its_heading() -> None:
    found = hit("它不需要参考模型。", headings=("SimPO 的做法",))
    statement = Statement(found, 0, 0, "paragraph", 0, ("SimPO 的做法",), 0, 9, found.chunk.text)
    assert speaks_of("simpo", statement, "DPO")
    assert not speaks_of("DPO", statement, "simpo")


def test_a_statement_below_the_heading_of_one_side_does_not_speak_of_the_other_it_names() -> None:
    found = hit("在 DPO 的基础上去掉参考模型。", headings=("SimPO 的做法",))
    statement = Statement(found, 0, 0, "paragraph", 0, ("SimPO 的做法",), 0, 16, found.chunk.text)
    assert speaks_of("SimPO", statement, "DPO")
    assert not speaks_of("DPO", statement, "SimPO")
    assert speaks_of("DPO", statement, "PPO")


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("位置编码能不能不要", True),
        ("DPO 算在线还是离线", True),
        ("有没有开销", True),
        ("百川也用 RoPE 吗？", True),
        ("是否要预热", True),
        ("Does the order matter?", True),
        ("I wonder whether it helps", True),
        ("为什么要预热", False),
        ("预热多少步", False),
        ("What does it normalise by?", False),
    ],
)
def test_whether_something_is_so_is_told_from_other_questions(question: str, asks: bool) -> None:
    assert asks_whether(question) is asks


@pytest.mark.parametrize(
    ("question", "one"),
    [
        ("端口默认是多少", True),
        ("预热多久", True),
        ("发布窗口是哪天", True),
        ("位置编码能不能不要", True),
        ("How many layers?", True),
        ("Where is the session kept?", True),
        ("为什么很多大模型用它", False),
        ("量化有几种方法", False),
        ("如何修改默认端口", False),
        ("What happens when the cache is full?", False),
    ],
)
def test_a_question_of_one_thing_is_told_from_others(question: str, one: bool) -> None:
    assert asks_one_thing(question) is one


@pytest.mark.parametrize(
    ("text", "heading", "own", "label"),
    [
        ("- **缓存**：放在内存里", "办法", "缓存", "缓存"),
        ("缓存", "办法", "", "缓存"),
        ("放在内存里，很快。", "2. 缓存", "", "缓存"),
        ("用它部署。", "Llama 3.1 部署", "", "Llama 3.1 部署"),
        ("见 https://example.org", "链接", "", "链接"),
    ],
)
def test_a_statement_has_its_own_label_or_that_of_its_heading(text: str, heading: str, own: str, label: str) -> None:
    statement = Statement(hit(text), 0, 0, "item", 0, (heading,), 0, len(text), text)
    assert (own_label(statement), label_of(statement)) == (own, label)


def test_things_with_the_same_first_word_are_told_apart() -> None:
    labels = ("Python 2.7", "Python 3.8")
    assert sides("Python 2.7 和 Python 3.8 的区别", labels) == labels
    statement = Statement(hit("旧版。"), 0, 0, "paragraph", 0, labels[:1], 0, 3, "旧版。")
    assert speaks_of(labels[0], statement, labels[1])
    assert not speaks_of(labels[1], statement, labels[0])
