import pytest

from rag.order import reverses


@pytest.mark.parametrize(
    ("claim", "cited"),
    [
        ("先写库再删缓存", "缓存更新先删缓存再写库。"),
        ("LoRA 比 QLoRA 省显存", "实测 QLoRA 比 LoRA 更省显存，但慢一点。"),
        ("内存延迟低于磁盘", "磁盘延迟低于内存"),
        ("从 fp16 改为 bf16", "去年从 bf16 改为 fp16。"),
        ("QLoRA is slower than LoRA.", "LoRA is slower than QLoRA."),
        ("Run the migration before the deploy.", "Deploy before you run the migration."),
        ("Deploy after the tests.", "Run the tests after you deploy."),
        ("First quantise, then prune.", "First prune and then quantise."),
    ],
)
def test_the_opposite_order_of_the_same_things_is_told(claim: str, cited: str) -> None:
    assert reverses(claim, cited)
    assert reverses(cited, claim)
    assert not reverses(claim, claim)
    assert not reverses(claim, f"{claim} {cited}")


@pytest.mark.parametrize(
    ("claim", "cited"),
    [
        ("先灰度再全量", "先在灰度环境验证，然后全量发布"),
        ("Deploy after the migration", "Run the migration before the deploy"),
        ("预热期学习率从 0 升到峰值", "学习率从 0 线性升到峰值，再降到 0"),
        ("先预训练，再微调，最后对齐", "先预训练再做 SFT 微调，然后再做 RLHF 对齐"),
        ("QLoRA 比 LoRA 慢", "QLoRA 比 LoRA 省显存"),
        ("LoRA 比全量微调省", "LoRA 比 QLoRA 快"),
    ],
)
def test_other_sentences_about_an_order_are_not(claim: str, cited: str) -> None:
    assert not reverses(claim, cited)
    assert not reverses(cited, claim)
