"""The kinds of value that a question can ask for (a price, a time, a length, a person), and whether
a text holds one."""

from __future__ import annotations

import re
from typing import NamedTuple

NUMBER = (
    r"(?:\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fifteen|"
    r"sixteen|twenty|thirty|forty|fifty|hundred|half|dozen|no|none|en|ett|två|tre|fyra|fem|sex|sju|"
    r"åtta|nio|tio|elva|tolv|tretton|femton|sexton|nitton|tjugo|trettio|fyrtio|femtio|hundra|halv|"
    r"dussin|inga|ingen)\b)"
)
LENGTH = (
    r"(?:metres?|meters?|miles?|km|kilometres?|kilometer|cm|centimetres?|centimeter|mm|millimetres?|"
    r"millimeter|inch\w*|feet|foot|ft|yards?|mil|meter|square|kvadratmeter|m²|m)\b"
)
SPAN = (
    r"(?:seconds?|minutes?|mins?|hours?|days?|nights?|weeks?|months?|years?|sekund\w*|minut\w*|min|"
    r"timm\w*|timmar|tim|dag\w*|dygn\w*|natt\w*|nätter|veck\w*|månad\w*|år\w*)\b"
)
DAY = (
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:mån|tis|ons|tors|fre|lör|sön)dag\w*|"
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"januari|februari|mars|maj|juni|juli|augusti|oktober)\b|\b(?:1[5-9]|20)\d\d\b|"
    r"\b(?:today|tomorrow|spring|summer|autumn|winter|christmas|easter|week \d|vecka \d|veckor|"
    r"våren|sommar\w*|hösten|vintern?|jul|påsk|midsommar|morning|evening|afternoon|noon|night|"
    r"morgon\w*|kväll\w*|förmiddag\w*|eftermiddag\w*|vardag\w*|weekdays?|weekends?|daily|helg\w*)\b"
)
CLOCK = (
    r"\b\d{1,2}[:.]\d\d\b|\b\d{1,2} ?(?:am|pm|o'clock)\b|\b(?:at|by|until|till|before|after|from|to|"
    r"klockan|kl\.?|till|från|half past) (?:\d{1,2}|half past \w+|noon|midnight|one|two|three|four|"
    r"five|six|seven|eight|nine|ten|eleven|twelve|sju|åtta|nio|tio|elva|tolv)\b"
)


class Sort(NamedTuple):
    """The patterns of a question for this kind of value, and of such a value."""

    asked: re.Pattern
    value: re.Pattern


def sort(asked: str, value: str) -> Sort:
    return Sort(re.compile(asked, re.I), re.compile(value))


