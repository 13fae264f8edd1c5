import errno
import pickle

import fugashi
import pytest
import unidic_lite
from hypothesis import given, settings
from hypothesis import strategies as st

from jptransfer.errors import ConfigError
from jptransfer.text.segment import MAX_CHARACTERS, MecabSegmenter, dictionary_folder

from .conftest import NASTY


@pytest.fixture(scope="module")
def segmenter():
    return MecabSegmenter()


def words(segmenter, text):
    return [text[start:end] for start, end in segmenter.spans(text)]


@pytest.mark.parametrize("dictionary", ["unidic-lite", "ipadic"])
def test_words_are_mecabs_own(dictionary):
    folder = dictionary_folder(dictionary)
    reference = fugashi.GenericTagger(f'-d "{folder}" -r "{folder}/mecabrc"')
    segmenter = MecabSegmenter(dictionary)
    for text in [*NASTY, "すもももももももものうち。", "外国人参政権について New York で話す"]:
        expected = [piece for node in reference(text) for piece in node.surface.split()]
        assert words(segmenter, text) == expected


def test_dictionaries_differ():
    text = "国立国会図書館へ行く"
    assert words(MecabSegmenter("ipadic"), text) != words(MecabSegmenter("unidic-lite"), text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_spans_cover_all_but_white_space(text):
    segmenter = test_spans_cover_all_but_white_space.segmenter
    spans = segmenter.spans(text)
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))
    left = "".join(text[a:b] for a, b in zip([0, *(end for _, end in spans)],
                                             [*(start for start, _ in spans), len(text)], strict=True))
    assert left.replace("\0", " ").strip() == ""


test_spans_cover_all_but_white_space.segmenter = MecabSegmenter()


def test_nul_ends_no_text(segmenter):
    assert words(segmenter, "東京\0大阪") == ["東京", "大阪"]


def test_lone_surrogates_keep_positions(segmenter):
    text = "東京\ud800大阪"
    assert "".join(words(segmenter, text)) == text


def test_very_long_lines(segmenter):
    line = "これは長い文です。" * 5000
    assert words(segmenter, line) == words(segmenter, "これは長い文です。") * 5000


def test_long_white_space_hides_no_word(segmenter):
    assert words(segmenter, "あ" + " " * 70_000 + "犬") == ["あ", "犬"]


def test_long_text_without_any_break(segmenter):
    assert "".join(words(segmenter, "漢" * (2 * MAX_CHARACTERS + 5))) == "漢" * (2 * MAX_CHARACTERS + 5)


def test_pickles_without_mecab(segmenter):
    words(segmenter, "東京")
    assert words(pickle.loads(pickle.dumps(segmenter)), "東京") == ["東京"]


def test_a_dictionary_by_path():
    assert words(MecabSegmenter(unidic_lite.DICDIR), "東京へ行く") == ["東京", "へ", "行く"]


@pytest.mark.parametrize(("dictionary", "message"), [
    ("unidic-light", "did you mean 'unidic-lite'"),
    ("ipadik", "did you mean 'ipadic'"),
    ("/nowhere/at/all", "does not exist"),
])
def test_unknown_dictionaries_name_the_nearest(dictionary, message):
    with pytest.raises(ConfigError, match=message):
        MecabSegmenter(dictionary).spans("あ")


def test_a_near_path_is_named(tmp_path):
    (tmp_path / "mydic").mkdir()
    with pytest.raises(ConfigError, match="did you mean 'mydic'"):
        dictionary_folder(str(tmp_path / "mydci"))


def test_a_folder_that_is_no_dictionary(tmp_path):
    with pytest.raises(ConfigError, match="not a compiled MeCab dictionary"):
        MecabSegmenter(str(tmp_path)).spans("あ")


def test_a_damaged_dictionary_is_one_line(tmp_path):
    for name in ("dicrc", "sys.dic", "matrix.bin", "char.bin", "unk.dic"):
        (tmp_path / name).write_bytes(b"not a dictionary")
    with pytest.raises(ConfigError, match="cannot load") as caught:
        MecabSegmenter(str(tmp_path)).spans("あ")
    assert "\n" not in str(caught.value)


def test_a_dictionary_that_does_not_fit_into_memory_is_not_called_missing(monkeypatch):
    """MeCab says "no such file or directory" of a file that it cannot map."""
    import fugashi

    def failing(*_: object) -> None:
        raise RuntimeError("\n- dictionary.cpp(79) [dmmap_->open(file, mode)] no such file or directory: sys.dic\n")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(fugashi, "GenericTagger", failing)
    with pytest.raises(ConfigError, match="no such file"):
        MecabSegmenter("unidic-lite").spans("あ")
    monkeypatch.setattr("jptransfer.text.segment.mmap.mmap", full)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        MecabSegmenter("unidic-lite").spans("あ")
