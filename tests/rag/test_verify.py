from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ingest.protocols import Vectors
from rag.types import Draft, Source, Support
from rag.verify import Verifier
from tests.rag.sample_hits import TEA, hit

CITED = Source(TEA, 40, 55)
"""绿茶用 80 度左右的水冲泡。"""


class SaysAlways:
    """A judge that gives every pair the same probabilities, and keeps what it was shown."""

    def __init__(self, *probabilities: float) -> None:
        self.probabilities = probabilities
        self.seen: list[tuple[str, str]] = []

    def support(self, pairs: Sequence[tuple[str, str]]) -> Vectors:
        self.seen += pairs
        return np.array([self.probabilities] * len(pairs), np.float32)


def supported(text: str, cited: str, before: str = "", headings: tuple[str, ...] = ()) -> bool:
    """Whether a sentence that the judge finds supported stays so, whatever the words themselves show."""
    source = Source(hit(before + cited, headings=headings), len(before), len(before) + len(cited))
    support = Verifier(SaysAlways(0.9, 0.06, 0.04))([Draft(text, (source,))])[0]
    assert support is not None
    assert support.verdict in ("supported", "not_found")
    return support.verdict == "supported"


def verdict(text: str, *probabilities: float) -> Support | None:
    return Verifier(SaysAlways(*probabilities))([Draft(text, (CITED,))])[0]


def test_the_judge_reads_the_heading_and_the_cited_words() -> None:
    judge = SaysAlways(0.9, 0.05, 0.05)
    Verifier(judge)([Draft("绿茶不能用开水泡。", (CITED,))])
    assert judge.seen == [("泡茶 > 绿茶\n绿茶用 80 度左右的水冲泡。", "绿茶不能用开水泡。")]


def test_the_judge_reads_neither_list_marks_nor_other_spaces_than_between_chinese_and_latin() -> None:
    judge = SaysAlways(0.9, 0.05, 0.05)
    cited = Source(hit("用LoRA微调，显存降到16GB。"), 0, 17)
    Verifier(judge)([Draft(text, (cited,)) for text in ("2. 用 LoRA微调省显存。", "- 显存降到16GB。")])
    assert judge.seen == [
        ("笔记\n用 LoRA 微调，显存降到 16GB。", "用 LoRA 微调省显存。"),
        ("笔记\n用 LoRA 微调，显存降到 16GB。", "显存降到 16GB。"),
    ]


def test_the_sentence_before_the_cited_words_is_read_along() -> None:
    judge = SaysAlways(0.9, 0.05, 0.05)
    Verifier(judge)([Draft("茶汤会变苦。", (Source(TEA, 55, 65),))])
    assert judge.seen[0][0].endswith("\n绿茶用 80 度左右的水冲泡。水太烫会让茶汤变苦。")


@pytest.mark.parametrize(
    ("probabilities", "said"),
    [
        ((0.8, 0.1, 0.1), "supported"),
        ((0.35, 0.5, 0.15), "supported"),
        ((0.2, 0.7, 0.1), "contradicted"),
        ((0.2, 0.1, 0.7), "not_found"),
    ],
)
def test_the_verdict_is_what_the_judge_finds_likeliest_where_most_claims_are_right(
    probabilities: tuple[float, ...], said: str
) -> None:
    support = verdict("绿茶要用温水冲泡。", *probabilities)
    assert support is not None
    assert (support.verdict, round(support.probability, 3)) == (said, probabilities[0])


@pytest.mark.parametrize("sentence", ["绿茶用 90 度的水冲泡。", "绿茶用 V60 冲泡。"])
def test_a_number_or_name_that_is_not_cited_counts_against_whatever_the_judge_says(sentence: str) -> None:
    support = verdict(sentence, 1.0, 0.0, 0.0)
    assert support is not None
    assert support.verdict == "not_found"
    assert support.probability < 0.5


@pytest.mark.parametrize("mark", ["3. ", "③", "（3）", "(3) ", "3）", "**3. ", "步骤 3：", "Step 3: ", "第 3 步 "])
def test_the_number_of_an_item_is_none_of_the_notes(mark: str) -> None:
    support = verdict(f"{mark}绿茶用 80 度的水冲泡。", 1.0, 0.0, 0.0)
    assert support is not None
    assert support.verdict == "supported"


@pytest.mark.parametrize("sentence", ["绿茶用 80.0 度左右的水冲泡。", "绿茶用８０度的水冲泡。"])
def test_a_number_may_be_written_otherwise(sentence: str) -> None:
    support = verdict(sentence, 1.0, 0.0, 0.0)
    assert support is not None
    assert support.verdict == "supported"


