"""The French catalogue is whole: every text is translated, and the compiled files fit."""

import gettext
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import userportal
from tests.services import require_service
from tests.userportal.locale.catalog import DOMAINS, LOCALE, entries, placeholders, read
from userportal.web import data_texts, data_texts_source

PACKAGE = Path(userportal.__file__).parent
NARROW, NO_BREAK = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
both = pytest.mark.parametrize("domain", DOMAINS)


@both
def test_every_text_is_translated(domain):
    assert len(entries(domain)) > 25
    assert [one.key for one in entries(domain) if not all(one.translations)] == []


@both
def test_no_translation_is_fuzzy_or_obsolete(domain):
    found, obsolete = read(LOCALE / f"{domain}.po")
    assert [one.key for one in found if one.is_fuzzy] == []
    assert obsolete == []


@both
def test_no_text_stands_there_twice(domain):
    keys = [one.key for one in entries(domain)]
    assert len(keys) == len(set(keys))


@both
def test_placeholders_are_those_of_the_english_text(domain):
    wrong = [
        (one.message, text)
        for one in entries(domain)
        for text in one.translations
        # The text for one thing need not say its number.
        if placeholders(text) not in [placeholders(one.message), placeholders(one.plural)]
    ]
    assert wrong == []


@both
def test_texts_with_a_plural_have_two_forms_and_the_second_is_that_of_the_plural(domain):
    for one in entries(domain):
        assert len(one.translations) == (2 if one.plural else 1)
        if one.plural:
            assert placeholders(one.translations[1]) == placeholders(one.plural)


@both
def test_marks_of_html_are_kept(domain):
    tags = re.compile(r"<[^>]*>")
    for one in entries(domain):
        for text in one.translations:
            assert tags.findall(text) == tags.findall(one.message)


@both
def test_french_has_its_blanks_and_apostrophes(domain):
    wrong = [
        text
        for one in entries(domain)
        for text in one.translations
        if re.search(
            rf"[^{NARROW}][;!?]|[^{NO_BREAK}]:(?!//)|'|«[^{NO_BREAK}]|[^{NO_BREAK}]»", text
        )
    ]
    assert wrong == []


@both
def test_a_sentence_stays_a_sentence(domain):
    for one in entries(domain):
        for text in one.translations:
            assert text[-1:] == one.message[-1:] or one.message[-1] not in ".:…", text
            assert text == text.strip()


@both
def test_compiled_messages_are_those_of_the_catalogue(domain):
    with (LOCALE / f"{domain}.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    expected = {}
    for one in entries(domain):
        key = f"{one.context}\x04{one.message}" if one.context else one.message
        if one.plural:
            expected.update({(key, form): text for form, text in enumerate(one.translations)})
        else:
            expected[key] = one.translations[0]
    catalogue = {key: text for key, text in compiled._catalog.items() if key}
    assert catalogue == expected


def test_texts_of_data_files_are_where_makemessages_finds_them():
    assert data_texts_source.TARGET.read_text(encoding="utf-8") == data_texts_source.module_text()
    assert list(data_texts.TEXTS) == data_texts_source.data_texts()


def test_texts_of_all_rules_are_translated():
    translated = {one.message for one in entries("django")}
    assert len(data_texts_source.data_texts()) > 50
    assert [text for text in data_texts_source.data_texts() if text not in translated] == []


@both
def test_the_catalogue_has_exactly_the_texts_of_the_portal(domain, tmp_path):
    require_service("xgettext", "msgmerge")
    copy = tmp_path / "userportal"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "locale"))
    (copy / "locale").mkdir()
    conf = tmp_path / "portal.conf"
    conf.write_text(f"[portal]\nstate = {tmp_path / 'state'}\n")
    environment = {
        **os.environ, "HPCUSAGE_PORTAL_CONF": str(conf), "PYTHONPATH": str(PACKAGE.parent),
        "DJANGO_SETTINGS_MODULE": "userportal.settings", "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "makemessages", "-l", "fr", "-d", domain]
    subprocess.run(command, cwd=copy, env=environment, check=True, capture_output=True, text=True)
    fresh, _obsolete = read(copy / "locale" / "fr" / "LC_MESSAGES" / f"{domain}.po")
    wanted = {(*one.key, one.plural) for one in fresh if one.message}
    assert {(*one.key, one.plural) for one in entries(domain)} == wanted
