import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from jptransfer.report import page
from tests.report import fabricate

VOID = {"meta", "img", "source", "br", "link"}


class Reader(HTMLParser):
    """Checks nesting; collects tags, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.stack: list[str] = []
        self.text = ""
        self.feed(html)
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if "style" not in self.stack:
            self.text += data


@pytest.fixture(scope="module")
def html(polarity) -> str:
    return page.html(polarity.report)


@pytest.fixture(scope="module")
def read(html) -> Reader:
    return Reader(html)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(html, read):
    places = [value for name, value in read.attributes if name in ("src", "srcset", "href", "data", "action")]
    assert places and all(value.startswith(("#", "data:image/svg+xml;base64,")) for value in places)
    assert not {"script", "link", "iframe", "object", "base"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    style = html[html.index("<style>"): html.index("</style>")]
    assert "url(" not in style and "@import" not in style and "http" not in style


def test_untrusted_text_is_escaped(html, read):
    assert "<script" not in html and "&lt;script&gt;" in html
    assert fabricate.NASTY in read.text


def test_entities_are_escaped_too(entities):
    shown = page.html(entities.report)
    assert "<b>銀行" not in shown and "日本&lt;b&gt;銀行&lt;/b&gt;" in shown
    assert 'class="t0' in shown and "dashed: gold and prediction differ" in shown
    assert "<script" not in shown


def test_names_from_the_configuration_are_escaped(tmp_path):
    from tests.report.conftest import made

    store = fabricate.classification(tmp_path, examples=10, seeds=(0,), name="a<i>b")
    assert "a<i>b" not in page.html(made(store).report)


def test_the_page_says_what_was_found(polarity, read):
    for row in polarity.results[0].rows:
        sentence = polarity.results[0].verdict(row)
        assert sentence in read.text.replace("\u00a0", " ")
    headings = ("Results", "Paired tests", "Pipeline", "Learning curves", "Examples", "Data and models", "Reproduce")
    assert [heading for heading in headings if heading not in read.text] == []


def test_every_artifact_is_named_with_its_configuration(polarity, read):
    for source in polarity.sources.artifacts.values():
        assert source.manifest.id in read.text and source.fingerprint in read.text
    assert "vocab_size: 8000" in read.text


def test_anchors_lead_somewhere(read):
    ids = {value for name, value in read.attributes if name == "id"}
    assert {value[1:] for name, value in read.attributes if name == "href"} <= ids


def test_japanese_is_marked_and_every_figure_is_there_in_both_themes(polarity, read):
    assert ("lang", "ja") in read.attributes
    assert read.tags.count("img") == read.tags.count("source") == len(polarity.report.all_figures)
    assert ("media", "(prefers-color-scheme: dark)") in read.attributes


def test_the_command_is_the_one_given(polarity):
    assert "jpt run &#39;a b=1&#39;" in page.html(replace(polarity.report, command="jpt run 'a b=1'"))


def test_timings_and_places_are_not_on_the_page(html, read):
    assert "12345" not in read.text and "somewhere/else" not in html
    assert not re.search(r"\btokens per second\b", read.text)


def test_versions(polarity):
    assert page.versions(polarity.sources) == {
        "jptransfer": "0.1.0 (commit c0ffeec0ffee, changed)", "python": "3.11.9", "torch": "2.13.0", "device": "cpu"}