def test_numbers_in_words_and_thousands_are_read() -> None:
    note = hit("分为三个阶段，共 1,000 条；Mistral 最快，10^6 步。")
    cited = Source(note, 0, len(note.chunk.text))
    said = ["共 3 个阶段，1000 条，10⁶ 步。", "共 4 个阶段。", "Mixtral 最快。"]
    verdicts = Verifier(SaysAlways(1.0, 0.0, 0.0))([Draft(text, (cited,)) for text in said])
    assert [support.verdict for support in verdicts if support] == ["supported", "not_found", "not_found"]


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("It took 3 days on 8 GPUs.", "It took three days on eight GPUs."),
        ("It took three days on eight GPUs.", "It took 3 days on 8 GPUs."),
        ("这个模型有 12 层。", "这个模型有十二层。"),
        ("共一百二十八维，两万条。", "共 128 维，2 万条。"),
        ("共 12000 条，2024 年。", "共一万二条，二〇二四年。"),
        ("准确率 80%，3.5 倍。", "准确率百分之八十，三点五倍。"),
        ("It has 7B parameters.", "It has 7 billion parameters."),
        ("It has 7 billion parameters.", "It has 7B parameters."),
        ("7B 的模型。", "7 或 13B 的模型。"),
        ("用了 1.5T token。", "用了 1.5 万亿 token。"),
        ("上下文是 4096，学习率是 0.0001。", "上下文是 4k，学习率是 1e-4。"),
        ("The 2nd run has 256 heads.", "The second run has two hundred and fifty-six heads."),
        ("它有 1x1 的卷积，学习率 2e-4。", "它有 1x1 的卷积，学习率 2e-4。"),
        # Counting what is named one by one; words that are rarely numbers.
        ("两种方法都省显存。", "LoRA 省显存，QLoRA 用 4 位，也省显存。"),
        ("十分稳定，一般只用一个。", "很稳定，共 4 个。"),
        ("One of them is the first.", "There are 4 models; the second is small."),
        ("3. 需要 4 个模型。", "需要 4 个模型。"),
        ("显存需要 16GB。", "显存需要 16 GB。"),
        ("延迟 20 ms。", "延迟 20ms。"),
        ("要等 5 s。", "要等 5 秒。"),
        ("学习率 10^-4。", "学习率 1e-4。"),
        (r"学习率 \(3 \times 10^{-4}\)。", "学习率 3e-4。"),
        ("至少 80 分。", "不低于 80 分。"),
        ("要 3 天。", "要 3 到 5 天。"),
    ],
)
def test_numbers_are_the_same_in_every_notation(sentence: str, cited: str) -> None:
    assert supported(sentence, cited)


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("RLHF needs three models in memory.", "RLHF needs 4 models in memory."),
        ("预算是去年的五倍。", "预算是去年的两倍。"),
        ("It stopped after the fourth epoch.", "It stopped after the second epoch."),
        ("这个模型有 24 层。", "这个模型有十二层。"),
        ("这个模型有二十四层。", "这个模型层数不多。"),
        ("用了 2 万条。", "用了 2 亿条。"),
        ("It has 7B parameters.", "It has 7M parameters."),
        ("学习率 2e-4。", "学习率 2e-5。"),
        ("显存需要 16MB。", "显存需要 16 GB。"),
        ("训练了 10 步。", "训练了 10 万步。"),
        ("It has 5 users.", "It has 5 million users."),
        ("训练要一小时。", "训练要一分钟。"),
        ("延迟 20 秒。", "延迟 20 毫秒。"),
        ("Brew at 80 °F.", "Brew at 80 °C."),
        ("至多 8 个头。", "至少 8 个头。"),
        ("It needs Python 3.10 or earlier.", "It needs Python 3.10 or later."),
    ],
)
def test_another_number_counts_against_a_sentence_in_every_notation(sentence: str, cited: str) -> None:
    assert not supported(sentence, cited)


def test_a_number_must_be_in_the_cited_words_or_a_heading_not_before_them() -> None:
    assert not supported("微调用了 2 万条。", "微调用了 3 万条。", before="预训练用了 2 万亿 token。")
    assert supported("7B 的微调用了 3 万条。", "微调用了 3 万条。", headings=("一次 7B 微调",))


def test_a_name_is_known_after_a_sentence_that_ends_in_a_full_stop() -> None:
    assert supported("It uses ResNet-50.", "It is like ResNet-50.", before="This is one. That is small. ")


def test_chinese_names_that_are_exchanged_count_against_a_sentence() -> None:
    cited = "李开复在会上说，模型会在北京训练。"
    assert supported("李开复说，模型会在北京训练。", cited)
    assert not supported("王小川在会上说，模型会在北京训练。", cited)
    assert not supported("李开复在会上说，模型会在上海训练。", cited)
    # The tagger takes 张量 and 长度 for names.
    assert supported("张量放在显卡上。", "矩阵放在显卡上。")
    assert supported("该序列长度可变。", "序列可变，维度固定。")


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("梯度更稳定，不适合很深的网络，也不用预热。", "梯度更稳定，适合很深的网络，也不用预热。"),
        (
            "It does not keep the states in memory, and it offloads them.",
            "It keeps the states in memory and does not offload them.",
        ),
        ("It doesn’t keep two moments.", "It keeps two moments."),
        ("合并之后会增加推理延迟。", "合并之后不会增加推理延迟。"),
        ("PPO 不需要奖励模型。", "PPO 需要奖励模型。DPO 不需要奖励模型。"),
    ],
)
def test_a_clause_that_is_denied_counts_against_a_sentence(sentence: str, cited: str) -> None:
    assert not supported(sentence, cited)


