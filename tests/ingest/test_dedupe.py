import pytest

from ingest.dedupe import SHORT, band_keys, components, nearly_equal, text_key
from ingest.types import Chunk

LONG = (
    "低秩适配冻结预训练权重，只在注意力的投影矩阵旁边加上两个小矩阵，训练时只更新它们，所以优化器状态占用的显存很少；"
    "推理之前可以把两个小矩阵的乘积加回原来的权重，于是推理时没有额外的延迟。"
    "常用的秩是 8 或 16，任务越复杂，秩就取得越大。"
    "实际项目里通常先用默认设置跑一遍，看验证集上的损失，再决定要不要调整学习率和目标模块。"
)
ENGLISH = (
    "Low-rank adaptation freezes the weights and trains two small matrices beside each projection, so the optimiser "
    "keeps little state; before inference their product is added back to the weights and costs no latency at all."
)


def chunk(text: str, title: str = "笔记", headings: tuple[str, ...] = ()) -> Chunk:
    return Chunk("id", "a.md", title, headings, 0, len(text), text, 1)


def are_duplicates(left: str, right: str) -> bool:
    return bool(set(band_keys(left)) & set(band_keys(right))) and nearly_equal(left, right)


@pytest.mark.parametrize(
    "other",
    [
        LONG,
        LONG.replace("，", ", ").replace("。", "。\n\n"),
        LONG.replace("通常", "往往"),
        "- **" + LONG.replace("；", "；\n") + "**",
    ],
)
def test_the_same_words_in_another_dress_are_duplicates(other: str) -> None:
    assert are_duplicates(LONG, other)


@pytest.mark.parametrize(
    "other",
    [
        LONG.replace("8", "4"),
        LONG.replace("没有额外", "有额外"),
        LONG.replace("越大", "越小"),
        LONG.replace("显存很少", "显存不少"),
        LONG + "不过在显存很紧张的机器上，还是先试试更小的批次比较稳妥一点。",
        LONG.replace("投影矩阵", "LayerNorm 矩阵"),
    ],
)
def test_what_may_contradict_or_adds_something_is_no_duplicate(other: str) -> None:
    assert not are_duplicates(LONG, other)


def test_function_words_of_english_may_differ_but_others_may_not() -> None:
    assert are_duplicates(ENGLISH, ENGLISH.replace("before inference", "before the inference"))
    assert not are_duplicates(ENGLISH, ENGLISH.replace("no latency", "some latency"))
    assert not are_duplicates(ENGLISH, ENGLISH.replace("trains two", "does not train two"))


def test_swapped_subjects_are_no_duplicates() -> None:
    text = LONG + "BERT 比 GPT 更适合做分类。"
    assert not are_duplicates(text, LONG + "GPT 比 BERT 更适合做分类。")


def test_operators_between_terms_count() -> None:
    code = LONG + " x = a + b"
    assert not are_duplicates(code, LONG + " x = a - b")


def test_a_short_text_has_no_near_duplicates() -> None:
    assert band_keys("短" * (SHORT - 1)) == ()
    assert len(band_keys(LONG)) == 16


def test_white_space_does_not_make_another_text() -> None:
    assert text_key(chunk(LONG)) == text_key(chunk(LONG.replace("。", "。\n  ")))


def test_a_short_text_means_something_under_its_headings_only() -> None:
    assert text_key(chunk("占用显存少。", headings=("LoRA",))) != text_key(chunk("占用显存少。", headings=("QLoRA",)))
    assert text_key(chunk("占用显存少。", headings=("LoRA",))) == text_key(chunk("占用 显存少。", headings=("LoRA",)))
    assert text_key(chunk(LONG, headings=("LoRA",))) == text_key(chunk(LONG, headings=("QLoRA",)))


def test_groups_are_what_hangs_together() -> None:
    assert components([5, 1, 2, 3, 9], [(2, 3), (3, 5)], lambda *_: True) == {1: 1, 2: 2, 3: 2, 5: 2, 9: 9}
    equal = {(1, 4), (2, 5), (3, 4), (5, 6)}
    groups = components(range(1, 8), [range(1, 6), (5, 6), (3, 7)], lambda *pair: pair in equal)
    assert groups == {1: 1, 2: 2, 3: 1, 4: 1, 5: 2, 6: 2, 7: 7}


def test_two_of_one_group_are_not_compared() -> None:
    asked: list[tuple[int, int]] = []
    components(range(50), [range(50)] * 3, lambda *pair: not asked.append(pair))  # type: ignore[func-returns-value]
    assert len(asked) == 49
