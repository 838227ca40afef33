"""Composed answers part by part: splitting a question, following up on statements, calculating, and
leaving statements in place."""

from datetime import datetime

import pytest

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.counting import count
from oneseek.engine.learning.composing.deciding import decisive, is_so
from oneseek.engine.learning.composing.naming import find_introduction
from oneseek.engine.learning.composing.parts import parts
from oneseek.engine.learning.composing.quantities import hours, moments, quantities
from oneseek.engine.learning.composing.reckoning import reckon
from oneseek.engine.learning.composing.rules import compose, takes_several
from oneseek.engine.learning.composing.tasks import is_task, notes_for, questions_of
from oneseek.engine.learning.memory.oneself import (
    asks_for_advice,
    asks_for_list,
    asks_for_own,
    has_question,
    points_elsewhere,
    speaks_of_everybody,
    speaks_of_oneself,
)
from oneseek.engine.learning.memory.statements.rows import Rows, goes_on, lines
from oneseek.engine.learning.memory.statements.statement import Found

NOW = int(datetime(2026, 11, 27).timestamp() * 1e3)


def make_found(
    *statements: str, apart: float = 0.9, start: int = 0, code: str = "en"
) -> list[Found]:
    """Findings for statements told in order; a continuing statement refers to those before it."""
    found: list[Found] = []
    whole = ""
    for time, said in enumerate(statements, start):
        source = {"before": whole} if whole and goes_on(said) else {}
        whole = f"{source.get('before', '')}\n{said}".strip()
        found.append(Found({"id": str(time), "answer": said, "source": source, "time": time,
                            "kind": "statement", "language": code}, apart, apart))  # fmt: skip
    return found


def rows_of(found: list[Found]) -> Rows:
    return Rows(one.fact for one in found)


@pytest.mark.parametrize(
    "question, each",
    [
        ("How old are Ewan and Catriona?", ["How old are Ewan?", "How old are Catriona?"]),
        ("Who is my GP and how much do I take?", ["Who is my GP?", "how much do I take?"]),
        ("Vad har vi för adress och portkod?", ["Vad har vi för adress?", "Vad har vi för portkod?"]),
        ("What do both Smilla and Otto need?", ["What do Smilla need?", "What do Otto need?"]),
        ("Where did Ingela and I meet?", []),
        ("Where and when does it meet?", ["Where does it meet?", "when does it meet?"]),
        ("When do I fly, where from, and who drives?",
         ["When do I fly?", "where from do I fly?", "who drives?"]),
        ("What are my twins called and how old are they?",
         ["What are my twins called?", "how old are my twins?"]),
        ("Where does my sister live?", []),
    ],
)  # fmt: skip
def test_a_question_for_several_things_is_a_question_for_each(question, each):
    assert parts(question) == each


def test_what_was_said_in_a_row_stands_together():
    found = make_found("I've lived in Lagos", "then Leeds for uni", "and now Antwerp", "I like tea")
    rows = rows_of(found)
    for one in found[:3]:
        assert [fact["id"] for fact in rows.of(one.fact)] == ["0", "1", "2"]
    assert [fact["id"] for fact in rows.of(found[3].fact)] == ["3"]
    assert goes_on("Lucho on drums", "the band is me on bass,") and goes_on("inte spannmål heller")
    assert not goes_on("And where does she live?") and not goes_on("and no, that was wrong")


@pytest.mark.parametrize(
    "question, statements, number",
    [
        ("How many siblings do I have?", ("I have two brothers", "and one sister, Lou"), 3),
        ("How many birds do we keep?", ("We keep four hens", "plus the cockerel, Sergeant",
                                        "and two ducks"), 7),
        ("How many chairs did we order?", ("we ordered six chairs", "and then two more"), 8),
        ("How many grandchildren do I have?", ("grandchildren: Poppy and Hugo",
                                               "and one on the way, due in May"), 2),
        ("How many kids do we have?", ("our kids are Asha, Dev and little Mina", "Mina is three"), 3),
        ("How many plants are left?", ("the plants: slugs. six left",), 6),
        ("Hur många bilar har vi?", ("vi har två bilar", "plus husvagnen"), 2),
    ],
)  # fmt: skip
def test_what_a_row_tells_is_counted(question, statements, number):
    found = make_found(*statements)
    code = "sv" if question.startswith("Hur") else "en"
    assert count(Asked(question, code), found, rows_of(found))[0] == number