def test_the_opposite_order_counts_against_a_sentence() -> None:
    cited = "更新缓存时先写库，再删缓存。QLoRA 比 LoRA 慢。"
    assert supported("先写库再删缓存。", cited)
    assert not supported("先删缓存再写库。", cited)
    assert not supported("LoRA 比 QLoRA 慢。", cited)


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("DPO 不需要奖励模型。", "PPO 需要奖励模型。DPO 不需要奖励模型。"),
        ("会增加推理延迟，如果不合并。", "如果不合并会增加推理延迟。"),
        ("The run does not fail.", "The run succeeds."),
        ("这种方法不仅快，而且准。", "这种方法快，而且准。"),
        ("It is not only fast but exact.", "It is fast and exact."),
        ("模型不得不重算激活值。", "模型要重算激活值。"),
        ("合并之后没有增加延迟。", "合并之后不会增加延迟。"),
    ],
)
def test_a_negation_elsewhere_does_not_count(sentence: str, cited: str) -> None:
    assert supported(sentence, cited)


TABLE = hit("| 方法 | 参数量 |\n|---|---|\n| LoRA | 0.1% |\n| Adapter | 3% |", title="微调")
ROW = Source(TABLE, 23, 38)
"""| LoRA | 0.1% |"""


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("LoRA 的参数量是 0.1%。", "微调\n- LoRA · 参数量: 0.1%"),
        ("| 方法 | 参数量 |\n|---|---|\n| LoRA | 0.1% |", "微调\n| 方法 | 参数量 |\n| LoRA | 0.1% |"),
    ],
)
def test_a_row_of_a_table_is_read_with_the_names_of_its_columns(sentence: str, read: str) -> None:
    judge = SaysAlways(0.9, 0.05, 0.05)
    Verifier(judge)([Draft(sentence, (ROW,))])
    assert judge.seen == [(read, sentence)]


def test_a_denial_of_what_is_not_denied_counts_against_it() -> None:
    plain, denied = verdict("绿茶用 80 度的水。", 0.9, 0.05, 0.05), verdict("绿茶不用 80 度的水。", 0.9, 0.05, 0.05)
    assert plain is not None
    assert denied is not None
    assert denied.probability < 0.5 < plain.probability


def test_the_notes_own_words_support_themselves_without_a_judge() -> None:
    judge = SaysAlways(0.0, 1.0, 0.0)
    assert Verifier(judge)([Draft("绿茶用 80 度左右的水冲泡。", (CITED,), quoted=True)]) == [Support("supported", 1.0)]
    assert judge.seen == []


def test_that_the_notes_do_not_say_something_is_no_claim_about_them() -> None:
    draft = Draft("资料里没有提到红茶。", ())
    verify = Verifier(SaysAlways(1.0, 0.0, 0.0))
    assert verify([draft, replace(draft, denies=True)]) == [Support("not_found", 0.0), None]


@pytest.mark.parametrize(
    ("sentence", "is_judged"),
    [
        ("ChatGLM 的归一化位置有两种说法。", False),
        ("绿茶用多热的水，笔记里的说法不一致。", False),
        ("The notes give two answers for text.", False),
        ("Your notes disagree on the temperature.", False),
        ("笔记有两种说法，一种是用开水泡。", True),
        ("两种说法都不对，要用冷水泡。", True),
        ("The notes disagree, but boiling water is right.", True),
    ],
)
def test_that_the_notes_disagree_is_no_claim_about_their_subject(sentence: str, is_judged: bool) -> None:
    assert (verdict(sentence, 0.0, 0.0, 1.0) is not None) == is_judged


def test_a_sentence_without_a_source_is_not_found_and_a_label_is_no_claim() -> None:
    drafts = [Draft("绿茶最健康。", ()), Draft("要点：", ())]
    assert Verifier(SaysAlways(1.0, 0.0, 0.0))(drafts) == [Support("not_found", 0.0), None]


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("Dropout is disabled at inference.", "Dropout is not used at inference."),
        ("推理时关闭 dropout。", "推理时不使用 dropout。"),
        ("LoRA keeps the base weights frozen.", "LoRA does not change the base weights."),
        ("没有可解释性。", "缺乏可解释性。"),
        ("训练中休息 10 分钟。", "训练中休息十分钟。"),
        ("数据有 11000 条。", "数据有一万一千条。"),
        ("这两种方法都会降低显存。", "LoRA 和 QLoRA 都降低显存；论文比较了三种设置。"),
        ("它有 7B 参数。", "它有 7 B 参数。"),
        ("长 800m。", "长 800 米。"),
    ],
)
def test_the_same_in_other_words_is_not_held_against_a_sentence(sentence: str, cited: str) -> None:
    assert supported(sentence, cited)
