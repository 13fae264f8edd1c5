"""Texts as pictures."""

from jptransfer.report import characters


def test_a_character_that_no_font_has_takes_the_width_of_its_code():
    private = "\U000F1234"
    assert characters._cells(private) == len("U+F1234")
    assert [characters._cells(one) for one in "aあ"] == [1, 2]
