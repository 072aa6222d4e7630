import pytest

from rag.condense import condense


@pytest.mark.parametrize(
    ("history", "question", "standalone"),
    [
        ([], "那它的缺点呢", "那它的缺点呢"),
        (["什么是 RoPE"], "那它的缺点呢", "RoPE 那它的缺点呢"),
        (["DPO 是在线还是离线？"], "那 PPO 呢？", "PPO 是在线还是离线？"),
        (["DPO 是在线还是离线？"], "那 PPO 呢？为什么", "PPO 是在线还是离线？ 为什么"),
        (["How does LoRA save memory?"], "what about QLoRA?", "How does QLoRA save memory?"),
        (["LoRA 为什么省显存"], "DPO是什么", "DPO是什么"),
        (["LoRA 有什么缺点？"], "那 prefix tuning 又如何", "prefix tuning 有什么缺点？"),
        (["PPO 有什么缺点？"], "那 DPO 算法呢？", "DPO 算法 有什么缺点？"),
        (["PPO 有什么缺点？"], "那 DPO 和 GRPO 呢？", "DPO 和 GRPO 有什么缺点？"),
        (["What is PagedAttention?"], "What about its drawbacks?", "PagedAttention What about its drawbacks?"),
        (["What is LoRA?"], "And how much memory does it save?", "LoRA And how much memory does it save?"),
        (["LoRA 是什么？"], "那它的 alpha 怎么设呢？", "LoRA 那它的 alpha 怎么设呢？"),
        (["LoRA 有什么缺点？"], "那 rank 怎么选？", "LoRA 缺点 那 rank 怎么选？"),
        (["LoRA 怎么初始化"], "DPO 呢？", "DPO 怎么初始化"),
        (["缓存穿透怎么解决"], "那缓存雪崩呢？", "缓存雪崩怎么解决"),
        (["LoRA 怎么初始化"], "lr 多大", "LoRA 初始化 lr 多大"),
        (["What is DPO?"], "Cost?", "DPO Cost?"),
        (["LoRA 怎么初始化"], "缺点呢？", "LoRA 初始化 缺点呢？"),
        (["What is GPTQ?"], "does it need calibration data?", "GPTQ does it need calibration data?"),
        (
            ["什么是 RoPE"],
            "为什么训练大模型要用混合精度而不是全程单精度",
            "为什么训练大模型要用混合精度而不是全程单精度",
        ),
    ],
)
def test_follow_up_stands_alone(history: list[str], question: str, standalone: str) -> None:
    assert condense(question, history).question == standalone


def test_subject_is_carried_over_two_turns() -> None:
    query = condense("所以要准备校准数据？", ["GPTQ 用几比特", "它的激活动吗"])
    assert query.question.startswith("GPTQ ")
    assert query.asked == "所以要准备校准数据？"
    assert query.history == ("GPTQ 用几比特", "它的激活动吗")


def test_a_follow_up_in_words_is_asked_behind_the_question_before_it() -> None:
    query = condense("那它的缺点呢", ["RoPE 是什么", "LoRA 怎么省显存"])
    assert query.in_words == "LoRA 怎么省显存 那它的缺点呢"
    assert condense("LoRA 怎么省显存", []).in_words == "LoRA 怎么省显存"
    assert condense("LoRA 怎么省显存", ["RoPE 是什么"]).in_words == "LoRA 怎么省显存"
    long = "RoPE 是什么" + "，请说得细一些" * 30
    assert condense("那它的缺点呢", [long]).in_words == f"{long[-60:]} 那它的缺点呢"
