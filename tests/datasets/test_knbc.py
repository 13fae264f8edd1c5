import pytest

from jptransfer.config import OnError, TaskConfig
from jptransfer.datasets import knbc
from jptransfer.errors import DataError
from tests.datasets.test_archives import pack


def morpheme(surface, mark=""):
    return f'{surface} よみ {surface} 名詞 6 普通名詞 1 * 0 * 0 "代表表記" <漢字>{f"<NE:{mark}>" if mark else ""}'


def knp(id, *lines):
    return "\n".join([f"# S-ID:{id} KNP:2008/04/21 SCORE:-1.0", "* -1D <文頭><NE:LOCATION:全体>", *lines, "EOS", ""])


SENTENCES = {
    "KN001_Kyoto_1-1-1-01": [
        morpheme("京都", "LOCATION:head"), "+ 1D <文節内>", morpheme("市", "LOCATION:middle"),
        morpheme("内", "LOCATION:tail"),
        morpheme("東寺", "LOCATION:single"), morpheme("の"), "* 2D <文末>", morpheme("太郎", "OPTIONAL:single")],
    "KN001_Kyoto_1-1-2-01": [morpheme("条"), morpheme("大橋", "LOCATION:tail"), morpheme("＊")],
    "KN002_Sports_1-1-1-01": [morpheme("七", "DATE:head"), morpheme("時", "TIME:tail"), morpheme("半", "DATE:tail")],
}
OPINIONS = [
    ("KN001_Kyoto_1-1-1-01", "良い寺。", "[著者]", "良い", "批評＋", "寺"),
    ("KN001_Kyoto_1-1-2-01", "混むし高い。", "[著者]\\n[著者]", "混む\\n高い", "批評−\\nメリット−", "寺\\n寺"),
    ("KN001_Kyoto_1-1-3-01", "高いが良い。", "[著者]\\n[著者]", "高い\\n良い", "批評−\\n感情＋", "寺\\n寺"),
    ("KN001_Kyoto_1-1-4-01", "行くべきだ。", "[著者]", "行くべきだ", "当為", "寺"),
    ("KN001_Kyoto_1-1-5-01", "行った。", "", "", "", ""),
]


@pytest.fixture
def corpus(tmp_path):
    files = {f"KNBC_v1.0/corpus1/{id.partition('-')[0]}/{id}": knp(id, *lines).encode("euc_jp")
             for id, lines in SENTENCES.items()}
    files["KNBC_v1.0/corpus1/KN001_Kyoto_1/fileinfos"] = b"# S-ID:KN001_Kyoto_1-1-1-01\n"
    files["KNBC_v1.0/corpus2/Kyoto.tsv"] = "\n".join("\t".join(row) for row in OPINIONS).encode("euc_jp")
    return pack(tmp_path / "KNBC_v1.0.tar.xz", files)


def config(path, **settings):
    return TaskConfig(dataset="knbc", files={"all": str(path)}, encoding="euc_jp", **settings)


def test_entities(corpus):
    data = knbc.entities(config(corpus))
    first, second, third = data.splits["all"]
    assert first.text == "京都市内東寺の太郎"
    assert [(first.text[a:b], kind) for a, b, kind in first.entities] == [
        ("京都市内", "LOCATION"), ("東寺", "LOCATION"), ("太郎", "OPTIONAL")]
    assert [first.text[a:b] for a, b in first.tokens] == ["京都", "市", "内", "東寺", "の", "太郎"]
    assert (second.text, second.entities) == ("条大橋＊", ())
    assert third.entities == ((0, 1, "DATE"),)
    assert data.counts == {"stray entity marks": 3}
    assert data.groups[second.id] == data.groups[first.id] == "KN001_Kyoto_1" != data.groups[third.id]


def test_polarity(corpus):
    data = knbc.polarity(config(corpus))
    assert [e.label for e in data.splits["all"]] == ["positive", "negative", "mixed", "none", "none"]
    assert set(data.groups.values()) == {"KN001_Kyoto_1"}


def test_the_wrong_encoding_says_so(corpus):
    for read in (knbc.entities, knbc.polarity):
        with pytest.raises(DataError, match="not utf-8"):
            read(TaskConfig(dataset="knbc", files={"all": str(corpus)}))


def test_a_row_without_all_columns(tmp_path):
    path = pack(tmp_path / "a.tar", {"corpus2/Kyoto.tsv": b"id\ttext\n"})
    with pytest.raises(DataError, match=r"Kyoto\.tsv:1: 2 columns instead of 6"):
        knbc.polarity(config(path))
    assert knbc.polarity(config(path, on_error=OnError.skip)).counts == {"malformed": 1}
