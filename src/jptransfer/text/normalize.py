"""Named normalisations of one line of text: each takes a string and returns a string."""

from __future__ import annotations

import html as _html
import re
import unicodedata

_SPACE = re.compile(r"\s+")
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_LONG_REFERENCE = re.compile(r"&#([0-9]{20,});?")
_URL = re.compile(r"(?:https?|ftp)://[\w/:%#$&?()~.=+\-@!*',;\[\]]+", re.ASCII | re.IGNORECASE)
_USER = re.compile(r"(?<![\w.])@\w+", re.ASCII)
_LONG_VOWELS = re.compile("ー{2,}")
_WAVE_DASHES = str.maketrans(dict.fromkeys("～∼∾〰", "〜"))

# NFKC leaves the first as they are and changes some of the others; none of either composes with what stands before it.
_NFKC_FIXED = "\x00-\x7f\u3001-\u3029\u3041-\u3096\u30a1-\u30fe\u4e00-\u9fff"
_NFKC_SINGLE = "\x80-\xff\u2010-\u2027\u2030-\u205e\u2190-\u27bf\u3000\u3200-\u33ff\uff01-\uff9d\uffe0-\uffee"
_NFKC_OTHER = re.compile(f"[^{_NFKC_FIXED}{_NFKC_SINGLE}]")
_NFKC_RUN = re.compile(f"[^{_NFKC_FIXED}]+")

_NEOLOGD_HYPHEN = re.compile("[－˗֊‐‑‒–⁃⁻₋−]+")
_NEOLOGD_LONG_VOWEL = re.compile("[﹣ｰ—―─━ー]+")
_NEOLOGD_TILDE = re.compile("[~∼∾〜〰～]")
_WIDTH = 0xFEE0
_ASCII = {chr(code): chr(code + _WIDTH) for code in range(0x21, 0x7F)}
_NEOLOGD_LETTERS = str.maketrans({wide: narrow for narrow, wide in _ASCII.items() if narrow.isalnum()})
_NEOLOGD_WIDEN = str.maketrans(
    {narrow: wide for narrow, wide in _ASCII.items() if not narrow.isalnum()} | {"¥": "￥", "'": "’", '"': "”"}
)
_NEOLOGD_NARROW = str.maketrans(
    {wide: narrow for narrow, wide in _ASCII.items() if narrow != "="} | {"￥": "¥", "’": "'", "”": '"'}
)
_HALF_KANA = re.compile("[｡-ﾟ]+")
_WIDE = "\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef"
_NEOLOGD_SPACE = re.compile(f"(?<=[{_WIDE}]) (?=[{_WIDE}\x00-\x7f])|(?<=[\x00-\x7f]) (?=[{_WIDE}])")


def nfkc(text: str) -> str:
    """Unicode normalisation form KC: full-width letters become ASCII, half-width kana full-width, ligatures apart.

    In common Japanese text only the runs of characters that may change are looked at, which is twice as fast.
    """
    if _NFKC_OTHER.search(text):
        return unicodedata.normalize("NFKC", text)
    return _NFKC_RUN.sub(_nfkc_run, text)


def _nfkc_run(run: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", run[0])


def neologd(text: str) -> str:
    """The normalisation that mecab-ipadic-NEologd's dictionary was made with (its wiki, page Regexp.ja).

    Letters, digits and symbols but ``＝`` become half-width, kana and ``。、・「」`` full-width; hyphens become ``-``,
    long-vowel marks one ``ー``; tildes go; white space beside a Japanese character or a symbol goes, other runs become
    one space.
    """
    text = _HALF_KANA.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text.translate(_NEOLOGD_LETTERS))
    text = _NEOLOGD_HYPHEN.sub("-", text)
    text = _NEOLOGD_LONG_VOWEL.sub("ー", text)
    text = _NEOLOGD_TILDE.sub("", text)
    return _NEOLOGD_SPACE.sub("", whitespace(text.translate(_NEOLOGD_WIDEN))).translate(_NEOLOGD_NARROW)


def whitespace(text: str) -> str:
    """Runs of white space (full-width too) become one space; ends are trimmed."""
    return _SPACE.sub(" ", text).strip()


def copy_key(text: str) -> str:
    """What copies of a text have in common: NFKC, single spaces and none at the ends, no invisible characters."""
    return whitespace(_INVISIBLE.sub("", nfkc(text)))


def control(text: str) -> str:
    """Control, bidirectional and zero-width characters go; tab, line feed and carriage return become a space.

    The zero-width joiner goes too, so that an emoji made of several shows as its parts.
    """
    return _INVISIBLE.sub("", text.translate({9: " ", 10: " ", 13: " "}))


def html(text: str) -> str:
    """Tags and comments go, then character references are resolved (so that ``&lt;b&gt;`` stays as ``<b>``)."""
    return unescape(_TAG.sub("", _without_comments(text)))


def unescape(text: str) -> str:
    """Resolve character references; a number that is no character, however long it is, becomes U+FFFD."""
    return _html.unescape(_LONG_REFERENCE.sub(_shortened, text))


def _shortened(reference: re.Match[str]) -> str:
    digits = reference[1].lstrip("0")
    return f"&#{digits or 0};" if len(digits) < 8 else "\ufffd"


def _without_comments(text: str) -> str:
    """Remove ``<!-- … -->``; in linear time, so not by a pattern, which looks for each end that is not there again."""
    kept, start = [], 0
    while (begin := text.find("<!--", start)) >= 0 and (end := text.find("-->", begin + 4)) >= 0:
        kept.append(text[start:begin])
        start = end + 3
    return "".join([*kept, text[start:]])


def urls(text: str) -> str:
    """URLs become ``[URL]``."""
    return _URL.sub("[URL]", text)


def users(text: str) -> str:
    """``@name`` becomes ``[USER]``; the @ of a mail address stays."""
    return _USER.sub("[USER]", text)


def digits(text: str) -> str:
    """Every decimal digit of any script becomes 0."""
    return re.sub(r"\d", "0", text)


def lowercase(text: str) -> str:
    """Lower case."""
    return text.lower()


def long_vowels(text: str) -> str:
    """Repeated long-vowel marks become one."""
    return _LONG_VOWELS.sub("ー", text)


def wave_dash(text: str) -> str:
    """Full-width tilde and the other look-alikes become the wave dash U+301C (name it before ``nfkc``)."""
    return text.translate(_WAVE_DASHES)
