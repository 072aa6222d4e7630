import pytest

from rag.kinds import unmentioned_kinds
from tests.rag.sample_hits import hit

SERVICES = [
    hit("超时时间是 30 秒，超过就返回 504。", "订单服务"),
    hit("搜索走另一条链路。", "支付服务"),
    hit("数据库端口是 5433。", "环境", ("测试环境",)),
    hit("数据库端口是 5432。", "环境", ("生产环境",)),
]


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("网关服务的超时时间是多少", ("网关服务",)),
        ("登录服务超时多久", ("登录服务",)),
        ("订单服务和网关服务的超时时间", ("网关服务",)),
        ("订单服务的超时时间", ()),
        ("搜索服务的超时时间", ()),
        ("怎么重启服务", ()),
        ("哪个服务超时最久", ()),
        ("两个服务分别超时多久", ()),
        ("服务的超时时间", ()),
    ],
)
def test_one_that_the_notes_do_not_have_is_told_from_those_that_they_have(
    question: str, asked: tuple[str, ...]
) -> None:
    assert unmentioned_kinds(question, SERVICES) == asked


def test_only_what_the_first_hit_is_one_of_is_a_kind() -> None:
    assert unmentioned_kinds("开发环境的端口", SERVICES) == ()
    assert unmentioned_kinds("开发环境的端口", SERVICES[::-1]) == ("开发环境",)


def test_a_single_one_is_no_kind() -> None:
    assert unmentioned_kinds("网关服务的超时时间", SERVICES[:1]) == ()
    assert unmentioned_kinds("网关服务的超时时间", []) == ()
