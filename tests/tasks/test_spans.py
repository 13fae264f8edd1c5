"""seqeval reads every scheme by conlleval's rules and is the independent truth for `chunks`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from jptransfer.tasks.spans import Span, chunks, split_tag, tag_names, tag_units, to_characters, to_units

TAGS = st.lists(st.sampled_from(["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("LOC", "PER"))]))


@given(TAGS)
def test_chunks_are_seqevals_entities(tags):
    assert chunks(tags) == [(start, end + 1, kind) for kind, start, end in get_entities(tags)]


@pytest.mark.parametrize("scheme, tags", [
    ("IOB1", "I-LOC I-LOC B-LOC O I-PER I-LOC"),
    ("IOB2", "B-LOC I-LOC B-LOC O B-PER B-LOC"),
    ("IOE1", "I-LOC E-LOC I-LOC O I-PER I-LOC"),
    ("IOE2", "I-LOC E-LOC E-LOC O E-PER E-LOC"),
    ("BIOES", "B-LOC E-LOC S-LOC O S-PER S-LOC"),
    ("BILOU", "B-LOC L-LOC U-LOC O U-PER U-LOC"),
])
def test_the_same_chunks_in_every_scheme(scheme, tags):
    assert chunks(tags.split()) == [(0, 2, "LOC"), (2, 3, "LOC"), (4, 5, "PER"), (5, 6, "LOC")], scheme


def test_types_may_hold_hyphens_or_be_missing():
    assert chunks(["B-creative-work", "I-creative-work"]) == [(0, 2, "creative-work")]
    assert chunks(["B", "I", "B"]) == [(0, 2, "entity"), (2, 3, "entity")]


@pytest.mark.parametrize("tag", ["", "名詞", "LOC", "X-LOC", "O-LOC", "b-LOC"])
def test_what_is_no_tag(tag):
    with pytest.raises(ValueError, match="is no tag"):
        split_tag(tag)


@st.composite
def disjoint_spans(draw):
    cuts = sorted(draw(st.sets(st.integers(0, 30))))
    pairs = [pair for pair in zip(cuts, cuts[1:], strict=False) if draw(st.booleans())]
    return [Span(*pair, draw(st.sampled_from(["LOC", "PER"]))) for pair in pairs]


@given(disjoint_spans())
def test_iob2_is_the_inverse_of_chunks(spans):
    tags = tag_units(30, spans)
    assert chunks(tags) == spans
    assert set(tags) <= set(tag_names(["LOC", "PER"]))


@given(disjoint_spans(), st.sets(st.integers(1, 29)))
def test_units_keep_aligned_spans_and_count_the_others(spans, cuts):
    borders = sorted(cuts | {0, 30})
    units = list(zip(borders, borders[1:], strict=False))
    aligned = [span for span in spans if {span.start, span.end} <= set(borders)]
    ranges, misaligned = to_units(spans, units)
    assert misaligned == len(spans) - len(aligned)
    assert misaligned or to_characters(ranges, units) == spans
    assert all(a.end <= b.start for a, b in zip(ranges, ranges[1:], strict=False))


def test_a_misaligned_span_takes_the_units_it_touches():
    units = [(0, 2), (2, 4), (5, 6)]
    assert to_units([Span(1, 3, "LOC")], units) == ([(0, 2, "LOC")], 1)
    assert to_units([Span(0, 1, "LOC"), Span(1, 2, "PER")], units) == ([(0, 1, "LOC")], 2)
    assert to_units([Span(4, 5, "LOC")], units) == ([], 1)
    assert to_units([Span(2, 6, "LOC")], units) == ([(1, 3, "LOC")], 0)


@pytest.mark.parametrize("scheme, tags", [
    ("iob1", "I-A I-A B-A I-B O I-A"), ("iob2", "B-A I-A B-A B-B O B-A"), ("ioe1", "I-A E-A I-A I-B O I-A"),
    ("ioe2", "I-A E-A E-A E-B O E-A"), ("bioes", "B-A E-A S-A S-B O S-A"), ("bmes", "B-A E-A S-A S-B O S-A"),
    ("bilou", "B-A L-A U-A U-B O U-A")])
def test_schemes_are_written_and_read_again(scheme, tags):
    spans = [Span(0, 2, "A"), Span(2, 3, "A"), Span(3, 4, "B"), Span(5, 6, "A")]
    assert tag_units(6, spans, scheme) == tags.split()
    assert chunks(tags.split()) == spans
