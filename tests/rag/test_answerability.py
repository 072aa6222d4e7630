from ingest.types import Chunk
from rag.answerability import Answerability, names, nearest_headings, refusal, unknown_names
from rag.types import Hit, Query


def hit(text: str, score: float = 0.9, headings: tuple[str, ...] = ()) -> Hit:
    return Hit(Chunk(text, "a.md", "笔记", headings, 0, len(text), text, len(text)), score, "dense")


def test_names_in_chinese_are_all_latin_terms_and_in_english_the_technical_ones() -> None:
    assert names("AdaLoRA 是怎么给 rank 分配的") == ["AdaLoRA", "rank"]
    assert names("How does ZeRO-3 shard the optimiser state of Llama?") == ["ZeRO-3", "Llama"]


def test_a_name_is_known_whole_or_misspelt_or_by_its_hyphenated_words() -> None:
    hits = [hit("PagedAttention 用分页；Pre-Layer Norm（LN）")]
    assert unknown_names(["PagedAttetnion", "pre-ln"], hits) == []


def test_another_version_or_a_longer_name_is_unknown() -> None:
    hits = [hit("LoRA 与 ZeRO-1、ZeRO-2")]
    assert unknown_names(["ZeRO-3", "AdaLoRA", "lora"], hits) == ["ZeRO-3", "AdaLoRA"]


def test_refuses_without_hits_with_unknown_names_or_below_the_least_cosine() -> None:
    decide = Answerability((0.8, 0.7))
    near, far = hit("LoRA 的初始化"), hit("LoRA 的初始化", 0.75)

    def verdict(question: str, *hits: Hit) -> bool:
        return decide(Query(question, question), {"dense": hits, "lexical": (), "fused": hits})

    assert verdict("LoRA 怎么初始化", near)
    assert not verdict("LoRA 怎么初始化")
    assert not verdict("LoRA 怎么初始化", far)
    assert verdict("How is LoRA initialised?", far)
    assert not verdict("AdaLoRA 怎么初始化", near)


def test_nearest_headings_are_different_paths_with_the_title_first() -> None:
    hits = [hit("一", headings=("甲",)), hit("二", headings=("甲",)), hit("三", headings=("乙", "丙"))]
    assert nearest_headings(hits) == (("笔记", "甲"), ("笔记", "乙", "丙"))


def test_refusal_follows_the_questions_language() -> None:
    assert refusal("为什么？", [("笔记", "甲")]) == "笔记里没有说到这个问题。最接近的标题：\n\n- 笔记 > 甲"
    assert refusal("Why?", []) == "Your notes don't say."
