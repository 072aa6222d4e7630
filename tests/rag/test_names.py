from ingest.types import Chunk
from rag.names import names, respelt, unknown_names
from rag.types import Hit, Query


def hit(text: str) -> Hit:
    return Hit(Chunk(text, "a.md", "笔记", (), 0, len(text), text, len(text)), 0.9, "dense")


def test_names_in_chinese_are_all_latin_terms_and_in_english_the_technical_ones() -> None:
    assert names("AdaLoRA 是怎么给 rank 分配的") == ["AdaLoRA", "rank"]
    assert names("How does ZeRO-3 shard the optimiser state of Llama?") == ["ZeRO-3", "Llama"]
    assert names("Briefly, how does LoRA's rank matter? Give two reasons. What if I'm on A100?") == ["LoRA", "A100"]
    assert names("What's LoRA? It's small. Google's is Mamba vs. Transformer, e.g. Jamba") == [
        "LoRA",
        "Mamba",
        "Transformer",
        "Jamba",
    ]


def test_a_row_of_signs_is_read_in_linear_time() -> None:
    assert names("?" * 50_000 + " Jamba and Mamba") == ["Mamba"]


def test_a_plural_is_the_name_itself() -> None:
    assert names("How is an LLM's context extended on GPUs?") == ["LLM", "GPU"]
    assert names("FP8 on A100s, T4s and GTX1080s in 10s?") == ["FP8", "A100", "T4", "GTX1080", "10s"]
    assert unknown_names(names("LLMs 和 RNNs 差在哪"), [hit("LLM 读得更远"), hit("RNNs are slow")]) == []


def test_names_that_a_slash_joins_are_two() -> None:
    assert names("PPO/DPO 怎么选，I/O 慢吗") == ["PPO", "DPO", "I/O"]
    assert names("选型 log vs transaction") == ["log", "transaction"]


def test_a_name_is_known_whole_or_misspelt_or_by_its_hyphenated_words() -> None:
    hits = [hit("PagedAttention 用分页；Pre-Layer Norm（LN）")]
    assert unknown_names(["PagedAttetnion", "pre-ln"], hits) == []


def test_a_name_of_several_words_may_be_written_apart_but_not_strewn() -> None:
    hits = [hit("Flash Attention 减少读写；batch size 调大；deep nets gain speed；Batch-Norms")]
    assert unknown_names(["FlashAttention", "batch_size", "BatchNorm", "DeepSpeed"], hits) == ["DeepSpeed"]


def test_another_version_or_a_longer_name_is_unknown() -> None:
    hits = [hit("LoRA 与 ZeRO-1、ZeRO-2")]
    assert unknown_names(["ZeRO-3", "AdaLoRA", "lora"], hits) == ["ZeRO-3", "AdaLoRA"]


def test_a_name_with_another_letter_is_another_name_unless_it_is_long() -> None:
    hits = [hit("Mistral、Adam 与 Transformer，还有 CopyOnWriteArrayList")]
    asked = ["Mixtral", "AdamW", "Misstral", "Transfermer", "CopyOnWriteArraySet"]
    assert unknown_names(asked, hits) == ["Mixtral", "AdamW", "CopyOnWriteArraySet"]


def test_two_letters_in_the_wrong_order_are_a_misspelling() -> None:
    assert unknown_names(["modle", "ledom"], [hit("A reward model")]) == ["ledom"]


def test_a_size_is_known_from_the_name_it_ends() -> None:
    assert unknown_names(["65B", "5B", "70b"], [hit("八张卡微调了 Llama65B")]) == ["5B", "70b"]


def test_a_list_of_bare_questions_says_nothing_of_its_names() -> None:
    listed = "1. GAE 的好处是什么？\n2. TRPO 和 PPO 有什么区别？\n3. 怎么给 KL 设系数？\n"
    assert unknown_names(["GAE", "PPO"], [hit(listed), hit("PPO 会截断比值。")]) == ["GAE"]


def test_a_misspelt_name_is_spelt_as_the_hits_spell_it_most() -> None:
    hits = [hit("Toolformer 自己学会调用工具"), hit("TOOLFORMER；Toolformer 的损失")]
    asked = respelt(Query("LLM 工具 Toolfomer 怎么训练", "Toolfomer 怎么训练"), hits)
    assert asked == Query("LLM 工具 Toolformer 怎么训练", "Toolformer 怎么训练")


def test_a_name_in_small_letters_stays_small_where_the_hits_have_it_so() -> None:
    hits = [hit("Reward Model 打分；Model 冻结；一个 model")]
    assert respelt(Query("reward modle 冻结吗", ""), hits).question == "reward model 冻结吗"


def test_names_that_are_known_short_or_of_another_version_are_not_respelt() -> None:
    hits = [hit("LoRA、QLoRA、Llama-3 与 DeepSeek；LayerNorms 放在前面")]
    for question in ("LoHA 好吗", "Llama-2 好吗", "DeepSpeed 好吗", "LayerNorm 放哪", "explane the layer norms"):
        assert respelt(Query(question, question), hits).question == question


def test_only_the_whole_name_is_respelt() -> None:
    asked = respelt(Query("旧modle和 my-modle、modle_v", ""), [hit("the model")])
    assert asked.question == "旧model和 my-modle、modle_v"


def test_an_acronym_that_the_hits_only_write_out_is_written_out() -> None:
    hits = [
        hit("Grouped-Query Attention 共用键值；Least Recently Used 淘汰；Reinforcement Learning from Human Feedback")
    ]
    asked = respelt(Query("gqa 和 LRU、RLHF 各是什么", "那 RLHF 呢"), hits)
    assert asked.question == (
        "Grouped-Query Attention 和 Least Recently Used、Reinforcement Learning from Human Feedback 各是什么"
    )
    assert asked.asked == "那 Reinforcement Learning from Human Feedback 呢"


def test_an_acronym_that_the_hits_have_or_that_may_stand_for_other_things_stays() -> None:
    hits = [
        hit("Mixture of Experts 即 MoE；两个 FSDPs，Fully Sharded Data Parallel；Key-Value Cache、Layer Normalization")
    ]
    for question in ("MoE 是什么", "FSDP 切什么", "KV 有多大", "LN 放哪", "LNS 是什么"):
        assert respelt(Query(question, question), hits).question == question


def test_a_long_form_that_the_hits_only_have_as_an_acronym_becomes_the_acronym() -> None:
    hits = [hit("TTFT 看预填充；GQA 共用键值；淘汰用 LRU；FSDP 切分；RAG 管线")]
    for question, spelt in (
        ("time to first token 和 grouped-query attention 各看什么", "TTFT 和 GQA 各看什么"),
        ("least recently used 用什么结构", "LRU 用什么结构"),
        ("What does fully sharded data parallel split?", "What does FSDP split?"),
        ("What is Grouped-Query Attention?", "What is GQA?"),
        (
            "Is a cycle in a resource allocation graph a deadlock?",
            "Is a cycle in a resource allocation graph a deadlock?",
        ),
        ("first try 失败了", "first try 失败了"),
    ):
        assert respelt(Query(question, question), hits).question == spelt


def test_a_long_form_that_the_hits_have_stays() -> None:
    question = "grouped query attention 是什么"
    assert respelt(Query(question, ""), [hit("GQA（grouped-query attention）共用键值")]).question == question


def test_a_name_that_is_written_out_is_known_by_its_acronym() -> None:
    assert unknown_names(["GQA", "GQE"], [hit("Grouped-query Attention 省显存")]) == ["GQE"]