@pytest.mark.parametrize(
    "question, statements, number",
    [
        ("How many chairs do we own?", ("There are four chairs in the kitchen",
                                        "The shed has two folding chairs"), 6),
        ("How many hens have we got?", ("We have six hens", "sold two of them to Maureen"), 4),
        ("How many books are here?", ("borrowed four books", "returned one of them today"), 3),
        ("How many books are here?", ("borrowed four novels", "returned one of them today"), 3),
        ("How many hens have we got?", ("We have six hens", "Now we have eight hens"), 8),
        ("How many hens have we got?", ("We have six hens",
                                        "bought another hen today, don't tell Jo"), 7),
        ("How many siblings do I have?", ("My sisters are Bea, Lotte and Fran",
                                          "only one brother, Hal"), 4),
        ("How many guitars do I have?", ("I own three guitars: the Tele, a nylon and a Yamaha",
                                         "sold the Yamaha to a lad", "picked up a parlour guitar",
                                         "my cousin has given me his guitar"), 4),
        ("How many hens have we got?", ("we got 6 hens", "fox had two of them last night",
                                        "bought 5 pullets to keep the others company"), 9),
    ],
)  # fmt: skip
def test_what_was_said_together_is_counted(question, statements, number):
    found = make_found(*statements, start=NOW)
    assert count(Asked(question, "en"), found, rows_of(found))[0] == number


def test_for_each_part_is_said_what_answers_it_and_what_shares_a_name_with_that():
    said = ("the dentist is on Pike Street", "the roof guy is Len Abara", "Len's number is 317",
            "I like tea")  # fmt: skip
    found = make_found(*said, apart=0.03, start=NOW)
    rows, question = rows_of(found), "Where is my dentist and who does our roof?"
    answer, used = compose(question, found, rows, "en", NOW, [found[:1], found[1:2]])
    assert [one.fact["answer"] for one in used] == list(said[:3])
    assert "317" in answer


@pytest.mark.parametrize(
    "question, said, used",
    [
        ("who's Barnaby again?", ("Barnaby ate a slipper", "daftest dog I've owned"), 2),
        ("how do I know Thirza?", ("Thirza offered me a lift", "she sits across from me"), 2),
        ("what is Lanternwood?", ("chapter two of Lanternwood is done", "quite a novel"), 2),
        ("who is Barnaby?", ("my dog Barnaby ate a slipper", "daftest one I've owned"), 0),
        ("who is Barnaby?", ("Barnaby is the dog next door", "daftest one I know"), 0),
        ("who is Barnaby?", ("Barnaby ate a slipper", "I'm allergic to nuts"), 0),
        ("who is Barnaby?", ("Barnaby ate a slipper", "off to see Thirza on Friday"), 0),
        ("what did Barnaby eat?", ("Barnaby ate a slipper", "daftest dog I've owned"), 0),
    ],
)
def test_who_a_name_is_may_be_said_right_after_it(question, said, used):
    found = make_found(*said, start=NOW)
    some = find_introduction(Asked(question, "en"), found[:1], rows_of(found))
    assert [one.fact["answer"] for one in some] == list(said[:used])


def test_what_was_replaced_is_a_line_of_its_own():
    replaced = {"before": "the tyres cost 4,800\nfitting cost 350"}
    found = make_found("new wipers were 120")
    found[0].fact["source"] = replaced
    said = [one.fact["answer"] for one in lines(found, rows_of(found[:1]))]
    assert said == ["the tyres cost 4,800", "fitting cost 350", "new wipers were 120"]


