"""Readers of entities in other layouts, on small files in the official formats."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.config import DroppedEntities, OnError, TaskConfig, WordSource
from jptransfer.config.check import check
from jptransfer.datasets import conllu_file, crf_knbc, inline_xml, knp, long_tail
from jptransfer.datasets.long_tail_settings import Language, LongTailConfig
from jptransfer.datasets.preparation import prepare
from jptransfer.datasets.span_json import disjoint
from jptransfer.errors import ConfigError, DataError
from jptransfer.tasks.spans import Span

from .test_archives import unpack
from .test_knbc import corpus  # noqa: F401


def entities(example):
    return [(example.text[start:end], kind) for start, end, kind in example.entities]


def tokens(example):
    return [example.text[start:end] for start, end in example.tokens]


def task(path, **settings):
    return TaskConfig(kind="ner", files={"all": str(path)}, **settings)


KNP = """# S-ID:w1-0001-1 KNP:4.2
* 1D
+ 1D <NE:PERSON:鈴木太郎>
鈴木 すずき 鈴木 名詞 6 人名 5 * 0 * 0
太郎 たろう 太郎 名詞 6 人名 5 * 0 * 0
は は は 助詞 9 副助詞 2 * 0 * 0
* -1D
+ 2D
北 きた 北 名詞 6 普通名詞 1 * 0 * 0
+ -1D <NE:ORGANIZATION:北大学><NE:LOCATION:北>
大学 だいがく 大学 名詞 6 普通名詞 1 * 0 * 0
* * * 特殊 1 記号 5 * 0 * 0
EOS
# S-ID:w1-0001-2
+ -1D <NE:DATE:明日>
雨 あめ 雨 名詞 6 普通名詞 1 * 0 * 0
EOS
"""


def test_knp_files(tmp_path):
    unpack(tmp_path, {"a/w1.knp": KNP.encode(), "a/README": b"no"})
    data = knp.read(task(tmp_path))
    first, second = data.splits["all"]
    assert entities(first) == [("鈴木太郎", "PERSON"), ("北大学", "ORGANIZATION")]
    assert tokens(first) == ["鈴木", "太郎", "は", "北", "大学", "*"]
    assert second.entities == ()
    assert data.groups[first.id] == data.groups[second.id] == "w1-0001"
    assert {name: count for name, count in data.counts.items() if count} == {"entities not found": 2}


def test_a_sentence_of_knp_without_its_end_is_malformed(tmp_path):
    alone, cut = tmp_path / "w1.knp", tmp_path / "cut.knp"
    alone.write_text(KNP, encoding="utf-8")
    assert len(knp.read(task(alone)).splits["all"]) == 2
    for number, content in enumerate((KNP.removesuffix("EOS\n"), KNP.replace("EOS\n", "", 1))):
        cut.write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=rf"cut\.knp:{(14, 1)[number]}: .*without EOS"):
            knp.read(task(cut))
        data = knp.read(task(cut, on_error=OnError.skip))
        assert (len(data.splits["all"]), data.counts["malformed"]) == (1, 1)


ODD = r"""# S-ID:w2-0001-1 JUMAN:6.1-20101108 KNP:3.1-20101107 DATE:2011/06/21 SCORE:-7.85193 MEMO:
# 1 2 3 memo
* -1D
+ -1D <rel type="=" target="タグ" sid="w2-0001-1" id="0"/><NE:OPTIONAL:html\>タグ><NE:ARTIFACT:@ #>
# # # 未定義語 15 その他 1 * 0 * 0
@ @ @ 未定義語 15 その他 1 * 0 * 0
\  \  \  特殊 1 空白 6 * 0 * 0
# # # 特殊 1 記号 5 * 0 * 0
+ + + 特殊 1 記号 5 * 0 * 0
html html html 名詞 6 普通名詞 1 * 0 * 0
> ＞ > 特殊 1 括弧終 4 * 0 * 0
タグ たぐ タグ 名詞 6 普通名詞 1 * 0 * 0
@ タグ たっぐ タグ 名詞 6 サ変名詞 2 * 0 * 0
EOS
"""


def test_marks_of_knp_files_as_words(tmp_path):
    unpack(tmp_path, {"w2.knp": ODD.replace("\n", "\r\n").encode()})
    data = knp.read(task(tmp_path))
    one, = data.splits["all"]
    assert tokens(one) == ["#", "@", " ", "#", "+", "html", ">", "タグ"]
    assert entities(one) == [("@ #", "ARTIFACT"), ("html>タグ", "OPTIONAL")]
    assert not data.counts["entities not found"]


SENTENCE = "# S-ID:{}-1\n* -1D\n+ -1D <NE:DATE:今日>\n今日 きょう 今日 名詞 6 時相名詞 10 * 0 * 0\nEOS\n"


def numbered(*ids: str) -> bytes:
    return "".join(SENTENCE.format(one).replace(f"{one}-1", one) for one in ids).encode()


def test_sentence_numbers_of_two_parts_belong_to_the_document_of_the_id_files(tmp_path):
    """As in KWDLC: w201106-0001688328-1-01 is a sentence of w201106-0001688328."""
    unpack(tmp_path / "knp", {"a.knp": numbered("w1-001-1-01", "w1-001-1-02", "w1-001-2"),
                              "b.knp": numbered("w1-002-1"), "c.knp": numbered("w1-003-1-01")})
    unpack(tmp_path / "id", {"train.id": b"w1-001\n", "test.id": b"w1-003\n", "dev.id": b"w1-002\nw1-00\n"})
    config = task(tmp_path / "knp", dataset="knp")
    config.files["ids"] = str(tmp_path / "id")
    data = knp.read(config)
    sizes = {split: len(examples) for split, examples in data.splits.items()}
    assert sizes == {"train": 3, "development": 1, "test": 1}
    assert not data.counts["sentences of no split"] and set(data.groups.values()) == {"w1-001", "w1-002", "w1-003"}


@pytest.mark.parametrize(("files", "expected"), [
    ([["d1-1", "d1-2"], ["d2-1"]], ["d1", "d1", "d2"]),
    ([["d1-1-01", "d1-1-02", "d1-2"], ["d2-1-01"]], ["d1", "d1", "d1", "d2-1"]),
    ([["d1-1-01", "d1-2-01"], ["d2-1"]], ["d1", "d1", "d2"]),  # every number of the first has two parts
    ([["d1-1-01", "d1-2", "d2-1"]], ["d1", "d1", "d2"]),  # one file of several documents
    ([["950101003-001", "950101003-002", "950101004-001"], ["950102001-001"]],
     ["950101003", "950101003", "950101004", "950102001"]),
    ([["x-1-01"], ["x-2"]], ["x", "x"]),  # one document in two files
    ([["alone"], ["other"]], ["alone", "other"]),
])
def test_no_document_is_divided(files, expected):
    assert list(knp.documents(files).values()) == expected


def test_entities_inside_a_morpheme_are_kept_by_their_characters(tmp_path):
    text = SENTENCE.format("d1").replace("<NE:DATE:今日>", "<NE:LOCATION:英>")
    text = text.replace("今日 きょう 今日", "英語 えいご 英語")
    unpack(tmp_path, {"d1.knp": text.encode()})
    data = knp.read(task(tmp_path))
    assert [tuple(span) for span in data.splits["all"][0].entities] == [(0, 1, "LOCATION")]
    assert not data.counts["entities not found"]


def test_documents_are_divided_as_the_corpus_says(tmp_path):
    unpack(tmp_path / "knp", {f"{name}.knp": SENTENCE.format(name).encode() for name in ("d1", "d2", "d3", "d4")})
    lists = {"train": "d1\nd4\n", "dev": "d2\n", "test": "d3\nd9\n", "other": "d1\n"}
    unpack(tmp_path / "id", {f"{name}.id": names.encode() for name, names in lists.items()} | {"README": b"d1"})
    config = task(tmp_path / "knp", dataset="knp")
    config.files["ids"] = str(tmp_path / "id")
    prepared = prepare(config)
    assert {split: [one.id for one in examples] for split, examples in prepared.splits.items()} == {
        "train": ["d1-1", "d4-1"], "validation": ["d2-1"], "test": ["d3-1"]}
    assert prepared.statistics["made_splits"] == []
    assert prepared.statistics["left_out"] == {"documents not found": 1}
    (tmp_path / "id" / "train.id").write_text("d1\n", encoding="utf-8")
    assert prepare(config).statistics["left_out"] == {"documents not found": 1, "sentences of no split": 1}
    (tmp_path / "id" / "train.id").write_text("d1\nd2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.id: document 'd2' is of development, too"):
        prepare(config)
    (tmp_path / "id" / "train.id").unlink()
    with pytest.raises(DataError, match=r"task\.files\.ids: .*has no document for training"):
        prepare(config)
    config.files = {"train": config.files["all"], "ids": config.files["ids"]}
    (tmp_path / "id" / "train.id").write_text("d1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"task\.files\.ids divides what all names"):
        prepare(config)


CONLLU = """# newdoc id = d1
# sent_id = s1
# text = 京都 Tower へ
1\t京都\t_\t_\t_\t_\t_\t_\t_\tNE=B-GPE
2-3\tTower へ\t_\t_\t_\t_\t_\t_\t_\t_
2\tTower\t_\t_\t_\t_\t_\t_\t_\tNE=L-GPE|A=b
3\tへ\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No

