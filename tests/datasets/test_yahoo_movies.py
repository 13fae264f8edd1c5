import json
from collections import Counter

import pytest

from jptransfer.config import OnError, TaskConfig
from jptransfer.datasets.preparation import prepare
from jptransfer.datasets.yahoo_movies import read
from jptransfer.datasets.yahoo_movies_settings import YahooMoviesConfig
from jptransfer.errors import DataError


def write(folder, records):
    path = folder / "reviews.json"
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return path


def config(path, **settings):
    return TaskConfig(dataset="yahoo_movies", files={"all": str(path)}, label_column="rating", **settings)


def reviews(negative, positive):
    return [{"text": f"評{number}", "rating": 1 + number % 2 if number < negative else 4 + number % 2}
            for number in range(negative + positive)]


def test_ratings_become_two_classes(tmp_path):
    records = [{"text": f"{rating}点", "rating": rating} for rating in (1, 2, 3, 4, 5)] + [{"text": " ", "rating": 5}]
    data = read(config(write(tmp_path, records)))
    assert [(one.text, one.label) for one in data.splits["all"]] == [
        ("1点", "negative"), ("2点", "negative"), ("4点", "positive"), ("5点", "positive")]
    assert +data.counts == {"neutral rating": 1, "empty text": 1}


def test_the_larger_class_is_sampled_by_seed_whatever_the_order(tmp_path):
    records = reviews(10, 50)
    first = read(config(write(tmp_path, records))).splits["all"]
    turned = read(config(write(tmp_path, records[::-1]))).splits["all"]
    other = read(config(write(tmp_path, records), seed=1)).splits["all"]
    assert Counter(one.label for one in first) == {"negative": 10, "positive": 10}
    assert {one.text for one in first} == {one.text for one in turned} != {one.text for one in other}
    everything = read(config(write(tmp_path, records), yahoo_movies=YahooMoviesConfig(balance=False)))
    assert len(everything.splits["all"]) == 60


def test_splits_of_the_paper(tmp_path):
    made = prepare(config(write(tmp_path, reviews(19_091, 19_500)), validation_fraction=0.2, test_fraction=0.20001,
                          expected={"all": 38_182}))
    sizes = {split: len(examples) for split, examples in made.splits.items()}
    assert sizes["test"] == 7_637 and sizes["train"] + sizes["validation"] == 30_545


def test_what_is_no_rating_is_named_or_skipped(tmp_path):
    path = write(tmp_path, [{"text": "良い", "rating": "five"}, *reviews(1, 1)])
    with pytest.raises(DataError, match="reviews.json:1: the rating 'five' is not a number"):
        read(config(path))
    assert read(config(path, on_error=OnError.skip)).counts["malformed"] == 1


def test_one_array_of_reviews_is_read_like_lines(tmp_path):
    records = reviews(3, 3)
    lines = read(config(write(tmp_path, records))).splits["all"]
    (tmp_path / "array.json").write_text(json.dumps(records, ensure_ascii=False, indent=1), encoding="utf-8")
    assert read(config(tmp_path / "array.json")).splits["all"] == lines