@pytest.mark.parametrize(
    "question, statements, result",
    [
        ("How many years did I work there?", ("I started at the mill in 2009",
                                              "I left the mill in 2021"), "12 years"),
        ("How many days until mum's operation?", ("Mum's operation is on 4 December",), "7 days"),
        ("How many days until mum's operation?", ("Mum's operation is on 4 December 2027",),
         "372 days"),
        ("How many days was I away?", ("I left on 1 January 2024", "I got back on 20 July 2024"),
         "201 days"),
        ("How many days was I away?", ("I left on 20 December", "I got back on 3 January"),
         "14 days"),
        ("Hur många veckor är jag ledig?", ("Semestern börjar 7 juli", "jobbar igen 28 juli"),
         "3 veckor"),
        ("What did the boiler cost in total?", ("The boiler cost £2,450", "Fitting was £600"),
         "£3050"),
        ("How many nights are we away in total?", ("three nights in Lisbon",
                                                   "then one night on the train",
                                                   "and Madrid, 5 nights"), "9"),
        ("How far have I run in total?", ("I ran 6 km on Monday", "another 9 on Thursday"), "15 km"),
        ("How much older is Una than Finn?", ("Una is 12", "Finn is eight"), "4"),
        ("How old did gran get?", ("My gran lived from 1921 to 2014",), "93 years"),
        ("How many hours do I sleep?", ("I go to bed at 22:30", "I get up at 6:00"),
         "7 hours 30 minutes"),
        ("How old was dad when I was born?", ("Dad was born in 1950", "I was born in 1979"),
         "29 years"),
        ("How long should I boil an egg?", ("I sold eggs in 2009", "I got hens in 2012"), None),
        ("How long is the boat trip?", ("The boat trip is 3 hours", "I was born in 1979"), None),
        ("Where does Una live?", ("Una lives in Kent", "Una is 12"), None),
    ],
)  # fmt: skip
def test_what_follows_from_several_is_reckoned(question, statements, result):
    code = "sv" if question.startswith("Hur") else "en"
    found, asked = make_found(*statements, start=NOW, code=code), Asked(question, code)
    answer = reckon(asked, found, rows_of(found), NOW)
    assert (answer is None) if result is None else answer[0].startswith(result)


def test_numbers_days_and_hours_are_told_apart():
    said = "the train at 7.15 on 4 June costs 40 quid, seat 12"
    day = datetime(2026, 11, 27).date()
    assert [(one.value, one.unit) for one in quantities(said, "en")] == [(40, "money"), (12, "")]
    assert [one.value for one in hours(said)] == [7 * 60 + 15]
    assert [one.first.isoformat() for one in moments(said, "en", day)] == ["2026-06-04"]
    assert moments("I may march on", "en", day) == []


@pytest.mark.parametrize(
    "question, statements, holds",
    [
        ("Is Una older than Finn?", ("Una is nine", "Finn turned eleven in May"), False),
        ("Is my insurance good through July?", ("The insurance is up in August",), True),
        ("Will the lease be over before I move?", ("My lease ends on 30 June",
                                                   "I move in September"), True),
        ("Is the shop open on Tuesday?", ("The shop is shut on Mondays and Tuesdays",), False),
        ("Does my father work?", ("Both of my parents are retired",), False),
        ("Do I eat cheese?", ("I went vegan in January", "my wife eats fish"), False),
        ("Am I older than my brother?", ("I was born in 1979", "My brother was born in 1985"), True),
        ("Does the sofa fit in by the window?", ("The gap by the window is 210 cm",
                                                 "The sofa is 224 cm long"), False),
        ("Can we afford the telescope?", ("The budget is 40 quid tops",
                                          "the telescope is 34.50"), True),
        ("Is the sofa too long?", ("The gap is 210 cm", "The sofa is 224 cm long"), True),
        ("Do I have both a cat and a dog?", ("my cat is Soot", "my dog is Rex"), True),
        ("Can I use the car on Friday?", ("The car is at the garage until Monday",), False),
        ("Am I free on Thursday?", ("I help at the shelter every Thursday",), False),
        ("Am I free on Saturday?", ("I have a shift on Saturday",
                                    "swapped, Samira takes my shift on Saturday"), True),
        ("Do I still have the gym card?", ("cancelled the gym card",
                                           "changed my mind, the gym card stays"), True),
        ("Is my passport ok for October?", ("my passport runs out in June 2034",), True),
        ("Can Una drive?", ("Una passed her driving test", "her brother has not started"), True),
    ],
)  # fmt: skip
def test_several_statements_decide_yes_or_no(question, statements, holds):
    found = make_found(*statements, start=NOW)
    asked = Asked(question, "en")
    assert decisive(asked, found, rows_of(found))[0] is holds


