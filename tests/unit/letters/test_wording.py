"""Dates, marks and labels of each language."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urgentaction.core.languages import LETTER_LANGUAGES
from urgentaction.letters.wording import MissingTranslation, ended, labelled, labels, long_date, office_and_name


@pytest.mark.parametrize("language", LETTER_LANGUAGES)
def test_every_language_of_letters_has_its_labels(language: str) -> None:
    words = labels(language)
    for label in (words.re, words.cc, words.fax, words.phone, words.email, words.copy_for):
        assert label.endswith((":", "："))
        assert label.isprintable() or "\u00a0" in label
    assert "{x}" in words.page
    assert "{y}" in words.page
    assert "{name}" in words.supporter


def test_a_language_without_labels_says_where_to_add_them() -> None:
    with pytest.raises(MissingTranslation, match=r"not in 'de'; add its labels in letters/wording\.py"):
        labels("de")


@pytest.mark.parametrize(
    ("language", "day", "written"),
    [
        ("en", date(2015, 12, 1), "1 December 2015"),
        ("ko", date(2015, 12, 1), "2015년 12월 1일"),
        ("fr", date(2015, 12, 1), "1er décembre 2015"),
        ("fr", date(2015, 12, 11), "11 décembre 2015"),
        ("es", date(2015, 12, 1), "1 de diciembre de 2015"),
        ("ru", date(2015, 5, 3), "3 мая 2015 года"),
        ("zh-Hans", date(2015, 12, 1), "2015年12月1日"),
        ("ja", date(2015, 12, 1), "2015年12月1日"),
        ("ar", date(2015, 12, 1), "1 كانون الأول/ديسمبر 2015"),
        ("ar", date(2015, 5, 31), "31 أيار/مايو 2015"),
    ],
)
def test_a_date_is_written_as_in_a_letter(language: str, day: date, written: str) -> None:
    assert long_date(day, language) == written


@given(day=st.dates(min_value=date(1900, 1, 1)), language=st.sampled_from(LETTER_LANGUAGES))
def test_a_date_has_the_figures_of_passports_and_files(day: date, language: str) -> None:
    written = long_date(day, language)
    assert str(day.year) in written
    assert str(day.day) in written
    assert all(char.isascii() for char in written if char.isdigit())


@pytest.mark.parametrize(
    ("text", "mark", "printed"),
    [
        ("Dear President Park", ",", "Dear President Park,"),
        ("Dear President Park,", ",", "Dear President Park,"),
        ("Excelencia:", ":", "Excelencia:"),
        ("Excelencia,", ":", "Excelencia:"),
        ("Уважаемый господин Министр!", "!", "Уважаемый господин Министр!"),
        ("尊敬的阁下:", "：", "尊敬的阁下："),
        ("谨启。", "", "谨启。"),
        ("Veuillez agréer mes salutations.", ",", "Veuillez agréer mes salutations."),
        ("تحية طيبة وبعد،", "،", "تحية طيبة وبعد،"),
        ("謹啓", "", "謹啓"),
    ],
)
def test_a_salutation_ends_once(text: str, mark: str, printed: str) -> None:
    assert ended(text, mark) == printed
    assert ended(printed, mark) == printed


def test_the_office_stands_where_the_language_puts_it() -> None:
    assert office_and_name("Yun Byung-se", "Minister of Foreign Affairs", "en") == (
        "Yun Byung-se, Minister of Foreign Affairs"
    )
    assert office_and_name("윤병세", "외교부 장관", "ko") == "외교부 장관 윤병세"
    assert office_and_name("Юн Бён Се", "Министру иностранных дел", "ru") == "Министру иностранных дел Юн Бён Се"
    assert office_and_name("尹炳世", "外交部长", "zh-Hans") == "外交部长尹炳世"
    assert office_and_name("يون بيونغ سي", "وزير الخارجية", "ar") == "يون بيونغ سي، وزير الخارجية"
    assert office_and_name("", "外交部长", "zh-Hans") == "外交部长"


def test_a_wide_colon_needs_no_blank() -> None:
    assert labelled("传真：", "+82 2-770-4721") == "传真：+82 2-770-4721"
    assert labelled("Fax:", "+82 2-770-4721") == "Fax: +82 2-770-4721"
