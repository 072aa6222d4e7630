import pytest

from ingest.tokens import long_names, proper_names, query_tokens, search_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("top-p", ["topp", "top", "p"]),
        ("LLM.int8()", ["llmint8", "llm", "int8", "int"]),
        ("Q_K", ["qk", "q", "k"]),
        ("C++", ["c++"]),
        ("last_hidden_layer", ["lasthiddenlay", "last", "hidden", "layer"]),
        ("GPT-4", ["gpt4", "gpt", "4"]),
        ("bf16 NF4", ["bf16", "nf4"]),
        ("LayerNorm", ["layernorm", "layer", "norm"]),
        ("LoRA QLoRA", ["lora", "qlora"]),
        ("Qwen2.5", ["qwen2.5", "qwen"]),
        ("lr=1e-4", ["lr", "1e-4"]),
        ("0.95", ["0.95"]),
        ("v1.x 2-3", ["v1x", "v1", "x", "23", "2", "3"]),
        ("models", ["model"]),
        ("quantized", ["quantiz"]),
    ],
)
def test_a_term_is_found_whole_and_by_its_parts(text: str, tokens: list[str]) -> None:
    assert search_tokens(text) == tokens


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("top-p", "Top_P"),
        ("GPT-4", "GPT4"),
        ("ＧＰＴ－４", "GPT-4"),
        ("model's", "models"),
        ("⽤⼀", "用一"),
        ("⻓⽂", "长文"),
        ("⺭字旁", "礻字旁"),
        ("⺎", "兀"),
        ("输 出 层", "输出层"),
        ("位置\n    编码", "位置编码"),
        ("位置\u00a0编码", "位置编码"),
        ("quantization", "quantized"),
    ],
)
def test_two_spellings_share_a_token(left: str, right: str) -> None:
    assert search_tokens(left)[0] == search_tokens(right)[0]


@pytest.mark.parametrize(
    ("text", "acronyms"),
    [
        ("在Grouped-query Attention中", {"gqa"}),
        ("**Byte Pair Encoding** 和 K-Nearest Neighbors", {"bpe", "knn"}),
        ("Parameter-Efficient Fine-Tuning", {"peft"}),
        ("Mixture of Experts", {"moe"}),
        ("Reinforcement Learning from Human Feedback", {"rlhf", "rlfhf"}),
        ("Layer Normalization", set()),
        ("The big red Fox", set()),
        ("A Name Of Far Too Many Words Here", set()),
        ("Byte Pair\n\nEncoding", set()),
        ("src/Big-Red-Fox", set()),
    ],
)
def test_a_name_of_several_words_has_an_acronym(text: str, acronyms: set[str]) -> None:
    assert {acronym for acronym, _ in long_names(text)} == acronyms
    assert acronyms <= set(search_tokens(text))


def test_chinese_becomes_bigrams_and_longer_words() -> None:
    assert search_tokens("自然语言") == ["自然", "然语", "语言", "自然语言"]


def test_a_single_character_is_a_token() -> None:
    assert search_tokens("秩 r") == ["秩", "r"]


def test_names_of_persons_and_places_are_told_apart() -> None:
    assert proper_names("张世昌在北京讲 LoRA，北京很大，讲得不错") == ["张世昌", "北京"]
    assert proper_names("预热为什么能让训练更稳") == []


def test_paragraphs_do_not_run_into_each_other() -> None:
    assert "码注" not in search_tokens("位置编码\n\n注意力")


def test_encoded_data_is_not_indexed() -> None:
    assert search_tokens("a" * 65) == []


def test_questions_lose_their_stop_words() -> None:
    assert query_tokens("what is the LoRA rank") == ["lora", "rank"]


def test_a_question_of_stop_words_keeps_them() -> None:
    assert query_tokens("what is it") == ["what", "is", "it"]


@pytest.mark.parametrize("text", ["", " \n", "。！？", "\x00\ud800", "😀"])
def test_text_without_words_has_no_tokens(text: str) -> None:
    assert search_tokens(text) == []


def test_what_an_editor_escaped_is_the_same_word() -> None:
    escaped = search_tokens("用 pika\\_scan 的 \\-\\-bigkeys，约 0\\.5%，零\u200b宽")
    assert escaped == search_tokens("用 pika_scan 的 --bigkeys，约 0.5%，零宽")
