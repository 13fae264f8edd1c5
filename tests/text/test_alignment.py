import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jptransfer.text.alignment import collapse_spaces, identity, lowercase, nfkc

nasty_characters = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from("ｶﾞﾊﾟ゛゜か\u3099\u309aは㍿㌔ﷺ각"
                    "ᄀ\u1161\u11a8가İßΣŉﬁe\u0301\u0327\u0345A\u030a"
                    "①Ａ　 \n\t\u200d\ufe0f😀👨가\u09c7\u09be\u0bc6\u0bbe"))
nasty_text = st.text(nasty_characters, max_size=30)


def check(aligned, text):
    assert len(aligned.starts) == len(aligned.ends) == len(aligned.text)
    assert all(0 <= start < end <= len(text) for start, end in zip(aligned.starts, aligned.ends, strict=True))
    assert list(aligned.starts) == sorted(aligned.starts)
    assert list(aligned.ends) == sorted(aligned.ends)


@settings(max_examples=500, deadline=None)
@given(nasty_text)
@example("か\u3099")
@example("ｶﾞ")
@example("\u0345\u0301\u0327")
def test_nfkc_is_unicodes_and_its_spans_hold(text):
    aligned = nfkc(text)
    assert aligned.text == unicodedata.normalize("NFKC", text)
    check(aligned, text)


@settings(max_examples=500, deadline=None)
@given(nasty_text)
def test_what_a_span_covers_normalises_to_the_characters_that_have_it(text):
    aligned = nfkc(text)
    for start, end in set(zip(aligned.starts, aligned.ends, strict=True)):
        made = "".join(character for i, character in enumerate(aligned.text) if aligned.span(i, i + 1) == (start, end))
        assert unicodedata.normalize("NFKC", text[start:end]) == made


@settings(max_examples=300, deadline=None)
@given(nasty_text)
def test_no_character_is_lost(text):
    aligned = nfkc(text)
    covered = {place for start, end in zip(aligned.starts, aligned.ends, strict=True) for place in range(start, end)}
    assert covered == set(range(len(text)))


def test_groups_are_closed_for_every_pair_with_a_composing_character():
    """Exhaustive over Unicode: every canonical pair composes inside one group; nothing falls back to coarse spans."""
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<") and unicodedata.category(chr(int(parts[0], 16)))[0] != "M":
            text = "あ" + "".join(chr(int(part, 16)) for part in parts) + "い"
            aligned = nfkc(text)
            assert aligned.text == unicodedata.normalize("NFKC", text)
            assert aligned.span(0, 1) == (0, 1)
            assert aligned.span(len(aligned.text) - 1, len(aligned.text)) == (3, 4)


@pytest.mark.parametrize(("text", "normal", "spans"), [
    ("ｶﾞム", "ガム", [(0, 2), (2, 3)]),
    ("㍿A", "株式会社A", [(0, 1)] * 4 + [(1, 2)]),
    ("か\u3099き", "がき", [(0, 2), (2, 3)]),
    ("東\ufe0f京", "東\ufe0f京", [(0, 1), (1, 2), (2, 3)]),
    ("a\u1100\u1161\u11a8b", "a\uac01b", [(0, 1), (1, 4), (4, 5)]),
])
def test_known_spans(text, normal, spans):
    aligned = nfkc(text)
    assert aligned.text == normal
    assert [aligned.span(i, i + 1) for i in range(len(normal))] == spans


@settings(max_examples=300, deadline=None)
@given(nasty_text)
@example("İΣ")
def test_lowercase_keeps_spans(text):
    aligned = lowercase(text)
    check(aligned, text)
    assert aligned.text == "".join(character.lower() for character in text)


def test_lower_case_that_grows():
    aligned = lowercase("aİb")
    assert aligned.text == "ai\u0307b"
    assert [aligned.span(i, i + 1) for i in range(4)] == [(0, 1), (1, 2), (1, 2), (2, 3)]


@settings(max_examples=300, deadline=None)
@given(nasty_text)
def test_spaces_collapse(text):
    aligned = collapse_spaces(text)
    check(aligned, text)
    assert aligned.text == " ".join(text.split())


@settings(max_examples=300, deadline=None)
@given(nasty_text)
def test_steps_compose(text):
    aligned = identity(text).then(nfkc).then(lowercase).then(collapse_spaces)
    check(aligned, text)
    for i, character in enumerate(aligned.text):
        start, end = aligned.span(i, i + 1)
        source = text[start:end]
        assert character == " " or character in "".join(map(str.lower, unicodedata.normalize("NFKC", source)))
