"""Writes people.csv: one invented person per canonical IANA zone, birthdays spread evenly over a leap year.

Run it in the project's folder: `python -m examples.make_people`. The same zone data gives the same file.
"""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

from events.timing import canonical_zones

PEOPLE = Path(__file__).parent / "people.csv"
COLUMNS = ("external_id", "name", "timezone", "birthday", "team")
TEAMS = ("amber", "blue", "green", "violet")

GIVEN_NAMES = """
    Aaliyah Ægir Amélie Anahí Anouk Ayşe Bjørn Chidi Chloé Đặng Dilnoza Eilidh Élodie Emeka Farida
    Freyja Gökhan Hana Iñaki Ioana Jarosław João Kaimana Keoni Leilani Lívia Łucja Mahalia Małgorzata
    Mérida Nadezhda Ngozi Niamh Nikola Oddný Olumide Óscar Parisa Pınar Quynh Raúl Reha Saoirse Séamus
    Sıla Søren Tāne Teuila Thandiwe Tuğba Urška Vaimiti Věra Wanjiru Xiomara Yaw Yerlan Zoë Željka
    Александра Ελένη
""".split()  # noqa: SIM905 - a list of names reads better so
FAMILY_NAMES = """
    Abara Açıkgöz Ågren Álvarez Banerjee Bąk Bērziņš Castañeda Čapek Çelik Dlamini Dvořák Easton
    Eðvarðsdóttir Fakatava Fernández Ganbold García Guðmundsdóttir Håkansson Hébert Ibáñez Işık Jónsson
    Jørgensen Kalani Kovačević Kūmara Lefèvre Lindqvist Luźny Machado Mbeki Müller Mutasa Nakamura
    Nguyễn Núñez O’Connor Öberg Okafor Özdemir Paredes Père Quispe Rāwiri Řezník Saldaña Schröder Şahin
    Šimić Tamatoa Tōrū Třeštík Uçar Valdés Vũ Wójcik Ximenes Yıldız Zúñiga
""".split()  # noqa: SIM905 - a list of names reads better so

DAYS = 366
DAY_STRIDE = 151  # has no factor in common with DAYS, and puts neighbouring zones months apart
FIRST_YEAR, YEARS = 1948, 60
# Every so many people one is born on 29 February, beside those whom the even spread puts there.
LEAP_DAY_EVERY = 60


def people() -> str:
    """Return the text of people.csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(person(number, zone) for number, zone in enumerate(canonical_zones()))
    return text.getvalue()


def person(number: int, zone: str) -> tuple[str, ...]:
    """Return the row of the nth person, who lives in `zone`."""
    external_id = zone.lower().replace("/", "-").replace("_", "-")
    return external_id, name(number), zone, birthday(number).isoformat(), TEAMS[number % len(TEAMS)]


def name(number: int) -> str:
    """Return a name that no other number below 3721 has: both lists have 61 entries, a prime."""
    given = GIVEN_NAMES[number * 7 % len(GIVEN_NAMES)]
    return f"{given} {FAMILY_NAMES[(number * 11 + number // len(GIVEN_NAMES)) % len(FAMILY_NAMES)]}"


def birthday(number: int) -> date:
    """Return a birthday: no day of a leap year comes again before every other has come."""
    day = date(2000, 1, 1) + timedelta(days=number * DAY_STRIDE % DAYS)
    if number % LEAP_DAY_EVERY == LEAP_DAY_EVERY // 2:
        day = date(2000, 2, 29)
    year = FIRST_YEAR + number * 13 % YEARS
    return day.replace(year=year - year % 4 if (day.month, day.day) == (2, 29) else year)


if __name__ == "__main__":
    PEOPLE.write_text(people(), encoding="utf-8")
