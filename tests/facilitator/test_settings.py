"""hearth.toml: one clear sentence for whatever is wrong in it, and never a secret in that sentence."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from facilitator import settings
from facilitator.database import KeyRing, connect
from facilitator.errors import Misconfigured
from facilitator.settings import Settings, load, parse_offset, read

HOUSE = """
[house]
organisation = "Lantern"
emergency_number = "112"
"""

LINE = """
[[house.crisis_lines]]
name = "Night line"
contact = "0800 000000"
hours = "every night, 20 to 6"
kind = "warmline"
region = "Everywhere"
language = "en"
verified_on = 2026-11-01
verified_by = "Ada"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, HOUSE)


def written(folder: Path, text: str) -> Path:
    (folder / "hearth.toml").write_text(text)
    return folder / "hearth.toml"


def refusal(folder: Path, text: str, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(Misconfigured) as refused:
        read(written(folder, text), environment or {})
    sentence = refused.value.sentence
    assert sentence.count("\n") == 0 and sentence.endswith((".", "?"))
    return sentence


def test_a_short_file_is_enough(file: Path) -> None:
    house = read(file, {})
    assert (house.organisation, house.emergency_number, house.crisis_lines) == ("Lantern", "112", ())
    assert house.data_dir == Path("/var/lib/hearth")
    assert house.database_url == "sqlite:////var/lib/hearth/hearth.db"
    assert house.people_key == Path("/var/lib/hearth/people.key")
    assert house.reminder_offsets == (timedelta(hours=24), timedelta(minutes=20))
    assert (house.languages, house.time_zone) == (("en",), "UTC")


def test_everything_can_be_said(tmp_path: Path) -> None:
    more = """
data_dir = "data"
languages = ["en", "pt-BR"]
time_zone = "Europe/Berlin"
reminder_offsets = ["1d", 30, "PT5M"]
"""
    house = read(written(tmp_path, HOUSE + more + LINE + LINE), {})
    assert house.data_dir == tmp_path / "data" and house.people_key == tmp_path / "data" / "people.key"
    assert house.languages == ("en", "pt-BR") and house.time_zone == "Europe/Berlin"
    assert house.reminder_offsets == (timedelta(days=1), timedelta(minutes=30), timedelta(minutes=5))
    line = house.crisis_lines[1]
    assert (line.kind, line.verified_on, line.verified_by) == ("warmline", date(2026, 11, 1), "Ada")


def test_the_environment_goes_before_the_file(file: Path) -> None:
    outside = {
        "HEARTH_ORGANISATION": "Harbour", "HEARTH_LANGUAGES": "en, de", "HEARTH_REMINDER_OFFSETS": '["24h", "5"]',
        "HEARTH_TEST_ALL": "1", "ORGANISATION": "none of ours",
    }  # fmt: skip
    house = read(file, outside)
    assert house.organisation == "Harbour" and house.languages == ("en", "de")
    assert house.reminder_offsets == (timedelta(hours=24), timedelta(minutes=5))


def test_the_environment_alone_is_enough() -> None:
    house = read(None, {"HEARTH_ORGANISATION": "Harbour", "HEARTH_EMERGENCY_NUMBER": "112"})
    assert house.organisation == "Harbour"


def test_settings_cannot_be_changed(file: Path) -> None:
    with pytest.raises(ValidationError):
        read(file, {}).time_zone = "Europe/Berlin"  # type: ignore[misc]


def test_a_missing_setting_is_named_with_both_ways_to_give_it(tmp_path: Path) -> None:
    told = refusal(tmp_path, '[house]\nemergency_number = "112"')
    assert "[house] organisation is missing" in told and "hearth.toml" in told and "HEARTH_ORGANISATION" in told
    assert "crisis_lines.1.verified_on is missing" in refusal(
        tmp_path, HOUSE + LINE.replace("verified_on = 2026-11-01", "")
    )


def test_a_slip_in_a_name_is_pointed_out(tmp_path: Path) -> None:
    assert "did you mean time_zone?" in refusal(tmp_path, HOUSE + 'timezone = "UTC"')
    assert "take it out" in refusal(tmp_path, HOUSE + 'qqq = "UTC"')


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ('time_zone = "Europe/Atlantis"', "time_zone"),
        ('time_zone = "../../etc/passwd"', "time_zone"),
        ('time_zone = ""', "time_zone"),
        ("languages = []", "languages"),
        ('languages = ["English"]', "languages.1"),
        ('reminder_offsets = ["soon"]', "“soon”"),
        ("reminder_offsets = [0]", "“0”"),
        ("allowed_servers = []", "allowed_servers"),
        ('allowed_servers = ["lakeside.org", "https://x.example"]', "allowed_servers.2"),
        ('allowed_servers = ["192.0.2.7"]', "allowed_servers.1"),
        ('database_url = "mysql://localhost/x"', "database_url"),
        ("data_dir = 7", "data_dir"),
        (LINE.replace('"warmline"', '"other"'), "crisis_lines.1.kind"),
        (LINE.replace("2026-11-01", '"yesterday"'), "crisis_lines.1.verified_on"),
        (LINE.replace('"Ada"', '""'), "crisis_lines.1.verified_by"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, wrong: str, named: str) -> None:
    assert named in refusal(tmp_path, HOUSE + wrong)


def test_a_wrong_setting_of_the_environment_is_named(tmp_path: Path) -> None:
    assert "time_zone" in refusal(tmp_path, HOUSE, {"HEARTH_TIME_ZONE": "Mars"})
    assert "HEARTH_LANGUAGES" in refusal(tmp_path, HOUSE, {"HEARTH_LANGUAGES": '["en"'})


@pytest.mark.parametrize("text", ["[house", "[house]\na = ", "house = 3", "\x00"])
def test_a_file_that_is_not_well_formed_says_where(tmp_path: Path, text: str) -> None:
    assert "hearth.toml" in refusal(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"hearth\.toml is missing"):
        read(tmp_path / "hearth.toml", {})
    with pytest.raises(Misconfigured, match="cannot be read"):
        read(tmp_path, {})


@pytest.mark.parametrize("url", ["mysql://me:canary@localhost/x", "postgresql://me:canary@[::1/x", "me:canary"])
def test_a_wrong_address_does_not_show_its_password(tmp_path: Path, url: str) -> None:
    assert "canary" not in refusal(tmp_path, HOUSE + f'database_url = "{url}"')


def test_a_password_never_shows(tmp_path: Path) -> None:
    path = written(tmp_path, HOUSE + 'database_url = "postgresql://me:canary@localhost/x"')
    path.chmod(0o640)
    house = read(path, {})
    assert "canary" in house.database_url and "canary" not in f"{house!r}{house}"


def test_a_password_in_a_file_everybody_may_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, HOUSE + 'database_url = "postgresql://me:canary@localhost/x"')
    path.chmod(0o644)
    with pytest.raises(Misconfigured, match="run `chmod 640") as refused:
        read(path, {})
    assert "canary" not in refused.value.sentence
    path = written(tmp_path, HOUSE)
    path.chmod(0o644)
    assert read(path, {"HEARTH_DATABASE_URL": "postgresql://me:canary@localhost/x"})


