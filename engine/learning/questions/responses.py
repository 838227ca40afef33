"""Several responses to one question, compared: who agrees, how good each is, and what is worth
learning.

All numbers lie in [0, 1].
* core of a response: the words of its answering sentence that the question does not hold already.
* similarity of two responses: shared core words / core words of the shorter; 0 where they
  contradict each other, by other numbers or by a "not".
* agreement of a response: its mean similarity to the responses of other models; to all other
  responses when there is one model only.  A model that repeats itself does not agree more.
* consensus: the mean agreement; null for a single response, which nobody could contradict.
* bias of a response: the share of its words that judge or exaggerate (lists below).
* fairness: Jain's index of the agreements, (sum a)^2 / (n sum a^2): 1 when every response is as
  well represented by the others, 1/n when only one is.
* quality of a response: 0 in another language than the question or where it gives no answer, else
  (1 - bias) x how short it is (1 up to 60 words, then 60 / words).
* weight of a response: agreement x quality, normalised to sum 1; equal when all are zero.
* verdict: every model has one vote, for what its responses say.  "agreed" when more than half say
  the same, "alone" when one was asked, "disagree" when no answer has more than half, "nothing"
  when nobody answers.
* target: the response with the highest weight among those that won; of equals the one that takes up
  most of the question, then the shortest.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|\n+")
_CONTRAST = re.compile(r"[,;–-]\s*(?:and |och )?(?:not|inte|ej|rather than|snarare än)\b[^.,;!?]*")
_NO_ANSWER = re.compile(
    r"\b(?:i (?:do not|don't|don’t) know|(?:i am|i'm|i’m) not sure|as an ai|i cannot answer|"
    r"i can't answer|jag vet inte|jag är inte säker|som en ai|jag kan inte svara)\b"
)
_NOT = frozenset("not never inte aldrig ej no nej isn't".split())
_SMALL = frozenset(
    "a an the is are was were be it its that this these those of in on at to for from by with and or "
    "as has have had called named there yes you your my i en ett den det de är var vara av i på till "
    "för från med och eller som har hade heter hette kallas finns ja du din ditt min mitt jag what who "
    "whose when where which how why does did vad vem vems när vilken vilket vilka hur varför".split()
)
LOADED = frozenset(
    "always never everyone nobody obviously clearly undoubtedly definitely absolutely totally "
    "completely best worst terrible horrible disgusting awful stupid idiotic ridiculous pathetic "
    "amazing incredible perfect disaster outrageous shameful evil lazy inferior superior "
    "alltid aldrig alla ingen självklart uppenbarligen givetvis absolut totalt fullständigt "
    "bäst sämst hemsk hemskt vidrig vidrigt fruktansvärd fruktansvärt dum dumt idiotisk löjlig "
    "löjligt otrolig otroligt perfekt katastrof skandal skamlig skamligt ond lat underlägsen "
    "överlägsen".split()
)
ENOUGH_WORDS = 60
SAME = 0.5  # from this similarity on two responses say the same
COMPARED = 4000  # characters of a question and of a response
STEM = 5  # first letters by which forms of a word are matched
MOST_LEARNED = 4  # responses that are learned together
AGREED, ALONE, DISAGREE, NOTHING = "agreed", "alone", "disagree", "nothing"
CALLER = "analysis"  # the voter for the answer of a caller's own analysis


@dataclass(frozen=True)
class Analysis:
    consensus: float | None
    bias: float
    fairness: float
    agreements: list[float | None]
    biases: list[float]
    qualities: list[float]
    weights: list[float]
    camps: list[list[int]]  # responses that say the same, the most votes first
    verdict: str
    learn: list[int]  # the responses to learn side by side
    target: int
    answer: str  # what the comparison says: one sentence of the target, or the caller's own

    def to_dict(self) -> dict:
        return asdict(self)


def words_of(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def bias_of(text: str) -> float:
    words = _WORD.findall(text.casefold())
    return sum(word in LOADED for word in words) / len(words) if words else 0.0


def find_answer(response: str, question: str = "") -> str:
    """Return the sentence that repeats most of the question's words, the first of equals. Names
    count half, because every sentence has them."""
    sentences = [one.strip() for one in _SENTENCE.split(response.strip()) if one.strip()]
    worth = _worth(question)
    return max(sentences, key=lambda one: _nearness(one, worth), default=response)


def _worth(question: str) -> dict[str, int]:
    """Return the weight of each word of a question, by its stem."""
    asked = {word for word in _WORD.findall(question) if word.casefold() not in _SMALL}
    return {word.casefold()[:STEM]: 1 if word[0].isupper() else 2 for word in asked}


def _nearness(sentence: str, worth: Mapping[str, int]) -> int:
    """Return how much of a question a sentence repeats, by the weights of its words."""
    return sum(worth.get(word, 0) for word in {one[:STEM] for one in words_of(sentence)})


def core_of(response: str, question: str = "") -> set[str]:
    """Return the words of a response's answering sentence that the question does not hold."""
    said = words_of(_CONTRAST.sub(" ", find_answer(response, question).casefold()))
    asked = {word[:STEM] for word in words_of(question)}
    return {word for word in said - _SMALL - _NOT if word[:STEM] not in asked} or said


def similarity(one: str, other: str, question: str = "") -> float:
    """Return the similarity of two responses, in [0, 1]."""
    return _alike(_read_response(one, question), _read_response(other, question))


class Reading(NamedTuple):
    """The parts of a response that are compared."""

    core: set[str]
    numbers: set[str]
    denies: bool


def _read_response(response: str, question: str) -> Reading:
    core = core_of(response, question)
    return Reading(core, {word for word in core if word.isdigit()}, _denies(response, question))