def test_a_shop_shut_on_another_day_decides_nothing_about_this_one():
    found = make_found("The shop is shut on Mondays", apart=0.3, start=NOW)
    assert decisive(Asked("Is the shop open on Thursday?", "en"), found, rows_of(found)) is None


def test_a_task_takes_what_was_said_with_its_note_but_nothing_of_another_relative():
    found = make_found("My daughter Maja is 9", "the party is on Saturday", "My sister plays chess",
                 apart=0.0, start=NOW)  # fmt: skip
    task = "Write a birthday card for my daughter"
    assert is_task(task) and is_task("do me a shopping list")
    assert is_task("short email to Kenji's teacher on why he's out")
    assert not is_task("text message from Anna, when was that?")
    notes = notes_for(task, found, rows_of(found), "en")
    assert [one.id for one in notes] == [found[0].id, found[1].id]


@pytest.mark.parametrize(
    "question, said, holds",
    [
        ("Does Beth live in Australia?", "My sister Beth lives in Perth, Scotland", False),
        ("Is Wendell still alive?", "Our dog Wendell had to be put down on Monday", False),
        ("Can Tunde drive?", "Tunde passed his driving test on the second go", True),
        ("Is there a lift in my building?", "my flat's on the fourth floor, no lift", False),
        ("Does Gus get on with cats?", "Gus the greyhound is terrified of cats", False),
        ("Was our house built before 1950?", "Our house was built in 1932", True),
        ("Does my brother live in Perth?", "My sister Beth lives in Perth", None),
        ("Is my car red?", "my car is a red Volvo", True),
        ("Is my car blue?", "my car is a red Volvo", False),
        ("Can Tunde drive now?", "Tunde passed his driving test on the second go", True),
        ("Is my car fast?", "my car is a red Volvo", None),
        ("Have I resigned from the bank?", "handed in my notice at the bank", True),
        ("Is the boat sold?", "we sold the boat", True),
        ("Do I work at the bank?", "handed in my notice at the bank", False),
        ("Do I work days?", "I work nights at the hospital", False),
        ("Is my dog called Rex?", "I have a dog named Rex", True),
        ("do i still owe dave money?", "paid dave back the 40 quid", False),
        ("Do I still have Ann's drill?", "gave Ann her drill back", False),
        ("Do I have any pets?", "my gecko is called Pickle", True),
        ("Is Ines left-handed?", "Ines is left-handed, so she sits on that side", True),
        ("Are we living in Umeå now?", "we moved from Umeå to Kalmar in March", False),
        ("Has Maja had her jab?", "Maja had her jab on Friday, she didn't cry at all", True),
    ],
)
def test_a_statement_decides_yes_or_no(question, said, holds):
    (one,) = make_found(said)
    assert is_so(Asked(question, "en"), one) is holds


def test_who_rents_a_house_does_not_own_it():
    found = make_found("we rent the house from an old friend")
    assert decisive(Asked("Do I own the house?", "en"), found, rows_of(found)) == (False, found)


@pytest.mark.parametrize(
    "question", ["Do I work days or nights?", "Har jag en bil eller en cykel?"]
)
def test_which_of_two_is_not_answered_by_yes_or_no(question):
    assert not Asked(question, "sv" if question.startswith("Har") else "en").is_yes_no
    assert Asked("Is my car red or not?", "en").is_yes_no


def test_who_says_later_what_they_eat_all_the_same_is_no_longer_excluded_from_it():
    found = make_found("I'm vegetarian", "I eat fish again", start=NOW)
    rows = rows_of(found)
    assert decisive(Asked("Do I eat chicken?", "en"), found, rows)[0] is False
    assert decisive(Asked("Do I eat fish?", "en"), found, rows)[0] is True


