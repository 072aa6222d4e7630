import pytest

from rag.numerals import has_other_number, spelt_as_in


@pytest.mark.parametrize(
    ("cited", "claim", "spelt"),
    [
        ("Encoder 一共二十四层", "编码器有 24 层", "编码器有二十四层"),
        ("There are twelve heads", "共 12 个头", "共 twelve 个头"),
        ("模型有 70 亿参数", "The model has 7B parameters.", "The model has 70 亿 parameters."),
        ("学习率取 1e-4", "学习率取 0.0001，不是 0.001", "学习率取 1e-4，不是 0.001"),
        ("层数二十四，头数 12", "12 个头，24 层，没有 48", "12 个头，二十四层，没有 48"),
        # What is written alike already stays, and so do words that are perhaps no numbers.
        ("第 2 步加 24，一共二十四", "24 是结果", "24 是结果"),
        ("第 1 步", "这是一种做法", "这是一种做法"),
        ("百度千问", "共 100 个", "共 100 个"),
        ("百科的条目，千万不要删", "共 100 条，1000 万次", "共 100 条，1000 万次"),
        ("有 3 到 4 种", "有三四种可用", "有三四种可用"),
        ("dropout 取 0.1", "dropout 取 10%，不是 10", "dropout 取 0.1，不是 10"),
    ],
)
def test_the_numbers_of_a_claim_are_spelt_as_in_what_it_cites(cited: str, claim: str, spelt: str) -> None:
    assert spelt_as_in(cited, claim) == spelt


def test_a_wide_comma_parts_numbers() -> None:
    assert not has_other_number("batch 取 8，128 都行", "batch 可以是 128，也可以是 8", "")
    assert has_other_number("batch 取 8,128", "batch 可以是 128，也可以是 8", "")


def test_a_unit_without_a_digit_is_no_number() -> None:
    assert has_other_number("共 10000 条", "万能钥匙", "")
    assert has_other_number("参数量 1000 万", "千万不要这样做", "")
    assert not has_other_number("参数量 100 万", "有百万参数", "")


def test_a_percentage_is_its_fraction() -> None:
    assert not has_other_number("dropout 取 10%", "dropout 取 0.1", "")
    assert not has_other_number("取 0.05", "取５％", "")
    assert has_other_number("dropout 取 10%", "dropout 取 0.2", "")


@pytest.mark.parametrize(
    ("claim", "cited", "other"),
    [
        ("发布在周三", "发布窗口是周二和周四", True),
        ("每周三上线", "每周二上线", True),
        ("It ships on Wednesday.", "It ships on Tuesdays.", True),
        ("发布在周四", "发布窗口是周二和周四", False),
        ("星期日停机", "星期天停机", False),
        ("周三发布", "It ships on Wednesday.", False),
        ("每周一次", "每 7 天一次", False),
        ("一周三次", "每周做三次", False),
    ],
)
def test_another_day_of_the_week_is_another_number(claim: str, cited: str, other: bool) -> None:
    assert has_other_number(claim, cited, "") is other
