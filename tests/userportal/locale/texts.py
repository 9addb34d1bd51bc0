"""What a reader sees of a page or of a graph, and which of it is a text of the catalogue."""

import re
from html.parser import HTMLParser

from tests.userportal.locale.catalog import entries

SPOKEN = ("title", "placeholder", "aria-label", "aria-valuetext", "alt")
UNSEEN = ("script", "style")
VOID = ("meta", "link", "input", "br", "hr", "img", "path", "rect", "circle", "polyline")
TAG = re.compile(r"<[^>]*>")
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}|%%")


class Page(HTMLParser):
    """The texts, links and graphs of a page, without what is in another language than the page."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.texts, self.links, self.language, self.unseen = set(), [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "html":
            self.language = values.get("lang", "")
        is_foreign = values.get("lang", self.language) != self.language
        if tag not in VOID and (self.unseen or tag in UNSEEN or is_foreign):
            self.unseen.append(tag)
        if not self.unseen:
            self.texts |= {" ".join(values[name].split()) for name in SPOKEN if values.get(name)}
        self.links += [values[name] for name in ("href", "data-graph") if values.get(name)]

    def handle_endtag(self, tag):
        if self.unseen:
            self.unseen.pop()

    def handle_data(self, data):
        if not self.unseen and data.strip():
            self.texts.add(" ".join(data.split(" ")).strip())


def texts_of_json(content):
    """Return all texts in the values of a figure."""
    if isinstance(content, str):
        return {content.strip()}
    parts = content.values() if isinstance(content, dict) else content
    return set().union(*map(texts_of_json, parts)) if isinstance(content, (dict, list)) else set()


class English:
    """The English texts of the catalogue whose French is another."""

    def __init__(self):
        self.plain, self.patterns = set(), []
        for one in entries("django"):
            for message in filter(None, (one.message, one.plural)):
                kept = {piece for text in one.translations for piece in pieces(text)}
                for piece in set(pieces(message)) - kept:
                    self.add(piece)

    def add(self, piece):
        """Remember what stands between two marks of HTML."""
        literals = PLACEHOLDER.split(piece)
        wild = "[^ ]+" if "%(count)s" in piece else ".+"
        if len(literals) == 1:
            self.plain.add(piece)
        elif re.search(r"[A-Za-z]{2}", " ".join(literals)):
            self.patterns.append(re.compile(wild.join(map(re.escape, literals)), re.DOTALL))

    def among(self, texts):
        """Return those of some texts that are English texts of the catalogue."""
        return {
            text
            for text in texts
            if text in self.plain or any(one.fullmatch(text) for one in self.patterns)
        }


def pieces(text):
    """Return the parts of a text between marks of HTML that have a letter."""
    return [part.strip() for part in TAG.split(text) if re.search(r"[^\W\d_]", part)]