SORTS = {
    "price": sort(
        r"\b(?:costs?|price|prices|pay|fee|charge|how expensive|kostar|kostade|kosta|pris\w*|betala|"
        r"avgift\w*|vad tar ni)\b(?! (?:with|by|med|via))",
        r"(?i)[£$€]|\b(?:pounds?|pence|euros?|dollars?|kr|kronor|sek|free|nothing|gratis|kostnadsfri\w*"
        r"|ingår|included)\b|(?:\| ?|: ?|, ?)\d[\d ]*(?:,| \||$)|"
        r"\b(?:costs?|pays?|paid|fees?|charged?|price\w*|kost\w*|betala\w*|\w*avgift\w*|\w*pris\w*)\b[^.]{0,40}\d",
    ),
    "phone": sort(
        r"\b(?:phone|telephone|telefon\w*|(?:which|what|vilket) (?:number|nummer) (?:do|ring\w*)|"
        r"'s number)\b",
        r"\d[\d –-]{5,}\d",
    ),
    "clock": sort(
        r"\b(?:(?:what|which) (?:time|hour)|hur dags|vilken tid|vilket klockslag|how (?:late|early))\b",
        rf"(?i){CLOCK}",
    ),
    "when": sort(
        r"\b(?:when|what (?:day|date|month|year)|which (?:day|date|month|months|year|weeks?)|by when|"
        r"how (?:late|early|soon)|när|"
        r"vilk\w+ (?:dag|dagar|datum|månad|år|vecka|veckor)|årtal|hur (?:sent|tidigt))\b",
        rf"(?i){DAY}|{CLOCK}|{NUMBER} {SPAN}|\bweek\b|\bveckan\b",
    ),
    "year": sort(
        r"\b(?:(?:what|which|vilket) (?:year|år)|årtal|(?:when|när) (?:was|were|bygg\w*|grund\w*)\b.*"
        r"(?:built|founded|made|established|opened|planted)?|när (?:bygg|grund)\w*)\b",
        r"(?i)\b(?:1[5-9]|20)\d\d\b|\b(?:january|february|march|april|june|july|august|september|"
        r"october|november|december|januari|februari|mars|maj|juni|juli|augusti|oktober)\b",
    ),
    "span": sort(
        r"\b(?:how (?:long (?:does|do|did|must|will|before|is the (?:wait|queue)|should|have|has)|often)|"
        r"hur (?:länge|lång tid|ofta)|how many (?:years|months|weeks|days|hours|minutes))\b",
        rf"(?i){NUMBER}[\w ]{{0,12}} {SPAN}|\b(?:daily|weekly|monthly|yearly|always|never|every|each|"
        rf"varje|dagligen|once|twice|aldrig|third|second|var)\b",
    ),
    "age": sort(
        r"\b(?:how old|what age|which age|hur gam\w+|vilken ålder|åldersgräns\w*)\b",
        rf"(?i)(?<!på )(?<!i )(?<!för )(?<!for )(?<!after )(?<!efter ){NUMBER}[\w ]{{0,6}} "
        rf"(?:years?|år\b|åring\w*|months?|mån\w*)|\b(?:aged?|over|under|from|of|born|född|"
        rf"ålder\w*|åldern|från) (?:\w+ )?{NUMBER}|{NUMBER} or (?:more|over|older)",
    ),
    "length": sort(
        r"\b(?:how (?:far|deep|tall|high|wide|big|large)|hur (?:djup\w*|hög\w*|bred\w*|stor\w*|"
        r"långt (?:är|det|bort|till)))\b",
        rf"(?i){NUMBER}[\d ,.]*\s?{LENGTH}|\b\w+metres?\b|{NUMBER}[\d ]*(?:litres?|liter|%|percent|procent|"
        rf"kr\b|kronor|pounds)|\btredjedel\w*",
    ),
    "weight": sort(
        r"\b(?:how (?:heavy|much does .* weigh)|weigh\w*|load|hur tung\w*|väger|vikt\w*)\b",
        r"(?i)\b\d[\d ,.]*\s?(?:kg|kilo\w*|g|gram\w*|tonn?e?s?|ton|pounds?|lbs?|stone)\b",
    ),
    "heat": sort(
        r"\b(?:how (?:hot|warm|cold)|temperatur\w*|hur (?:varm\w*|kall\w*))\b",
        r"(?i)\d|\bgrader\b|\bdegrees\b",
    ),
    "loudness": sort(r"\b(?:how loud|decibels?|hur hög\w* ljud|högljudd)\b", r"(?i)\bd[bB]|decibel"),
    "number": sort(r"\b(?:how many|hur många)\b", rf"(?i){NUMBER}"),
    "amount": sort(r"\b(?:how much|hur mycket|how long|hur lång)\b", rf"(?i){NUMBER}"),
    "code": sort(
        r"\b(?:passwords?|lösenord\w*|pin|code|kod\w*|reference|policy number|part number|"
        r"serial number|bankgiro|plusgiro|postcode)\b",
        r"(?i)\b[A-ZÅÄÖ]{2,}\b|\d|\bcode\b|\bkod",
    ),
    "person": sort(
        r"^(?:\W*(?:and|och|so) )?(?:who|whom|whose|vem|vems)\b|\b(?:what|vad) (?:is|was|are|heter) .*"
        r"\b(?:name|chef|leader|driver|owner)\b",
        r"(?:[^.!?:]\s|^|[|,:] ?)[A-ZÅÄÖ]\w+|(?i:\b\w+(?:er|or|ian|ist|man|ent|are|ör|ent|värd\w*|"
        r"styrelse\w*|member\w*|medlem\w*|children|barn|adults?|cadets)\b)",
    ),
}  # fmt: skip


def lacks(question: str, text: str) -> bool:
    """Whether a question asks for a kind of value that the text does not hold."""
    return any(one.asked.search(question) and not one.value.search(text) for one in SORTS.values())


def holds(question: str, text: str) -> bool:
    """Whether a question asks for a kind of value that the text holds."""
    return any(one.asked.search(question) and one.value.search(text) for one in SORTS.values())
