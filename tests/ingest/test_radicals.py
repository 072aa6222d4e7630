import unicodedata

from ingest.radicals import EVERYDAY


def test_every_radical_of_the_supplement_but_two_has_an_everyday_character() -> None:
    assert set(EVERYDAY) == {*range(0x2E80, 0x2EF4)} - {0x2E80, 0x2E9A}
    assert all(unicodedata.name(character).startswith("CJK UNIFIED IDEOGRAPH") for character in EVERYDAY.values())
    assert "⺎⺧⺭⺶⻂⻌⻍⻎⻑⻓⻗⻟⻠⻯".translate(EVERYDAY) == "兀牛礻羊衤辶辶辶長长雨飠饣竜"