# sent_id = s2
# text = 東京。
1\t東京\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No|NE=U-GPE
2\t。\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
"""


def test_conllu(tmp_path):
    path = tmp_path / "a.conllu"
    path.write_text(CONLLU, encoding="utf-8")
    data = conllu_file.read(task(path))
    first, second = data.splits["all"]
    assert (first.text, entities(first)) == ("京都 Tower へ", [("京都 Tower", "GPE")])
    assert (second.text, entities(second), second.id) == ("東京。", [("東京", "GPE")], "s2")
    assert data.groups == {"s1": "d1", "s2": "d1"}
    path.write_text(CONLLU.replace("京都 Tower へ\n", "京都 Towel へ\n"), encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.conllu:4: its words make '京都 Tower へ'"):
        conllu_file.read(task(path))
    data = conllu_file.read(task(path, on_error=OnError.skip))
    assert [one.id for one in data.splits["all"]] == ["s2"] and data.counts == {"malformed": 1}


@pytest.mark.parametrize("text", ["京都　Tower へ", "京都Towerへ", "京都  Tower\u00a0へ ", " 京都 Tower へ"])
def test_words_stand_where_the_text_has_them(tmp_path, text):
    path = tmp_path / "a.conllu"
    path.write_text(CONLLU.replace("京都 Tower へ\n", f"{text}\n"), encoding="utf-8")
    first = conllu_file.read(task(path)).splits["all"][0]
    assert first.text == text.rstrip(" ") and tokens(first) == ["京都", "Tower", "へ"]
    (start, end, kind), = first.entities
    assert (first.text[start:end].split(), kind) == ((["京都", "Tower"], "GPE") if " " in text or "　" in text else
                                                     (["京都Tower"], "GPE"))


@pytest.mark.parametrize("kind, found", [("GPE", ["LOC"]), ("PERSON", ["PER"]), ("NORP", ["MISC"]), ("DATE", [])])
def test_the_four_types_of_part_of_gsd(tmp_path, task_config, kind, found):
    path = tmp_path / "a.conllu"
    path.write_text(CONLLU.replace("GPE", kind), encoding="utf-8")
    config = task_config("gsd_ner_four", "data_root=x")
    config.files, config.validation_fraction, config.test_fraction = {"train": str(path)}, 0, 0
    prepared = prepare(config)
    assert prepared.task.labels == ["LOC", "MISC", "ORG", "PER"]
    assert [[kind for *_, kind in one.entities] for one in prepared.splits["train"]] == [found, found]
    path.write_text(CONLLU.replace("GPE", "GPEE"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no example has the label 'GPE' \(did you mean 'GPEE'\?\)"):
        prepare(config)
    path.write_text(CONLLU.replace("GPE", "人"), encoding="utf-8")
    with pytest.raises(DataError, match=r"'s1' has the label '人', which task\.labels does not have.*label_map can"):
        prepare(config)


def test_words_hold_spaces_and_parts_of_ranges(tmp_path):
    rows = [("1", "20 000", "NE=B-CARDINAL"), ("2-3", "don't", "_"), ("2", "do", "_"), ("3", "n't", "_")]
    lines = "".join("\t".join([number, form, *"_______", misc]) + "\n" for number, form, misc in rows)
    path = tmp_path / "a.conllu"
    path.write_text(f"# text = 20 000 don't\n{lines}", encoding="utf-8")
    first, = conllu_file.read(task(path)).splits["all"]
    assert (first.text, tokens(first), entities(first)) == (
        "20 000 don't", ["20 000", "do", "n't"], [("20 000", "CARDINAL")])


@pytest.mark.parametrize("last", ["b ", " ", "b"])
def test_a_sentence_without_its_text_may_end_in_a_space(tmp_path, last):
    path = tmp_path / "a.conllu"
    lines = ("\t".join([number, form, *"________"]) for number, form in (("1", "a"), ("2", last)))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    one, = conllu_file.read(task(path)).splits["all"]
    assert (one.text, tokens(one)) == (f"a {last}", ["a", last])


BCCWJ = """<sentence>昨日<PERSON>鈴木&amp;太郎</PERSON>が\
<ORGANIZATION><LOCATION>京都</LOCATION>大学</ORGANIZATION>へ<br/>。</sentence>

