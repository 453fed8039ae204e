"""API keys as text: recognisable, of one form, and proof against typing mistakes."""

from __future__ import annotations

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.domain.api_keys import ALPHABET, digest_of, is_key_id, is_like_key, read_key_id, write_key

ID, SECRET = "h3K9abcDEF01", "Zq0" * 14 + "x"
KEY = write_key(ID, SECRET)


def test_a_key_starts_with_its_prefix_and_id_and_is_one_word_of_letters_digits_and_underscores():
    assert KEY.startswith(f"wbx_{ID}_{SECRET}")
    assert re.fullmatch(r"wbx_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", KEY)
    assert is_like_key(KEY)
    assert read_key_id(KEY) == ID
    assert is_key_id(ID)


def test_a_secret_is_as_hard_to_guess_as_256_random_bits():
    assert len(ALPHABET) == len(set(ALPHABET)) == 62
    assert 62 ** len(SECRET) >= 2**256


def test_the_checksum_is_the_crc_32_in_base_62():
    number = 0
    for letter in KEY[-6:]:
        number = number * 62 + ALPHABET.index(letter)

    assert number == zlib.crc32(KEY[:-6].encode())


@given(place=st.integers(0, len(KEY) - 1), letter=st.sampled_from(ALPHABET + "_- .é"))
def test_one_wrong_letter_is_told(place, letter):
    mistyped = KEY[:place] + letter + KEY[place + 1 :]

    assert read_key_id(mistyped) == (ID if mistyped == KEY else None)


@pytest.mark.parametrize("place", range(4, len(KEY) - 1))
def test_two_letters_that_changed_places_are_told(place):
    swapped = KEY[:place] + KEY[place + 1] + KEY[place] + KEY[place + 2 :]

    assert read_key_id(swapped) == (ID if swapped == KEY else None)


@pytest.mark.parametrize(
    "text",
    ["", "wbx_", KEY[:-1], KEY + "0", KEY + "\n", " " + KEY, KEY * 2, KEY.upper(), KEY.replace("_", "-")],
)
def test_what_is_cut_off_or_added_is_no_key(text):
    assert read_key_id(text) is None


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_is_not_and_never_an_error(text):
    assert read_key_id(text) is None
    assert read_key_id("wbx_" + text) is None


def test_a_token_is_never_like_a_key():
    assert not is_like_key("eyJhbGciOiJIUzI1NiJ9.e30.c2ln")
    assert not is_like_key("WBX_" + KEY[4:])


def test_what_is_stored_of_a_key_says_nothing_about_it_and_differs_for_every_key():
    other = write_key(ID, SECRET[:-1] + "y")

    assert re.fullmatch("[0-9a-f]{64}", digest_of(KEY))
    assert digest_of(KEY) != digest_of(other)
    assert SECRET not in digest_of(KEY)
