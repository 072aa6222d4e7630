import pytest

from ingest.questions import asks, is_question, is_question_list, numbered_parts


@pytest.mark.parametrize("text", ["为什么？", "Why? ", "**为什么?**", "他问：“为什么？”", "是什么（重点？）"])
def test_a_question_ends_in_its_mark(text: str) -> None:
    assert is_question(text)


@pytest.mark.parametrize("text", ["为什么？因为。", "什么是 x?y", ""])
def test_a_statement_is_no_question(text: str) -> None:
    assert not is_question(text)


@pytest.mark.parametrize(
    "text",
    [
        "为什么要热身？\n为什么要衰减？\n怎样选批量？",
        "1.为什么要热身? 2.讲一下学习率的衰减 3.怎样选批量?",
        "- 为什么要热身？\n- 简述学习率的衰减。\n- 有哪些优化器",
        "### 面试题，仅供参考。\n为什么要热身？\n怎样选批量？\n为什么？\n都不难。",
        "## 为什么要热身？",
        "## 优化器\n\n40.为什么要热身?",
        "- **效果一定好吗？有没有例外？**\n\n![图](a.png)",
        "1. 热身多久\n2. beta2 设多大\n3. 热身和衰减的区别",
        "How warm-up works\nWhy decay helps\nWhich batch to take",
    ],
)
def test_bare_questions_are_a_question_list(text: str) -> None:
    assert is_question_list(text)


@pytest.mark.parametrize(
    "text",
    [
        "为什么要热身？为什么要衰减？怎样选批量？\n- 开头方差大\n- 结尾要收敛\n- 看显存",
        "要问三件事？\n为什么？\n真的？\n- 开头方差大\n- 结尾要收敛",
        "## 为什么要热身？够不够？会怎样？\n低频",
        "1. 为什么要热身？开头方差大。\n2. 怎样选批量？看显存。\n3. 为什么要衰减？要收敛。",
        "为什么？\n怎么办？\n是什么？\n" + "这里有一段很长的答案。" * 10,
        "1. 学会如何热身\n2. 知道怎么衰减\n3. 了解如何选批量",
        "- 多少：看显存\n- 多大: 看批量\n- 多久；看步数",
        "怎么热身\n怎么衰减方差大的开头\n先小后大\n再保持\n慢慢降",
        "热身多久\nbeta2 设多大",
        "## 优化器",
        "一句话。",
        "",
    ],
)
def test_questions_with_answers_are_no_question_list(text: str) -> None:
    assert not is_question_list(text)


def test_a_line_is_cut_before_the_numbers_that_follow_questions() -> None:
    assert numbered_parts("1.为什么? 2.讲一下3.1节 3.怎么办？4、何时?") == [
        "1.为什么?",
        "2.讲一下3.1节 3.怎么办？",
        "4、何时?",
    ]


@pytest.mark.parametrize(
    "line", ["- [ ] 为什么？", "讲一下学习率的衰减", "请介绍一下热身。", "你了解热身吗", "Explain warm-up."]
)
def test_a_line_may_ask_without_a_question_mark(line: str) -> None:
    assert asks(line)


@pytest.mark.parametrize(
    "line", ["介绍了热身。", "请注意：先热身", "解释性不好", "为什么要热身？因为方差大。", "如何选：看显存"]
)
def test_a_line_that_states_something_does_not_ask(line: str) -> None:
    assert not asks(line)