def _alike(one: Reading, other: Reading) -> float:
    if not one.core or not other.core:
        return float(one.core == other.core)
    numbers = one.numbers, other.numbers
    if all(numbers) and not (numbers[0] <= numbers[1] or numbers[1] <= numbers[0]):
        return 0.0
    if one.denies != other.denies:
        return 0.0
    return len(one.core & other.core) / min(len(one.core), len(other.core))


def analyse(
    responses: Sequence[dict],
    question: str = "",
    language: str = "",
    detect: Callable[[str], str] = lambda text: "",
    given: Mapping | None = None,
) -> Analysis:
    """Compare `responses`, [{"model", "response"}], at least one. `given` is a caller's own
    analysis: {"answer", "weights": {model: number}, "consensus", "bias", "fairness"}, each or
    none."""
    if not responses:
        raise ValueError("there are no responses to compare: at least one is needed")
    given, question = given or {}, question[:COMPARED]
    responses = [{**one, "response": one["response"][:COMPARED]} for one in responses]
    texts = [one["response"] for one in responses]
    biases = [bias_of(text) for text in texts]
    said = [_read_response(text, question) for text in texts]
    alike = [[_alike(one, other) for other in said] for one in said]
    agreements = [_agreement(i, responses, alike) for i in range(len(texts))]
    qualities = [_quality(text, language, detect) for text in texts]
    known = [a for a in agreements if a is not None]
    raw = [(1.0 if a is None else a) * q for a, q in zip(agreements, qualities, strict=True)]
    total = sum(raw)
    weights = [value / total for value in raw] if total else [1 / len(raw)] * len(raw)
    says = [i for i in range(len(texts)) if not _NO_ANSWER.search(texts[i].casefold())]
    camps, verdict = _count_votes(responses, says, alike, question, given)
    won = camps[0] if verdict in (AGREED, ALONE) else []
    fit = [i for i in won if qualities[i]] or won
    worth = _worth(question)
    whole = [_nearness(find_answer(text, question), worth) for text in texts]
    best = sorted(
        fit or range(len(texts)), key=lambda i: (-round(weights[i], 2), -whole[i], len(texts[i]), i)
    )
    found = Analysis(
        consensus=sum(known) / len(known) if known else None,
        bias=sum(biases) / len(biases),
        fairness=_jain(known),
        agreements=agreements,
        biases=biases,
        qualities=qualities,
        weights=weights,
        camps=camps,
        verdict=verdict,
        learn=sorted(best[:MOST_LEARNED]) if won else [],
        target=best[0],
        answer=given.get("answer") or find_answer(texts[best[0]], question),
    )
    figures = {name: given[name] for name in ("consensus", "bias", "fairness") if name in given}
    return replace(found, **figures)


def _count_votes(
    responses: Sequence[dict],
    says: list[int],
    alike: list[list[float]],
    question: str,
    given: Mapping,
) -> tuple[list[list[int]], str]:
    """Return the camps, the most votes first, and the verdict."""
    if not says:
        return [], NOTHING
    models = {i: responses[i]["model"] for i in says}
    camps = _camps(responses, says, alike)
    if len(camps) == 1 and len(set(models.values())) == 1 and not given:
        return camps, ALONE
    voice = {model: 1.0 for model in (*models.values(), CALLER)} | dict(given.get("weights") or {})
    voters = {*models.values()} | ({CALLER} if given.get("answer") else set())
    ranked = []
    for camp in camps:
        others = {models[i] for i in says if i not in camp}
        inside = {models[i] for i in camp} - others  # who contradicts itself has no vote
        if _is_backed([responses[i]["response"] for i in camp], question, given.get("answer")):
            inside.add(CALLER)
        ranked.append((sum(voice[model] for model in inside), camp))
    ranked.sort(key=lambda one: (-one[0], one[1]))
    most = sum(voice[model] for model in voters) / 2
    sure = given.get("consensus", 1.0) >= SAME and ranked[0][0] > most
    return [camp for _, camp in ranked], AGREED if sure else DISAGREE


def _camps(responses: Sequence[dict], says: list[int], alike: list[list[float]]) -> list[list[int]]:
    """Group the responses by what they say; within a camp every one agrees with every other."""
    camps: list[list[int]] = []
    for i in sorted(says, key=lambda i: (len(responses[i]["response"]), responses[i]["response"])):
        camp = next((one for one in camps if all(alike[i][j] >= SAME for j in one)), None)
        if camp is None:
            camps.append([i])
        else:
            camp.append(i)
    return [sorted(camp) for camp in camps]


def _is_backed(texts: Sequence[str], question: str, answer: str | None) -> bool:
    """Whether a caller's own answer says the same as a camp."""
    return bool(answer) and any(similarity(str(answer), one, question) >= SAME for one in texts)


def _denies(response: str, question: str) -> bool:
    said = _CONTRAST.sub(" ", find_answer(response, question).casefold())
    return bool(words_of(said) & _NOT) != bool(words_of(question) & _NOT)


def _quality(text: str, language: str, detect: Callable[[str], str]) -> float:
    if _NO_ANSWER.search(text.casefold()):
        return 0.0
    own = detect(text) if language in ("sv", "en") and len(text.split()) > 3 else ""
    if own in ("sv", "en") and own != language:
        return 0.0
    return (1 - bias_of(text)) * min(1.0, ENOUGH_WORDS / max(1, len(text.split())))


def _agreement(i: int, responses: Sequence[dict], alike: list[list[float]]) -> float | None:
    others = [j for j in range(len(responses)) if j != i]
    foreign = [j for j in others if responses[j]["model"] != responses[i]["model"]]
    compared = foreign or others
    return sum(alike[i][j] for j in compared) / len(compared) if compared else None


def _jain(values: Sequence[float]) -> float:
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0
