import pytest

from jptransfer.config import OnError, RolesConfig, TaskConfig
from jptransfer.datasets.preparation import discover, prepare, warnings
from jptransfer.datasets.text_file_settings import TextFileConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.tasks.classification import Classification, TextExample


def tsv(path, rows):
    path.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    return str(path)


def test_copies_are_copies_of_both_texts(tmp_path):
    train, test = tmp_path / "train.tsv", tmp_path / "test.tsv"
    train.write_text("text\tpair\tlabel\n" + "".join(f"a\tb{n}\t{n % 2}\n" for n in range(9)), encoding="utf-8")
    test.write_text("text\tpair\tlabel\na\tb3\t1\na\tother\t0\nb3\ta\t0\n", encoding="utf-8")
    files = {"train": str(train), "test": str(test)}
    found = prepare(TaskConfig(dataset="text_file", files=files, text_pair_column="pair", validation_fraction=0.0))
    assert found.statistics["duplicates"]["train/test"] == 1
    assert found.statistics["splits"]["train"]["pairs"] == 9 and found.statistics["splits"]["train"]["mean_length"] == 3


TRAIN = [(f"訓練{n}", "よい" if n % 3 else "わるい") for n in range(30)]


def config(tmp_path, train=None, validation=None, test=None, **settings):
    given = {"train": TRAIN if train is None else train, "validation": validation, "test": test}
    files = {split: tsv(tmp_path / f"{split}.tsv", rows) for split, rows in given.items() if rows is not None}
    return TaskConfig(dataset="text_file", files=files, **settings)


def sizes(prepared):
    return {split: len(examples) for split, examples in prepared.splits.items()}


@pytest.mark.parametrize("validation, test, expected", [
    (None, None, {"train": 24, "validation": 3, "test": 3}),
    ([("x", "よい")], None, {"train": 27, "validation": 1, "test": 3}),
    (None, [("x", "よい")] * 2, {"train": 27, "validation": 3, "test": 2}),
    ([("x", "よい")], [("y", "よい")], {"train": 30, "validation": 1, "test": 1}),
])
def test_missing_splits_are_made_of_the_training_split(tmp_path, validation, test, expected):
    prepared = prepare(config(tmp_path, validation=validation, test=test))
    assert sizes(prepared) == expected
    assert list(prepared.splits) == ["train", "validation", "test"]
    made = {split for split, rows in (("validation", validation), ("test", test)) if rows is None}
    assert set(prepared.statistics["made_splits"]) == made


def test_a_share_of_nothing_makes_no_split(tmp_path):
    assert sizes(prepare(config(tmp_path, test_fraction=0.0))) == {"train": 27, "validation": 3}
    with pytest.raises(ConfigError, match="leave nothing to train on"):
        prepare(config(tmp_path, test_fraction=0.5, validation_fraction=0.5))


def test_labels_are_discovered_sorted_or_given(tmp_path):
    assert prepare(config(tmp_path)).task.labels == ["よい", "わるい"]
    assert prepare(config(tmp_path, labels=["わるい", "よい"])).task.labels == ["わるい", "よい"]
    with pytest.raises(DataError, match="task.labels has too few labels to learn: よい"):
        prepare(config(tmp_path, labels=["よい"]))


@pytest.mark.parametrize("labels, order", [
    (["10", "9", "-1"], ["-1", "9", "10"]), (["2.5", "10"], ["2.5", "10"]), (["10", "9", "x"], ["10", "9", "x"]),
    (["nan", "1"], ["1", "nan"])])
def test_numbers_are_in_their_order(labels, order):
    assert discover(Classification, [TextExample("1", "", label) for label in labels]) == order


def test_an_unseen_label_is_an_error_or_counted(tmp_path):
    validation = [("a", "よい"), ("b", "わるいい")]
    with pytest.raises(DataError, match=r"example 'validation-2' has the label 'わるいい'.*did you mean 'わるい'"):
        prepare(config(tmp_path, validation=validation))
    prepared = prepare(config(tmp_path, validation=validation, on_error=OnError.skip))
    assert len(prepared.splits["validation"]) == 1
    assert prepared.statistics["left_out"] == {"unknown label わるいい": 1}
    with pytest.raises(DataError, match=r"label 'よい', which task\.labels does not have"):
        prepare(config(tmp_path, labels=["わるい", "良い"]))


