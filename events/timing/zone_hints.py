"""What to say to people who give an abbreviation or an offset where an IANA zone is meant."""

from __future__ import annotations

_EASTERN = "America/New_York (daylight saving) or America/Panama (no daylight saving)"
_CENTRAL = "America/Chicago (daylight saving) or America/Regina (no daylight saving); for China Asia/Shanghai"
_MOUNTAIN = "America/Denver (daylight saving) or America/Phoenix (no daylight saving)"
_PACIFIC = "America/Los_Angeles (daylight saving) or America/Phoenix (no daylight saving)"
_CENTRAL_EUROPE = "the zone of a city, such as Europe/Berlin, Europe/Paris or Europe/Brussels"
_EAST_EUROPE = "the zone of a city, such as Europe/Athens, Europe/Helsinki or Europe/Kyiv"
_WEST_EUROPE = "the zone of a city, such as Europe/Lisbon or Atlantic/Canary"
_SYDNEY = "Australia/Sydney (daylight saving) or Australia/Brisbane (no daylight saving)"
_ADELAIDE = "Australia/Adelaide (daylight saving) or Australia/Darwin (no daylight saving)"

ABBREVIATIONS: dict[str, str] = {
    **dict.fromkeys(("EST", "EDT", "ET", "EST5EDT"), _EASTERN),
    **dict.fromkeys(("CST", "CDT", "CT", "CST6CDT"), _CENTRAL),
    **dict.fromkeys(("MST", "MDT", "MT", "MST7MDT"), _MOUNTAIN),
    **dict.fromkeys(("PST", "PDT", "PT", "PST8PDT"), _PACIFIC),
    **dict.fromkeys(("AKST", "AKDT"), "America/Anchorage"),
    **dict.fromkeys(
        ("HST", "HDT"),
        "Pacific/Honolulu (no daylight saving) or America/Adak (daylight saving)",
    ),
    **dict.fromkeys(
        ("AST", "ADT"),
        "America/Halifax (daylight saving) or America/Puerto_Rico (none)",
    ),
    **dict.fromkeys(("NST", "NDT"), "America/St_Johns"),
    **dict.fromkeys(("CET", "CEST", "MET", "MEST"), _CENTRAL_EUROPE),
    **dict.fromkeys(("EET", "EEST"), _EAST_EUROPE),
    **dict.fromkeys(("WET", "WEST"), _WEST_EUROPE),
    **dict.fromkeys(("AEST", "AEDT"), _SYDNEY),
    **dict.fromkeys(("ACST", "ACDT"), _ADELAIDE),
    **dict.fromkeys(("NZST", "NZDT"), "Pacific/Auckland"),
    "AWST": "Australia/Perth",
    "BST": "Europe/London (for British summer time) or Asia/Dhaka",
    "IST": "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem",
    "MSK": "Europe/Moscow",
    "TRT": "Europe/Istanbul",
    "GST": "Asia/Dubai",
    "PKT": "Asia/Karachi",
    "SGT": "Asia/Singapore",
    "HKT": "Asia/Hong_Kong",
    "WIB": "Asia/Jakarta",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "BRT": "America/Sao_Paulo",
    "ART": "America/Argentina/Buenos_Aires",
    "CAT": "Africa/Maputo",
    "EAT": "Africa/Nairobi",
    "WAT": "Africa/Lagos",
    "SAST": "Africa/Johannesburg",
}

# Minutes east of UTC -> a city that keeps this offset all year, as far as there is one.
CITY_BY_OFFSET: dict[int, str] = {
    -660: "Pacific/Pago_Pago",
    -600: "Pacific/Honolulu",
    -570: "Pacific/Marquesas",
    -480: "America/Los_Angeles",
    -420: "America/Phoenix",
    -360: "America/Costa_Rica",
    -300: "America/Bogota",
    -240: "America/Puerto_Rico",
    -210: "America/St_Johns",
    -180: "America/Sao_Paulo",
    -120: "America/Noronha",
    -60: "Atlantic/Cape_Verde",
    0: "Africa/Abidjan",
    60: "Africa/Lagos",
    120: "Africa/Johannesburg",
    180: "Europe/Istanbul",
    210: "Asia/Tehran",
    240: "Asia/Dubai",
    270: "Asia/Kabul",
    300: "Asia/Karachi",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    360: "Asia/Dhaka",
    390: "Asia/Yangon",
    420: "Asia/Bangkok",
    480: "Asia/Singapore",
    525: "Australia/Eucla",
    540: "Asia/Tokyo",
    570: "Australia/Darwin",
    600: "Australia/Brisbane",
    630: "Australia/Lord_Howe",
    660: "Pacific/Guadalcanal",
    720: "Pacific/Tarawa",
    765: "Pacific/Chatham",
    780: "Pacific/Tongatapu",
    840: "Pacific/Kiritimati",
}

# Links that tzdata points at a zone of another country, where zone.tab still has one of the same place.
SAME_PLACE: dict[str, str] = {
    "Africa/Timbuktu": "Africa/Bamako",
    "Africa/Asmera": "Africa/Asmara",
    "America/Coral_Harbour": "America/Atikokan",
    "America/Virgin": "America/St_Thomas",
    "Antarctica/South_Pole": "Antarctica/McMurdo",
    "Atlantic/Jan_Mayen": "Arctic/Longyearbyen",
    "Iceland": "Atlantic/Reykjavik",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Samoa": "Pacific/Pago_Pago",
    "Pacific/Truk": "Pacific/Chuuk",
    "Pacific/Yap": "Pacific/Chuuk",
}