def test_other_things_of_the_same_unit_are_not_counted():
    found = make_found("I have 25 days of leave", "Physio is twice a day", apart=0.02)
    rows = rows_of(found)
    for question in ("How many sick days do I have?", "How many eggs do we get a day?"):
        assert count(Asked(question, "en"), found, rows) == (0, [])


@pytest.mark.parametrize(
    "question, own, everybody",
    [
        ("Hur många spelare är det i ett lag?", False, False),
        ("Why do we yawn?", True, True),
        ("Varför firar vi lucia?", True, True),
        ("Why did I move?", True, False),
        ("What car do we have?", True, False),
    ],
)
def test_whether_a_question_is_for_ones_own(question, own, everybody):
    assert speaks_of_oneself(question) is own
    assert speaks_of_everybody(question) is everybody


def test_what_only_shares_a_name_decides_nothing_unless_it_is_sure():
    asked = Asked("Is Paris the capital of France?", "en")
    assert decisive(asked, make_found("I went to Paris in May", apart=0.3), Rows()) is None
    asked = Asked("Does Beth live in Australia?", "en")
    (said,) = make_found("My sister Beth lives in Perth", apart=0.3)
    assert decisive(asked, [said], rows_of([said])) == (False, [said])


@pytest.mark.parametrize(
    "question, statements, begins",
    [
        ("How many cubs are left after June?", ("The troop has 18 cubs", "six of them go up"), "12,"),
        ("How long is my shift?", ("My shift starts at 7 am", "and it ends at 3.30 pm"), "8 hours 30"),
        ("total for the tools?", ("the saw was 62", "drill 40"), "102,"),
    ],
)  # fmt: skip
def test_what_is_left_what_a_shift_lasts_and_a_total_are_reckoned(question, statements, begins):
    found = make_found(*statements, start=NOW)
    said, _ = reckon(Asked(question, "en"), found, rows_of(found), NOW)
    assert said.startswith(begins)


@pytest.mark.parametrize(
    "question, statements, holds",
    [
        ("Can Odd eat what I'm baking today?", ("Odd is vegan", "I'm baking an egg flan today"), False),
        ("Can I eat the walnuts?", ("I'm allergic to nuts",), False),
        ("Will Odd's cats be a problem for Ebba?", ("Ebba is allergic to cats", "Odd has two cats"), True),
        ("May I drive the hire car?", ("My licence is only for automatics",
                                       "the hire car is a manual"), False),
        ("Is my visa still valid when we sail?", ("My visa expires on 3 May 2027",
                                                  "we sail on 8 June 2027"), False),
        ("Does Odd have to duck under the gate?", ("Odd is 1.92 tall", "the gate is 1.80 high"), True),
    ],
)  # fmt: skip
def test_what_one_of_two_statements_excludes_is_decided(question, statements, holds):
    found = make_found(*statements, start=NOW)
    asked = Asked(question, "en")
    assert decisive(asked, found, rows_of(found))[0] is holds


def test_each_part_is_answered_by_a_statement_of_its_own():
    found = make_found("I drive a Peugeot", "The van needs its MOT in May", start=NOW)
    drives, mot = ({**one.fact} for one in found)
    parts = [[Found(mot, 0.5, 0.5), Found(drives, 0.04, 0.04)], [Found(mot, 0.7, 0.7)]]
    question = "Which van have I got and when is the MOT due?"
    answer, used = compose(question, found, Rows([drives, mot]), "en", NOW, parts)
    assert "Peugeot" in answer and "MOT" in answer and len(used) == 2


def test_a_list_goes_on_behind_what_is_of_a_neighbour_and_leaves_out_what_is_not_of_it():
    said = ("I'm allergic to cashews", "my neighbour has asthma", "and wasp stings as well",
            "the car is at the garage")  # fmt: skip
    found = make_found(*said, apart=0.01, start=NOW)
    found[0] = Found(found[0].fact, 0.9, 0.9)
    answer, _ = compose("What am I allergic to?", found, rows_of(found), "en", NOW)
    assert "cashews" in answer and "wasp" in answer
    assert "asthma" not in answer and "garage" not in answer