def test_the_usual_address_leads_to_the_data_folder_however_it_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "50% of it & more"
    folder.mkdir(mode=0o700)
    house = load(
        None,
        "house",
        Settings,
        {"HEARTH_ORGANISATION": "x", "HEARTH_EMERGENCY_NUMBER": "1", "HEARTH_DATA_DIR": str(folder)},
    )
    assert connect(house.database_url, people=KeyRing.new()).file == folder / "hearth.db"


@dataclass(frozen=True)
class Lamp:
    """A table of another package, made of a dataclass."""

    watts: int = 40
    warm: bool = True
    hosts: tuple[str, ...] = ()


def test_other_packages_read_their_tables_the_same_way(tmp_path: Path) -> None:
    path = written(tmp_path, HOUSE + "[lamp]\nwatts = 60\n")
    assert load(path, "lamp", Lamp, {}) == Lamp(60)
    over = {"HEARTH_LAMP_WATTS": "7", "HEARTH_LAMP_WARM": "false", "HEARTH_LAMP_HOSTS": '["a"]', "HEARTH_WATTS": "9"}
    assert load(path, "lamp", Lamp, over) == Lamp(7, False, ("a",))
    assert load(path, "other", Lamp, {}) == Lamp()
    for wrong, named in (({"HEARTH_LAMP_WATTS": "many"}, "lamp] watts"), ({"HEARTH_LAMP_WARM": "so so"}, "lamp] warm")):
        with pytest.raises(Misconfigured) as refused:
            load(path, "lamp", Lamp, wrong)
        assert named in refused.value.sentence and wrong.popitem()[1] not in refused.value.sentence


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24h", 86400), ("20min", 1200), ("90s", 90), ("1d", 86400), ("1h30m", 5400), ("PT20M", 1200), ("20", 1200),
        ("P1DT2H", 93600), ("1d 2h 3min 4s", 93784), (" 5 MIN ", 300), ("pt90s", 90), ("60d", 60 * 86400),
    ],
)  # fmt: skip
def test_an_offset_can_be_written_in_these_ways(text: str, seconds: int) -> None:
    assert parse_offset(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "0", "0h", "-5", "5x", "h", "P", "PT", "1.5h", "soon", "61d", "9" * 30 + "d", "20min1h", "½h"]
)
def test_an_offset_written_otherwise_is_refused_with_examples(text: str) -> None:
    with pytest.raises(Misconfigured, match="write it like 24h, 20min or 1h30m"):
        parse_offset(text)


@given(st.text(max_size=12))
def test_whatever_is_typed_as_an_offset_is_understood_or_refused(text: str) -> None:
    with suppress(Misconfigured):
        assert timedelta() < parse_offset(text) <= settings.LONGEST_OFFSET


@given(st.integers(1, 60 * 86400))
def test_every_offset_reads_back_as_it_was_written(seconds: int) -> None:
    minutes, rest = divmod(seconds, 60)
    assert parse_offset(f"{minutes}m{rest}s" if minutes else f"{rest}s") == timedelta(seconds=seconds)