<OPTIONAL POSSIBILITY="DATE">雨の日</OPTIONAL>
"""


def test_inline_elements(tmp_path):
    unpack(tmp_path, {"OC01.xml": BCCWJ.encode()})
    data = inline_xml.read(task(tmp_path))
    first, second = data.splits["all"]
    assert first.text == "昨日鈴木&太郎が京都大学へ。"
    assert entities(first) == [("鈴木&太郎", "PERSON"), ("京都大学", "ORGANIZATION")]
    assert entities(second) == [("雨の日", "OPTIONAL")]
    assert data.counts["nested entities"] == 1 and set(data.groups.values()) == {"OC01.xml"}


@pytest.mark.parametrize("line", ["<PERSON>太郎", "太郎</PERSON>", "<PERSON>太<DATE>郎</PERSON></DATE>"])
def test_elements_that_do_not_match(tmp_path, line):
    unpack(tmp_path, {"a.xml": f"{line}\n良い。\n".encode()})
    with pytest.raises(DataError, match=r"a\.xml:1"):
        inline_xml.read(task(tmp_path))
    data = inline_xml.read(task(tmp_path, on_error=OnError.skip))
    assert [example.text for example in data.splits["all"]] == ["良い。"]


def test_crf_knbc_keeps_articles_together(tmp_path, corpus):  # noqa: F811
    sample = {f"{name}.data": f"{place}\tM\t名詞\tB-LOCATION\n\n{place}へ\tM\t名詞\tO\n".encode("euc_jp")
              for name, place in (("train", "奈良"), ("test", "大阪"))}
    unpack(tmp_path / "sample", sample)
    files = {"crfpp": str(tmp_path / "sample"), "knbc": str(corpus)}
    data = crf_knbc.read(TaskConfig(kind="ner", dataset="crf_knbc", files=files, encoding="euc_jp"))
    assert [example.id for example in data.splits["all"]][:4] == [
        "crfpp-train-1", "crfpp-train-2", "crfpp-test-1", "crfpp-test-2"]
    assert len(data.splits["all"]) == 7 and set(data.groups.values()) == {"KN001_Kyoto_1", "KN002_Sports_1"}


GERMEVAL = "#\tn-tv.de [2014-01-01]\n1\tDie\tO\tO\n2\tBonner\tB-LOCderiv\tO\n3\tUni\tB-ORG\tB-LOC\n\n#\tx\n1\t#\tO\tO\n"


@pytest.mark.parametrize("column, found", [("2", [("Bonner", "LOCderiv"), ("Uni", "ORG")]), ("3", [("Uni", "LOC")])])
def test_germeval_columns(tmp_path, task_config, column, found):
    path = tmp_path / "a.tsv"
    path.write_text(GERMEVAL, encoding="utf-8")
    config = task_config("germeval2014", "data_root=x", f"task.conll_file.tag_column={column}")
    config.files, config.expected, config.validation_fraction, config.test_fraction = {"train": str(path)}, {}, 0, 0
    first, second = prepare(config).splits["train"]
    assert (first.text, entities(first), second.text) == ("Die Bonner Uni", found, "#")


@pytest.mark.parametrize("option, count", [("skip", 1), ("sentence", 2)])
def test_conll_2003_with_and_without_document_lines(tmp_path, task_config, option, count):
    path = tmp_path / "eng.train"
    path.write_text("-DOCSTART- -X- O O\n\nU.N. NNP I-NP I-ORG\nEkeus NNP I-NP I-PER\n", encoding="utf-8")
    config = task_config("conll2003", "data_root=x", f"task.conll_file.docstart={option}")
    config.files, config.expected, config.validation_fraction, config.test_fraction = {"train": str(path)}, {}, 0, 0
    examples = prepare(config).splits["train"]
    assert (len(examples), entities(examples[-1])) == (count, [("U.N.", "ORG"), ("Ekeus", "PER")])


@pytest.mark.parametrize("dropped, kept", [(DroppedEntities.entity, [[], ["LOC"]]),
                                           (DroppedEntities.sentence, [["LOC"]]),
                                           (DroppedEntities.mask, [[""], ["LOC"]])])
def test_what_goes_with_optional(tmp_path, dropped, kept):
    unpack(tmp_path, {"a.xml": "<OPTIONAL>東</OPTIONAL>へ\n<LOCATION>京都</LOCATION>へ\n".encode()})
    config = task(tmp_path, dataset="inline_xml", label_map={"OPTIONAL": "", "LOCATION": "LOC"},
                  dropped_entities=dropped,
                  validation_fraction=0, test_fraction=0)
    prepared = prepare(config)
    assert prepared.task.labels == ["LOC"] and prepared.statistics["left_out"] == {"label OPTIONAL": 1}
    assert [[kind for *_, kind in example.entities] for example in prepared.splits["train"]] == kept


def test_segmentation_by_the_tokenizer_forgets_gold_words(tmp_path):
    unpack(tmp_path, {"w1.knp": KNP.encode()})
    config = task(tmp_path, dataset="knp", word_source=WordSource.tokenizer, validation_fraction=0, test_fraction=0)
    first = prepare(config).splits["train"][0]
    assert first.tokens is None and entities(first)[0] == ("鈴木太郎", "PERSON")


def long_tailed(language="ja", **settings):
    return long_tail.read(TaskConfig(kind="ner", long_tail=LongTailConfig(Language[language], **settings)))


@pytest.mark.parametrize("language", long_tail.LANGUAGES)
def test_made_utterances(language):
    data = long_tailed(language=language, train=3000, test=50)
    train = data.splits["train"]
    assert [len(data.splits[split]) for split in ("train", "validation", "test")] == [3000, 1000, 50]
    assert len({kind for example in train for _, kind in entities(example)}) == 240
    for example in train:
        assert all(value.isalpha() and len(value) >= 2 for value, _ in entities(example))
    assert train == long_tailed(language=language, train=3000).splits["train"]


def test_frequencies_follow_zipf_and_names_are_shared():
    data = long_tailed(train=20000, tags=200, second=0, validation=0, test=0)
    order = [one.name for one in long_tail.types("ja")]
    counts = [0] * 240
    for example in data.splits["train"]:
        counts[order.index(example.entities[0].type)] += 1
    harmonic = sum(1 / rank for rank in range(1, 201))
    for rank in (1, 2, 5, 20):
        assert counts[rank - 1] == pytest.approx(20000 / harmonic / rank, rel=0.12)
    assert counts[200:] == [0] * 40 and min(counts[:200]) >= 1
    assert long_tail.name("SongTitle", 3, "en") == long_tail.name("SongTitle", 3, "de")
    from jptransfer.text.romanize import spell
    for number in range(50):
        assert spell(long_tail.name("SongTitle", number, "ja")).text.capitalize() == long_tail.name(
            "SongTitle", number, "en")


@pytest.mark.parametrize("settings, message", [
    ({"tags": 241}, "long_tail.tags: 241 is out of range"), ({"exponent": -1.0}, "long_tail.exponent: -1 is out of"),
    ({"train": 3}, "long_tail.train: 3 utterances cannot have 240 types")])
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        check(TaskConfig(long_tail=LongTailConfig(**settings)))


def test_marks_that_do_not_end_take_linear_time():
    assert list(knp._marks("+ 1D " + "<NE:A:" * 200_000)) == []
    assert list(knp._marks("+ 1D <NE:X><NE:A:" * 100 + "<NE:DATE:今日>"))[-1][0] in ("A", "DATE")


def test_overlapping_entities_of_a_long_text_take_linear_time():
    spans = [Span(place, place + 2, "A") for place in range(0, 200_000)]
    assert disjoint(spans) == spans[::2]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=12))
def test_of_overlapping_entities_the_longest_stays(places):
    spans = [Span(start, start + length, "A") for start, length in places]
    expected: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start - one.end, one)):
        if all(span.end <= other.start or other.end <= span.start for other in expected):
            expected.append(span)
    assert disjoint(spans) == sorted(expected)


@pytest.mark.parametrize("line", ["<!" * 100_000, "<" + "a" * 100_000, "<PERSON>" + "<a" * 100_000 + "</PERSON>"])
def test_elements_without_an_end_take_linear_time(line):
    """At quadratic time a line takes more than a minute."""
    began = time.process_time()
    text, _ = inline_xml.parse(line, frozenset(["PERSON"]))
    assert time.process_time() - began < 5 and len(text) >= 100_000


def test_ids_of_knp_without_a_document(tmp_path):
    """The file is the document where there are several; one file without documents is not divided."""
    files = {f"{name}.knp": numbered(f"{name}_1", f"{name}_2") for name in ("d1", "d2", "d3", "d4")}
    unpack(tmp_path / "several", files)
    groups = knp.read(task(tmp_path / "several")).groups
    assert groups["d1_1"] == groups["d1_2"] != groups["d2_1"] and len(set(groups.values())) == 4
    unpack(tmp_path / "one", {"d.knp": b"".join(files.values())})
    with pytest.raises(DataError, match=r"d\.knp: no S-ID names a document \('d1_1' has no hyphen\)"):
        knp.read(task(tmp_path / "one"))
    assert len(knp.read(task(tmp_path / "one", validation_fraction=0, test_fraction=0)).splits["all"]) == 8
