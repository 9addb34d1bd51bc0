"""Text of strangers does no harm to terminals and databases."""

import unittest

from epmtlite.collect import texts


class Texts(unittest.TestCase):
    def test_what_disturbs_a_terminal_is_shown_as_an_escape(self):
        shown = texts.visible("é\x1b[31m\n\u202e\udcff\U000e0001")
        self.assertEqual(shown, "é\\x1b[31m\\x0a\\u202e\\udcff\\U000e0001")

    def test_what_databases_refuse_is_stored_as_an_escape(self):
        self.assertEqual(texts.storable("é\n\x1b\0\udc80\ud800"), "é\n\x1b\\x00\\x80\\ud800")

    def test_other_texts_are_stored_as_they_are(self):
        text = "é\U0001f600\n"
        self.assertIs(texts.storable(text), text)
