import pytest

from jptransfer.config import OnError, TaskConfig
from jptransfer.config.check import check
from jptransfer.datasets.conll_file import join, read
from jptransfer.datasets.conll_file_settings import ConllFileConfig, Docstart, Joiner
from jptransfer.errors import ConfigError, DataError


def load(tmp_path, text, encoding="utf-8", on_error=OnError.stop, **settings):
    path = tmp_path / "a.conll"
    path.write_bytes(text.encode(encoding))
    return read(TaskConfig(kind="ner", dataset="conll_file", files={"train": str(path)}, encoding=encoding,
                           on_error=on_error, conll_file=ConllFileConfig(**settings)))


def entities(example):
    return [(example.text[start:end], kind) for start, end, kind in example.entities]


def test_crfpp_columns_with_an_ideographic_space_as_token(tmp_path):
    text = "　 S13 記号-空白 O\n東 S1 名詞 B-LOCATION\n京都 M1 名詞 I-LOCATION\nへ S9 助詞 O\n\n\n行く M9 動詞 O"
    data = load(tmp_path, text, "euc_jp")
    first, second = data.splits["train"]
    assert first.text == "　東京都へ"
    assert first.tokens == ((0, 1), (1, 2), (2, 4), (4, 5))
    assert entities(first) == [("東京都", "LOCATION")]
    assert (second.text, second.entities, second.id) == ("行く", (), "train-2")


def test_english_with_document_lines_iob1_and_a_blank_line_of_a_tab(tmp_path):
    text = ("-DOCSTART- -X- O\n\nU.N. NNP I-ORG\nofficial NN O\nEkeus NNP I-PER\n\t\n"
            "Baghdad NNP I-LOC\nParis NNP B-LOC\n")
    data = load(tmp_path, text)
    first, second = data.splits["train"]
    assert first.text == "U.N. official Ekeus"
    assert entities(first) == [("U.N.", "ORG"), ("Ekeus", "PER")]
    assert entities(second) == [("Baghdad", "LOC"), ("Paris", "LOC")]


def test_documents_are_told_where_they_are_asked_for(tmp_path):
    text = "a O\n\n-DOCSTART- -X-\n\nb O\n\nc O\n\n-DOCSTART- -X-\n\nd O\n"
    data = load(tmp_path, text, docstart=Docstart.document)
    assert [(one.text, data.groups.get(one.id)) for one in data.splits["train"]] == [
        ("a", None), ("b", "a.conll:3"), ("c", "a.conll:3"), ("d", "a.conll:9")]
    assert load(tmp_path, text).groups == {}


@pytest.mark.parametrize("docstart, texts", [
    ("skip", ["a b", "c"]), ("document", ["a b", "c"]), ("sentence", ["a b -DOCSTART- c"])])
def test_a_document_line_ends_a_sentence_without_a_blank_line(tmp_path, docstart, texts):
    data = load(tmp_path, "a O\nb O\n-DOCSTART- O\nc O\n", docstart=Docstart[docstart])
    assert [one.text for one in data.splits["train"]] == texts
    assert list(data.groups.values()) == (["a.conll:3"] if docstart == "document" else [])


def test_columns_separator_and_comments_are_settings(tmp_path):
    text = "# id 7\nB-人名\tNew York\n\n# id 8\nO\t#\n"
    data = load(tmp_path, text, token_column=1, tag_column=0, separator="tab", comment="# id")
    assert [entities(example) for example in data.splits["train"]] == [[("New York", "人名")], []]


@pytest.mark.parametrize("joiner, text", [
    ("auto", "私はNew Yorkの3.5番街"), ("none", "私はNewYorkの3.5番街"), ("space", "私 は New York の 3 . 5 番街")])
def test_joiners(joiner, text):
    tokens = ["私", "は", "New", "York", "の", "3", ".", "5", "番街"]
    joined, places = join(tokens, Joiner[joiner])
    assert joined == text
    assert [joined[start:end] for start, end in places] == tokens


def test_latin_sentences_are_written_with_spaces():
    assert join(["I", "'m", "3", "."])[0] == "I 'm 3 ."


@pytest.mark.parametrize("text, message", [
    ("東京\tB-LOC\nへ\n", r"a\.conll:1: a line of this sentence has 1 columns"),
    ("東京\tB-LOC\n\nへ\t助詞\n", r"a\.conll:3: '助詞' is no tag .* task\.conll_file\.tag_column right"),
    ("東京\tB-LOC\n\n\tO\n", r"a\.conll:3: a line of this sentence has an empty token"),
])
def test_malformed_sentences_stop_or_are_skipped_whole(tmp_path, text, message):
    settings = {"separator": "tab", "tag_column": 1}
    with pytest.raises(DataError, match=message):
        load(tmp_path, text, **settings)
    data = load(tmp_path, text + "\n川\tO\n", on_error=OnError.skip, **settings)
    assert data.splits["train"][-1].text == "川"
    assert data.counts == {"malformed": 1}


@pytest.mark.parametrize("text, message", [
    ("東京\tB-LOC\nO\n", r"a\.conll:1: the lines of this sentence have 1 to 2 columns"),
    ("東京\tB-LOC\n\n\tO\n", r"a\.conll:3: token and tag are the same column of 1"),
])
def test_columns_from_the_end_do_not_take_a_tag_for_a_token(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        load(tmp_path, text)
    assert load(tmp_path, text + "\n川\tO\n", on_error=OnError.skip).counts == {"malformed": 1}


def test_a_wrong_separator_names_the_nearest():
    with pytest.raises(ConfigError, match=r"^conll_file\.separator.*did you mean 'tab'"):
        check(TaskConfig(conll_file=ConllFileConfig(separator="tap")))


def test_comments_before_a_sentence_need_no_setting(tmp_path):
    text = ("# id = 7\n# text = 太郎 は B\n太郎\tB-PER\nは\tO\n\n# S-ID:950101-001\n#\tO\n#一\tB-MISC\n# \tO\n\n"
            "# only a comment\n\n# B-X\n次\tO\n")
    for separator in ("", "tab"):
        data = load(tmp_path, text, separator=separator)
        first, second, third = data.splits["train"]
        assert entities(first) == [("太郎", "PER")] and first.text == "太郎は" and first.id == "train-1"
        assert entities(second) == [("#一", "MISC")] and len(second.tokens) == 3
        assert len(third.tokens) == (2 if separator == "" else 1)  # "# B-X" is a token between spaces
    with pytest.raises(DataError, match="is no tag|2 to 3 columns"):
        load(tmp_path, "a\tO\n# id\tx\n")  # within a sentence a line is a token


@pytest.mark.parametrize("tags", ["B M E O S", "B M E O W", "B I E O S", "B I L O U", "B I I O B", "B M E O B"])
def test_schemes_tell_themselves(tmp_path, tags):
    lines = zip("北海道は東", [tag if tag == "O" else f"{tag}-LOC" for tag in tags.split()], strict=True)
    example, = load(tmp_path, "".join(f"{token} {tag}\n" for token, tag in lines)).splits["train"]
    assert entities(example) == [("北海道", "LOC"), ("東", "LOC")]