def test_what_was_had_from_a_neighbour_is_ones_own():
    asked = Asked("How many hens have we got?", "en")
    assert not asked.is_of_others("got two more hens from the neighbour")
    assert asked.is_of_others("the neighbour has six hens") and asked.is_of_others(
        "next door have two"
    )
    found = make_found("We have three hens", "got two more hens from the neighbour", start=NOW)
    assert count(asked, found, rows_of(found))[0] == 5


@pytest.mark.parametrize(
    "question, statements",
    [
        ("How many hens have we got?", ("We have six hens", "sold six of them")),
        ("How many books are here?", ("four novels", "returned four of them")),
    ],
)
def test_where_none_is_left_no_number_is_said(question, statements):
    found = make_found(*statements, start=NOW)
    assert compose(question, found, rows_of(found), "en", NOW) is None


def test_two_who_are_named_are_counted_together():
    found = make_found("Philippa has four grandkids", "old Bernard has two", start=NOW)
    parts = [[found[0]], [found[1]]]
    question = "How many grandkids do Philippa and Bernard have between them?"
    answer, _ = compose(question, found, rows_of(found), "en", NOW, parts)
    assert answer.startswith("Six")


@pytest.mark.parametrize(
    "task, code, asked",
    [
        ("write a post to get people to our gig", "en", ["what about our gig?"]),
        ("Write a postcard to dad.", "en", ["what about dad?"]),
        ("plan a dinner with a menu", "en", ["what food am I allergic to or do I not eat?"]),
        ("skriv en lapp till kattvakten", "sv", ["vad gäller för kattvakten?"]),
        ("Write a bio of me", "en", ["what about me?"]),
    ],
)
def test_a_task_is_asked_for_what_it_is_of(task, code, asked):
    assert questions_of(task, code) == asked
    assert not is_task("give me a list of my trips") and is_task("Write a postcard to dad")


def test_the_plainest_questions_are_for_ones_own_and_that_plumber_who_came_is_no_pointing():
    for question in ("hur lång är jag", "vad heter min frisör i Göteborg", "who's my dentist?"):
        assert asks_for_own(question, 0.05, False)
    assert not asks_for_own("how do I clean my oven?", 0.05, False)
    assert not points_elsewhere("what was the name of that plumber who came?")
    assert points_elsewhere("what is that called?")
    assert points_elsewhere("what colour is it?")
    for question in ("vilken bredd var det på gardinstången", "vilken dag är det städning",
                     "which tablet is it she takes"):  # fmt: skip
        assert not points_elsewhere(question)
    assert asks_for_own("shed padlock code", 0.75, False, near=True)
    assert not asks_for_own("shed padlock code", 0.75, False, near=False)
    assert has_question("can't find the drill, where is it") and has_question("när då? jag glömde")
    assert not has_question("we moved to Lund, what a day")
    assert asks_for_own("what am I afraid of, did I ever tell you?", 0.2, False)
    assert asks_for_list("list everything I'm allergic to") and not asks_for_list(
        "list the planets"
    )


@pytest.mark.parametrize(
    ("question", "advice"),
    [
        ("how do I bleed a radiator?", True),
        ("how long should I boil new potatoes?", True),
        ("can I freeze cooked rice?", True),
        ("why does my stomach rumble", True),
        ("hur får jag bort stearin från duken?", True),
        ("hur ofta ska jag byta tandborste?", True),
        ("how do I take my coffee?", False),
        ("how do I know Priya?", False),
        ("when is my dentist appointment?", False),
        ("när ska jag till tandläkaren?", False),
        ("why did I leave my last job?", False),
    ],
)
def test_advice_is_told_from_what_is_asked_of_oneself(question, advice):
    assert asks_for_advice(question) == advice


@pytest.mark.parametrize(
    ("question", "code", "wanted"),
    [
        ("Where have I lived?", "en", True),
        ("Where have I put the receipt?", "en", False),
        ("Var har jag bott?", "sv", True),
        ("Var har jag lagt kvittot?", "sv", False),
    ],
)
def test_a_place_where_something_lies_is_one_and_those_where_one_lived_are_several(
    question, code, wanted
):
    assert takes_several(question, code) is wanted
