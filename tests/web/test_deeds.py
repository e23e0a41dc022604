"""Every deed that any of our modules writes into the journal has a sentence, and no sentence is left over."""

import ast
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from facilitator import chronicle
from facilitator.rules.access import Part, Role
from facilitator.rules.life import KeptBy
from web import deeds

HOUSE = Path(__file__).parents[2]
FILLED = {
    "how": ("upgrade", "remake"),
    "kept_by": tuple(KeptBy),
    "wanted": (*Part, *Role),
    "why": ("remade", "replaced", "upgraded"),
}
"""What stands in the places of a verb that is made of pieces."""
NOT_MADE = {
    "coordinator added", "co-facilitator account added", "made coordinator", "role changed to co-facilitator",
}  # fmt: skip
"""Pieces that never come together: a part in a group is none in the house."""
PLACES = {"who": "Ada", "whom": "Ben"}


def notes() -> Iterator[tuple[ast.Module, ast.FunctionDef | ast.AsyncFunctionDef, ast.Call]]:
    for folder in ("facilitator", "bridge", "web", "deploy"):
        for path in sorted((HOUSE / folder).rglob("*.py")):
            module = ast.parse(path.read_text())
            for function in ast.walk(module):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from ((module, function, call) for call in ast.walk(function) if is_note(call))  # type: ignore[misc]


def is_note(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="journal"), attr="note" | "note_once")):
            return True
    return False


def written(module: ast.Module, function: ast.AST, call: ast.Call) -> set[str]:
    once = isinstance(call.func, ast.Attribute) and call.func.attr == "note_once"
    return verbs(call.args[2 if once else 1], module, function)


def verbs(value: ast.AST, module: ast.Module, function: ast.AST) -> set[str]:
    match value:
        case ast.Constant(value=str(verb)):
            return {verb}
        case ast.IfExp(body=body, orelse=orelse):
            return verbs(body, module, function) | verbs(orelse, module, function)
        case ast.JoinedStr(values=pieces):
            lots = [
                FILLED[ast.unparse(each.value)] if isinstance(each, ast.FormattedValue) else (each.value,)
                for each in pieces
                if isinstance(each, ast.FormattedValue | ast.Constant)
            ]
            return {"".join(map(str, some)) for some in product(*lots)} - NOT_MADE
        case ast.Name(id=name):
            found = [*assigned(function, name), *assigned(module, name)]
            assert found, f"nobody knows which verb {name} is"
            return verbs(found[0], module, function)
    raise AssertionError(f"nobody knows which verb this is: {ast.unparse(value)}")


def assigned(within: ast.AST, name: str) -> Iterator[ast.AST]:
    for node in ast.walk(within):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                yield value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                yield from (
                    value
                    for target, value in zip(names, values, strict=True)
                    if isinstance(target, ast.Name) and target.id == name
                )


def test_whatever_is_noted_has_its_words_and_no_words_are_left_over() -> None:
    found = set().union(*(written(*each) for each in notes()))
    assert found == set(deeds.DEEDS)
    assert set(deeds.BY_ONESELF) <= found


def test_what_is_noted_without_a_group_is_the_houses() -> None:
    without = set().union(
        *(written(*each) for each in notes() if not {word.arg for word in each[2].keywords} & {"group_id", None})
    )
    assert without == set(chronicle.OF_THE_HOUSE)


def test_every_sentence_has_places_for_the_people_it_names_and_ends() -> None:
    for sentence in (*deeds.DEEDS.values(), *deeds.BY_ONESELF.values()):
        said = sentence % PLACES
        assert "%" not in said and said.endswith(".")
        assert "Ada" in said or "bot" in said or "server" in said
