"""The house keeps its own rules: who imports whom, and that everything people meet has its words."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from bridge import settings as bridge_settings
from bridge.commands import COMMANDS
from deploy import cli, commands, logs
from facilitator import settings as house_settings
from web import settings as panel_settings

HOUSE = Path(__file__).parents[1]
EXAMPLE = HOUSE / "deploy" / "settings.example.toml"
OURS = ("facilitator", "bridge", "web", "deploy")
SETTINGS: dict[str, type[BaseModel]] = {
    "house": house_settings.Settings,
    "bridge": bridge_settings.Settings,
    "web": panel_settings.Settings,
}
EVERY_SETTING = [
    pytest.param(table, name, id=f"[{table}] {name}")
    for table, model in SETTINGS.items()
    for name in model.model_fields
]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--", *patterns], cwd=HOUSE, capture_output=True, text=True, check=True
    ).stdout
    return [HOUSE / name for name in listed.splitlines() if (HOUSE / name).is_file()]


def our_modules() -> list[Path]:
    return [path for path in tracked("*.py") if path.relative_to(HOUSE).parts[0] in OURS]


def test_nobody_imports_what_they_should_not_know() -> None:
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=HOUSE, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(("table", "name"), EVERY_SETTING)
def test_every_setting_has_its_sentence_and_the_example_says_it(table: str, name: str) -> None:
    sentence = SETTINGS[table].model_fields[name].description
    assert sentence is not None
    assert sentence.endswith(".")
    _, _, part = EXAMPLE.read_text().partition(f"[{table}]  # ")
    part = re.split(r"^\[(?:house|bridge|web)\] ", part, flags=re.MULTILINE)[0]
    beside = "The lines that !help shows" if name == "crisis_lines" else f"# {sentence}\n"
    assert beside in part
    assert re.search(rf"^(?:# )?{name} = |^\[\[{table}\.{name}\]\]", part, re.MULTILINE)


def test_the_example_is_a_settings_file_that_works() -> None:
    house = commands.house_of(EXAMPLE)
    assert house.crisis_lines
    assert commands.bridge_of(EXAMPLE).user_id
    assert commands.panel_of(EXAMPLE).secure


def test_what_the_example_shows_as_usual_is_what_holds() -> None:
    spoken_up = re.sub(r"^# (\w+ = )", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    shown = tomllib.loads(spoken_up)
    house = house_settings.Settings(organisation="x", emergency_number="112")
    assert Path(shown["house"]["data_dir"]) == house.data_dir
    assert shown["house"]["database_url"] == house.database_url
    assert Path(shown["house"]["people_key"]) == house.people_key
    assert tuple(map(house_settings.parse_offset, shown["house"]["reminder_offsets"])) == house.reminder_offsets
    for table in ("bridge", "web"):
        for name, field in SETTINGS[table].model_fields.items():
            if not field.is_required() and isinstance(field.default, (bool, int)):
                assert shown[table][name] == field.default


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


@pytest.mark.parametrize(("name", "command"), list(every_command(cli.main)))
def test_every_command_of_the_command_line_says_what_it_does(name: str, command: click.Command) -> None:
    assert command.help, name
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{name} {option.name}"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.words[0])
def test_every_command_in_a_room_says_what_it_does(command: object) -> None:
    about = str(getattr(command, "about", ""))
    assert about
    assert about == about.strip(" .")  # the list of commands puts it after a dash


def utterances() -> set[str]:
    """Whatever our modules have the bot say: `utterance="…"` and `Reply("…")`."""
    found: set[str] = set()
    for path in our_modules():
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            given = [word.value for word in call.keywords if word.arg == "utterance"]
            given += call.args[:1] if isinstance(call.func, ast.Name) and call.func.id == "Reply" else []
            either = [
                one for each in given for one in ([each.body, each.orelse] if isinstance(each, ast.IfExp) else [each])
            ]
            found |= {str(each.value) for each in either if isinstance(each, ast.Constant)}
    return found


def test_whatever_the_bot_may_say_has_its_words_and_no_words_are_left_over() -> None:
    assert utterances() == {path.stem for path in tracked("bridge/wording/*.txt")}


LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


def logged() -> set[str]:
    """The keys our modules hand to their logs."""
    found: set[str] = set()
    for path in our_modules():
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            match call.func:
                case ast.Attribute(value=ast.Name(id="log"), attr=level) if level in LEVELS:
                    found |= {word.arg for word in call.keywords if word.arg is not None}
    return found


def test_no_line_of_a_log_loses_a_key_it_was_given() -> None:
    assert logged() <= logs.KEYS | {"exc_info"}


@pytest.mark.parametrize("path", our_modules(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_every_module_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text))


NOT_OUR_WORDS = re.compile(r"\b(patients?|clients?|users?|attendees?)\b", re.IGNORECASE)


WRITTEN_FOR_PEOPLE = tracked(
    "bridge/wording/*.txt", "web/templates/*.html", "web/words.py", "docs/members.md", "docs/facilitators.md"
)


@pytest.mark.parametrize("path", WRITTEN_FOR_PEOPLE, ids=lambda path: str(path.relative_to(HOUSE)))
def test_people_are_never_called_what_they_are_not(path: Path) -> None:
    assert not NOT_OUR_WORDS.search(path.read_text())


def test_no_lock_file_records_where_something_was_downloaded() -> None:
    for path in tracked("*.lock", "*package-lock.json"):
        assert not re.search(r'"resolved"|https?://\S+\.(?:whl|tgz|tar\.gz)|^--(?:index|find|extra)', path.read_text())


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    personal = re.compile(r"(?<![\w.])/(?:home|root|Users|work|opt)/\w")
    texts = (path for path in tracked("*.py", "*.md", "*.toml", "*.mjs", "Makefile", ".ci/run", "*.html", "*.txt"))
    assert [path for path in texts if personal.search(path.read_text())] == []


@pytest.mark.parametrize("page", tracked("*.md"), ids=lambda path: str(path.relative_to(HOUSE)))
def test_every_link_of_the_documents_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_opens_with_the_two_commands() -> None:
    heading, commands_shown = (HOUSE / "README.md").read_text().split("\n\n")[:2]
    assert heading == "# Hearth"
    assert [line.split("#")[0].strip() for line in commands_shown.splitlines()[1:-1]] == ["make demo", "make test"]


def test_the_strict_clients_lock_names_packages_and_nobody_who_asks_for_money() -> None:
    lock = json.loads((HOUSE / "deploy" / "peer" / "package-lock.json").read_text())
    assert [name for name, package in lock["packages"].items() if {"funding", "resolved"} & package.keys()] == []
