"""Japanese in Latin letters, spelled from the kana of a reading as one types them (Johnson et al. 2019, section 3.3).

欧州 is oushuu, を is wo, は is ha whatever it sounds like: the kana are spelled, not the sound. Consonants are those of
Hepburn (shi, chi, tsu, fu, ji). A sokuon doubles the consonant after it, and is ``t`` where a word ends with it, since
a t follows then (行っ|て: it, te). The mark ー repeats the vowel before it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from jptransfer.text import normalize
from jptransfer.text.alignment import Aligned, identity, nfkc, replace_surrogates
from jptransfer.text.memo import MEMO_WORDS, Memo
from jptransfer.text.segment import MecabSegmenter, Word

_SYLLABLES = """
アa イi ウu エe オo カka キki クku ケke コko ガga ギgi グgu ゲge ゴgo サsa シshi スsu セse ソso ザza ジji ズzu ゼze ゾzo
タta チchi ツtsu テte トto ダda ヂji ヅzu デde ドdo ナna ニni ヌnu ネne ノno ハha ヒhi フfu ヘhe ホho
バba ビbi ブbu ベbe ボbo パpa ピpi プpu ペpe ポpo マma ミmi ムmu メme モmo ヤya ユyu ヨyo ラra リri ルru レre ロro
ワwa ヰwi ヱwe ヲwo ンn ヴvu ヷva ヸvi ヹve ヺvo ァa ィi ゥu ェe ォo ャya ュyu ョyo ヮwa ヵka ヶke
イェye ウィwi ウェwe ウォwo クァkwa クィkwi クェkwe クォkwo クヮkwa グァgwa グィgwi グェgwe グォgwo グヮgwa
スィsi ズィzi ツァtsa ツィtsi ツェtse ツォtso ティti テュtyu ディdi デュdyu トゥtu ドゥdu
ファfa フィfi フェfe フォfo フャfya フュfyu フョfyo ヴァva ヴィvi ヴェve ヴォvo ヴャvya ヴュvyu ヴョvyo
"""
_CONTRACTED = {"キ": "ky", "ギ": "gy", "シ": "sh", "ジ": "j", "チ": "ch", "ヂ": "j", "ニ": "ny", "ヒ": "hy", "ビ": "by",
               "ピ": "py", "ミ": "my", "リ": "ry"}
_SMALL = {"ャ": "a", "ュ": "u", "ョ": "o", "ェ": "e"}

LETTERS = dict(re.findall(r"([ァ-ヺ]+)([a-z]+)", _SYLLABLES)) | {
    kana + small: consonant + vowel for kana, consonant in _CONTRACTED.items() for small, vowel in _SMALL.items()}
"""Katakana of one or two characters -> their letters; without ッ and ー, which depend on their neighbours."""

HAN = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Kanji, and the marks that stand for kanji: what is read otherwise than it is written."""
SOKUON, LONG, REPEAT, REPEAT_VOICED = "ッーヽヾ"
_TO_KATAKANA = {code: code + 0x60 for code in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
_VOICING = "\u3099"


class RomanWord(NamedTuple):
    """A word of a text: its half-open span, and its letters with the spans of the text that they stand for."""

    start: int
    end: int
    letters: Aligned


def romanise(text: str, segmenter: MecabSegmenter) -> list[RomanWord]:
    """Return the words of `text` in Latin letters; all spans are of `text` as given, before any normalisation.

    A letter of a word written in kana has the span of its kana, one of a word with kanji that of the whole word.
    """
    aligned = nfkc(replace_surrogates(text))
    made = []
    for start, end, reading in segmenter.words(aligned.text):
        letters = romanise_word(aligned.text[start:end], reading)
        starts = [aligned.starts[start + place] for place in letters.starts]
        ends = [aligned.ends[start + place - 1] for place in letters.ends]
        made.append(RomanWord(*aligned.span(start, end), Aligned(letters.text, starts, ends)))
    return made


class Romaniser:
    """The fast way to Latin letters, for texts without end: each distinct word, with its reading, is spelled once."""

    def __init__(self, dictionary: str = "unidic-lite", join_auxiliaries: bool = False) -> None:
        self.segmenter = MecabSegmenter(dictionary, join_auxiliaries)
        self._memo: Memo[str] = Memo(_letters_of_key, MEMO_WORDS)

    def text(self, text: str) -> str:
        """Return `text` in Latin letters, a space between words."""
        normal = normalize.nfkc(replace_surrogates(text))
        return " ".join(self.letters(normal, word) for word in self.segmenter.words(normal))

    def align(self, text: str) -> Aligned:
        """Return what `text` does, with spans; the space after a word has the span of its last letter."""
        letters: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for word in romanise(text, self.segmenter):
            if letters:
                letters.append(" ")
                starts.append(starts[-1])
                ends.append(ends[-1])
            letters.append(word.letters.text)
            starts += word.letters.starts
            ends += word.letters.ends
        return Aligned("".join(letters), starts, ends)

    def letters(self, text: str, word: Word) -> str:
        """Return the letters of a word of the normalised `text`."""
        return self._memo[f"{text[word.start:word.end]}\t{word.reading or ''}"]


@cache
def romaniser(dictionary: str, join_auxiliaries: bool) -> Romaniser:
    """Return the one `Romaniser` of a process with these settings."""
    return Romaniser(dictionary, join_auxiliaries)


def _letters_of_key(key: str) -> str:
    surface, _, reading = key.partition("\t")
    return romanise_word(surface, reading or None).text


def romanise_word(surface: str, reading: str | None) -> Aligned:
    """Return a word's letters with their spans in `surface`.

    The reading counts where the word has kanji. All other words are spelled as they are written: kana, of whatever
    width, become letters; letters, digits, symbols, and kanji without a reading, stay.
    """
    if reading and HAN.search(surface):
        letters = nfkc(reading).then(spell).text
        return Aligned(letters, [0] * len(letters), [len(surface)] * len(letters))
    return nfkc(surface).then(spell)


def romanise_tokens(tokens: Sequence[str], segmenter: MecabSegmenter) -> list[str]:
    """Return the letters of given words: read in their sentence where words begin and end as MeCab's do, else alone."""
    normal = [nfkc(replace_surrogates(token)).text for token in tokens]
    words = segmenter.words("".join(normal))
    starts = {word.start: number for number, word in enumerate(words)}
    ends = {word.end: number for number, word in enumerate(words)}
    spelled, end = [], 0
    for token in normal:
        start, end = end, end + len(token)
        inside = words[starts[start]:ends[end] + 1] if token and start in starts and end in ends else None
        origin = start
        if inside is None:
            inside, origin = segmenter.words(token), 0
        surfaces = ((token[word.start - origin:word.end - origin], word.reading) for word in inside)
        spelled.append("".join(romanise_word(*word).text for word in surfaces))
    return spelled


def spell(text: str) -> Aligned:
    """Return `text` with its kana in letters; a letter has the span of its kana, a doubled consonant that of the ッ."""
    kana = _katakana(text)
    if kana.isascii():
        return identity(text)
    syllables = list(_syllables(kana))
    pieces: list[str] = []
    following = ""
    for syllable, _, _ in reversed(syllables):
        letters = _letters(syllable, following)
        pieces.append(letters)
        following = letters if syllable in LETTERS or syllable == SOKUON else ""
    pieces.reverse()
    _lengthen(pieces, syllables)
    starts = [start for piece, (_, start, _) in zip(pieces, syllables, strict=True) for _ in piece]
    ends = [end for piece, (_, _, end) in zip(pieces, syllables, strict=True) for _ in piece]
    return Aligned("".join(pieces), starts, ends)


def _syllables(kana: str) -> Iterator[tuple[str, int, int]]:
    """Yield the syllables of a text with their spans; a character that is no kana is one of its own."""
    place = 0
    while place < len(kana):
        syllable = kana[place:place + 2]
        syllable = syllable if syllable in LETTERS else syllable[0]
        yield syllable, place, place + len(syllable)
        place += len(syllable)


def _letters(syllable: str, following: str) -> str:
    """Letters of a syllable, given those of the kana that follow at once."""
    if syllable != SOKUON:
        return LETTERS.get(syllable, syllable)
    return following[0] if following and following[0] not in "aiueon" else "t"


def _lengthen(pieces: list[str], syllables: Sequence[tuple[str, int, int]]) -> None:
    """Write each long-vowel mark in `pieces` as the vowel before it, or as a hyphen where there is none."""
    vowel = ""
    for number, (syllable, _, _) in enumerate(syllables):
        if syllable == LONG:
            pieces[number] = vowel or "-"
        else:
            vowel = pieces[number][-1] if syllable in LETTERS and pieces[number][-1] in "aiueo" else ""


def _katakana(text: str) -> str:
    """Return `text` with katakana for hiragana and for iteration marks, character by character."""
    kana = text.translate(_TO_KATAKANA)
    if REPEAT not in kana and REPEAT_VOICED not in kana:
        return kana
    made: list[str] = []
    for character in kana:
        if character in (REPEAT, REPEAT_VOICED) and made and made[-1] in LETTERS:
            plain = unicodedata.normalize("NFD", made[-1])[0]
            voiced = unicodedata.normalize("NFC", plain + _VOICING)
            character = voiced if character == REPEAT_VOICED and len(voiced) == 1 else plain
        made.append(character)
    return "".join(made)