def test_labels_are_renamed_and_dropped(tmp_path):
    train = [*TRAIN, ("?", "不明")]
    prepared = prepare(config(tmp_path, train, label_map={"よい": "1", "わるい": "0", "不明": ""}))
    assert prepared.task.labels == ["0", "1"]
    assert sum(sizes(prepared).values()) == 30
    assert prepared.statistics["left_out"] == {"label 不明": 1}
    with pytest.raises(ConfigError, match=r"no example has the label 'わるいよ' \(did you mean 'わるい'\?\)"):
        prepare(config(tmp_path, label_map={"わるいよ": "0"}))


def test_a_rare_label_may_be_lacking_where_the_labels_are_named(tmp_path):
    names = {"よい": "1", "わるい": "0", "まあまあ": "0", "不明": ""}
    prepared = prepare(config(tmp_path, labels=["0", "1"], label_map=names))
    assert prepared.task.labels == ["0", "1"] and sum(sizes(prepared).values()) == 30
    with pytest.raises(ConfigError, match="no example has the label 'まあまあ'"):
        prepare(config(tmp_path, label_map=names))
    with pytest.raises(ConfigError, match=r"no example has the label 'わるいよ' \(did you mean 'わるい'\?\)"):
        prepare(config(tmp_path, labels=["0", "1"], label_map={"よい": "1", "わるいよ": "0"}))


def test_expected_counts_are_those_of_the_files(tmp_path):
    settings = {"label_map": {"わるい": "", "よい": "a", "別": "b"}, "validation": [("x", "別")]}
    train = [*TRAIN, ("z", "別")]
    assert prepare(config(tmp_path, train, **settings, expected={"train": 31, "validation": 1}))
    with pytest.raises(DataError, match="'train' has 31 examples instead of 32; are the files complete"):
        prepare(config(tmp_path, train, **settings, expected={"train": 32}))
    with pytest.raises(ConfigError, match=r"task\.expected: 'tran' is no split \(did you mean 'train'\?\)"):
        prepare(config(tmp_path, train, **settings, expected={"tran": 31}))


def test_duplicates_across_splits_are_counted(tmp_path):
    validation, test = [("訓練1", "よい"), ("訓練1", "よい"), ("新", "よい")], [("新", "わるい"), ("訓練2", "よい")]
    prepared = prepare(config(tmp_path, validation=validation, test=test))
    assert prepared.statistics["duplicates"] == {"train/validation": 2, "train/test": 1, "validation/test": 1}


@pytest.mark.parametrize("train, validation, message", [
    ([], None, "the split 'train' has no examples"),
    (TRAIN, [], "the split 'validation' has no examples"),
    ([("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")], None, "too few labels to learn: 1"),
    ([("a", "1")], None, "too few examples"),
    ([], TRAIN, "the split 'train' has no examples"),
])
def test_what_cannot_be_learnt_from(tmp_path, train, validation, message):
    with pytest.raises(DataError, match=message):
        prepare(config(tmp_path, train, validation))


def test_ids_are_unique_over_splits(tmp_path):
    pool = tmp_path / "a.tsv"
    pool.write_text("id\ttext\tlabel\n7\ta\t1\n7\tb\t0\n", encoding="utf-8")
    files = {"train": str(pool), "validation": str(pool)}
    with pytest.raises(DataError, match=r"a\.tsv:3: the id '7' was there before"):
        prepare(TaskConfig(dataset="text_file", files=files, text_file=TextFileConfig(id_column="id")))


def test_the_wrong_kind_and_no_data_set(tmp_path):
    with pytest.raises(ConfigError, match="data set 'text_file' has no examples for kind 'ner'"):
        prepare(config(tmp_path, kind="ner"))
    with pytest.raises(ConfigError, match="no data set is chosen"):
        prepare(TaskConfig())


