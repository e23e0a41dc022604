"""What the two commands for translators share: gather every sentence into a template, bring the catalogues up to it.

A translator needs no tool but this: `python -m web.translating` and `python -m bridge.wording.translating`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from facilitator.languages import forms

KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None}
NOTE = "NOTE:"
"""How a comment begins that goes to translators: `{# NOTE: … #}` in a template, `# NOTE: …` in Python."""


def gather(mapping: Path, folders: Mapping[str, Path]) -> Catalog:
    """Every sentence of these folders, by what they are called in `mapping`, with where it stands and its note."""
    with mapping.open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    catalog = Catalog(project="Hearth", charset="utf-8")
    for called, folder in folders.items():
        ours = [(within(pattern, called), how) for pattern, how in methods if pattern.startswith(f"{called}/")]
        chosen = {within(pattern, called): given for pattern, given in options.items()}
        found = extract_from_dir(folder, ours, chosen, keywords=KEYWORDS, comment_tags=(NOTE,), strip_comment_tags=True)
        for name, _, message, comments, context in found:
            said_where = [(f"{called}/{name}", 0)]
            catalog.add(message, locations=said_where, auto_comments=comments, context=context)
    return catalog


def within(pattern: str, folder: str) -> str:
    return pattern.removeprefix(f"{folder}/")


def renew(template: Path, gathered: Catalog, sources: list[Path]) -> None:
    """Write the template and every catalogue anew, and say what is left to do."""
    write_template(gathered, template)
    for source in sources:
        left = bring_up_to_date(source, gathered)
        sys.stdout.write(f"{source.parts[-3]}: {len(left)} to translate\n" if left else f"{source.parts[-3]}: done\n")


def write_template(catalog: Catalog, template: Path) -> None:
    with template.open("wb") as file:
        write_po(file, catalog, omit_header=True, sort_output=True, include_lineno=False, width=110)


def bring_up_to_date(source: Path, gathered: Catalog) -> list[str]:
    """A language's catalogue with exactly the sentences there are; what it had no words for is returned."""
    catalog = read(source)
    catalog.update(gathered, no_fuzzy_matching=True, update_creation_date=False, keep_user_comments=True)
    catalog.obsolete.clear()
    with source.open("wb") as file:
        write_po(file, catalog, sort_output=True, include_lineno=False, width=110)
    return missing(catalog)


def read(source: Path) -> Catalog:
    """A language's catalogue; an empty file is the beginning of one."""
    locale = source.parts[-3].replace("-", "_")
    if not source.stat().st_size:
        said = f"# The panel and the bot of Hearth in {Locale.parse(locale).get_display_name('en')}.\n#"
        return Catalog(locale, project="Hearth", version="0.1", header_comment=said, fuzzy=False)
    with source.open("rb") as po:
        return read_po(po, locale=locale)


def missing(catalog: Catalog) -> list[str]:
    return [forms(message.id)[0] for message in catalog if message.id and not is_done(message)]


def is_done(message: Message) -> bool:
    """It has words in every plural form, and nobody has doubts about them."""
    return not message.fuzzy and bool(forms(message.string)) and all(forms(message.string))


def all_sources(folder: Path, domain: str) -> list[Path]:
    return sorted(folder.glob(f"*/LC_MESSAGES/{domain}.po"))
