import pytest

from rag.names import names
from rag.scope import are_told_apart
from rag.types import Statement
from tests.rag.sample_hits import hit

Side = tuple[str, tuple[str, ...], str]


def statement(side: Side, path: str) -> Statement:
    title, headings, text = side
    found = hit(text, title, headings, path)
    return Statement(found, 0, 0, "paragraph", 0, headings, 0, len(text), text)


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("重试几次", ("订单服务", (), "最多重试 3 次"), ("支付服务", (), "最多重试 5 次")),
        ("重试几次", ("汇总", (), "订单服务的重试上限是 3 次"), ("速查", (), "支付服务的重试上限是 5 次")),
        ("P99 是多少", ("周报 2024-01-08", (), "P99 是 320 毫秒"), ("周报 2024-01-15", (), "P99 是 280 毫秒")),
        ("例会预算", ("三月例会", (), "预算是 20 万"), ("四月例会", (), "预算是 35 万")),
        ("Redis 端口", ("速查", (), "Redis 端口 6379"), ("端口", (), "默认端口 3306")),
        ("分区数", ("集群", (), "分区数是 48"), ("业务集群", (), "分区数是 12")),
        ("端口是多少", ("数据库", (), "端口是 5432"), ("上线记录", (), "生产环境的端口是 5433")),
        (
            "default timeout",
            ("a", (), "The default timeout for uploads is 300 seconds."),
            ("b", (), "The default timeout for calls is 15 seconds."),
        ),
    ],
)
def test_what_headings_names_or_exchanged_words_tell_apart(question: str, one: Side, other: Side) -> None:
    assert are_told_apart(names(question), statement(one, "a.md"), statement(other, "b.md"))
    assert are_told_apart(names(question), statement(other, "b.md"), statement(one, "a.md"))


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        (
            "订单服务的超时时间",
            ("订单服务设计", (), "接口的超时时间是 30 秒"),
            ("值班手册", (), "订单服务的超时时间是 10 秒"),
        ),
        ("连接池多大", ("数据库", (), "连接池大小为 100"), ("踩坑", (), "连接池大小设为 50，再大就会打满数据库")),
        ("学习率取多少", ("微调笔记", (), "学习率一般设为 1e-4"), ("面试笔记", (), "学习率建议设为 2e-4")),
        ("预热几步", ("训练", ("学习率预热",), "用 500 步"), ("速查", ("预热",), "学习率预热用 2000 步")),
        ("端口是多少", ("生产环境", (), "端口是 5432"), ("上线记录", (), "生产环境的端口是 5433")),
        ("端口是多少", ("速查", (), "端口是 5432"), ("上线记录", (), "我们的端口是 5433")),
        ("组间休息多久", ("面经 1", (), "组间休息 90 秒"), ("面经 2", (), "组间休息 30 秒")),
        (
            "有什么偏差",
            ("评测", ("裁判模型有什么偏差？",), "偏向先出现的回答"),
            ("日记", ("用它打分有什么偏差？",), "偏向后出现的回答"),
        ),
    ],
)
def test_two_notes_about_one_thing_are_not_told_apart(question: str, one: Side, other: Side) -> None:
    assert not are_told_apart(names(question), statement(one, "a.md"), statement(other, "b.md"))


def test_files_of_one_name_in_two_folders_are_about_different_things() -> None:
    one, other = ("Config", (), "2 replicas"), ("Config", (), "12 replicas")
    assert are_told_apart([], statement(one, "staging/config.md"), statement(other, "production/config.md"))
    assert not are_told_apart([], statement(one, "config.md"), statement(other, "production/config.md"))
    assert not are_told_apart([], statement(one, "staging/a.md"), statement(other, "production/b.md"))


def test_sections_of_one_note_side_by_side_are_about_different_things() -> None:
    staging, production = ("Deploy", ("staging",), "2 replicas"), ("Deploy", ("production",), "12 replicas")
    assert are_told_apart(names("how many replicas"), statement(staging, "a.md"), statement(production, "a.md"))
    assert not are_told_apart(names("how many replicas"), statement(staging, "a.md"), statement(production, "b.md"))
