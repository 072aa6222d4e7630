from rag.terms import key_terms


def test_technical_terms_stay_whole_and_function_words_go() -> None:
    assert key_terms("What does LLM.int8() do to C++ and top-p?") == ["LLM.int8", "C++", "top-p"]
    assert key_terms("1F1B 与 Mixtral 8x7B") == ["1F1B", "Mixtral", "8x7B"]


def test_chinese_words_of_one_character_go() -> None:
    assert key_terms("为什么要用混合精度") == ["混合", "精度"]


def test_no_term_comes_twice() -> None:
    assert key_terms("LoRA 和 LoRA") == ["LoRA"]