def test_copies_of_training_texts_in_other_splits_are_counted_and_said(tmp_path):
    copies = [("訓練１", "よい"), (" 訓練2 ", "よい"), ("訓練\u3000\u30003", "よい"), ("新しい", "よい")]
    prepared = prepare(config(tmp_path, train=[*TRAIN, ("訓練 3", "よい")], test=copies, validation=[("別", "よい")]))
    assert prepared.statistics["duplicates"] == {"train/validation": 0, "train/test": 3, "validation/test": 0}
    assert list(warnings(prepared.statistics)) == [
        "3 of 4 texts of the test split have copies in the training split (equal after NFKC and in white space)"]


def test_losses_of_more_than_one_in_a_hundred_are_said(tmp_path):
    broken = config(tmp_path, on_error=OnError.skip)
    with (tmp_path / "train.tsv").open("a", encoding="utf-8") as stream:
        stream.write("only one column\n")
    assert list(warnings(prepare(broken).statistics)) == ["1 malformed left out of 30 examples read"]
    with (tmp_path / "train.tsv").open("a", encoding="utf-8") as stream:
        stream.writelines(f"文{number}\tよい\n" for number in range(200))
    assert list(warnings(prepare(broken).statistics)) == []


def test_all_examples_can_be_counted_where_the_files_divide_them(tmp_path):
    assert prepare(config(tmp_path, validation=[("x", "よい")], expected={"all": 31}))
    with pytest.raises(DataError, match="'all' has 31 examples instead of 30"):
        prepare(config(tmp_path, validation=[("x", "よい")], expected={"all": 30}))


def split_files(tmp_path, **rows):
    return {split: tsv(tmp_path / f"{split}.tsv", [(f"{split}{number}", "よい") for number in range(count)])
            for split, count in rows.items()} | {"train": tsv(tmp_path / "train.tsv", TRAIN)}


@pytest.mark.parametrize(("files", "roles", "expected"), [
    ({"dev": 2, "test": 1}, {}, {"train": 30, "validation": 2, "test": 1}),  # the only split to select on
    ({"dev": 2, "validation": 3, "test": 1}, {}, {"train": 30, "validation": 3, "development": 2, "test": 1}),
    ({"dev": 2, "test": 1}, {"search": "development"}, {"train": 27, "validation": 3, "development": 2, "test": 1}),
    ({"dev": 2, "test": 1}, {"select": "development"}, {"train": 30, "development": 2, "test": 1}),
    ({"dev": 2, "test_news": 4}, {"final": "test_news"}, {"train": 30, "validation": 2, "test_news": 4}),
    ({"dev": 2, "test": 1, "test_news": 4}, {}, {"train": 30, "validation": 2, "test": 1, "test_news": 4}),
])
def test_files_keep_their_splits_and_roles_make_the_rest(tmp_path, files, roles, expected):
    task = TaskConfig(dataset="text_file", files=split_files(tmp_path, **files), roles=RolesConfig(**roles))
    prepared = prepare(task)
    assert sizes(prepared) == expected and list(prepared.splits) == list(expected)
    assert sorted(task.declared_splits()) == sorted(expected)


def test_roles_of_a_data_set(tmp_path):
    files = split_files(tmp_path, dev=2, validation=2, test=2)
    assert prepare(TaskConfig(dataset="text_file", files=files)).roles == RolesConfig(search="development")
    own = RolesConfig(search="validation", final="test_news")
    with pytest.raises(ConfigError, match=r"task\.roles\.final: unknown split 'test_news' \(did you mean 'test'\?\)"):
        prepare(TaskConfig(dataset="text_file", files=files, roles=own))


def test_labels_and_made_splits_come_from_the_split_to_fit_on(tmp_path):
    files = {"train_small": tsv(tmp_path / "a.tsv", TRAIN), "train": tsv(tmp_path / "b.tsv", [("他", "別")])}
    settings = {"dataset": "text_file", "files": files, "roles": RolesConfig(fit="train_small")}
    with pytest.raises(DataError, match="the label '別', which the training split does not have"):
        prepare(TaskConfig(**settings))
    del files["train"]
    prepared = prepare(TaskConfig(**settings))
    assert sizes(prepared) == {"train_small": 24, "validation": 3, "test": 3}
