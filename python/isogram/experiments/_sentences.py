"""Sentences, each with a paraphrase and with its own words in another order."""

from __future__ import annotations

from typing import NamedTuple


class Triple(NamedTuple):
    """Three sentences.

    Attributes
    ----------
    sentence
        What is said.
    paraphrase
        The same in other words, with its clauses in another order.
    reordered
        The words of the sentence in an order in which they say something else.
    """

    sentence: str
    paraphrase: str
    reordered: str


TRIPLES = (
    Triple(
        "the dog chased the postman before the rain began",
        "prior to the start of the shower the mail carrier was pursued by a hound",
        "the postman chased the dog before the rain began",
    ),
    Triple(
        "the teacher thanked the student after the exam",
        "once the test was over the pupil was given thanks by the instructor",
        "the student thanked the teacher after the exam",
    ),
    Triple(
        "the company bought the bank because its shares were cheap",
        "since stock cost little the lender was acquired by the firm",
        "the bank bought the company because its shares were cheap",
    ),
    Triple(
        "she bought a new car when she moved to the small town",
        "on moving to the little village an automobile was purchased by her",
        "she moved to a small car when she bought the new town",
    ),
    Triple(
        "the doctor called the nurse while the patient slept",
        "as the sick man was sleeping the nurse was phoned by the physician",
        "the nurse called the patient while the doctor slept",
    ),
    Triple(
        "the cook burned the soup and the guests went hungry",
        "the visitors got nothing to eat as the broth was scorched by the chef",
        "the guests burned the cook and the soup went hungry",
    ),
    Triple(
        "the river flooded the village after the dam broke",
        "when the barrier failed the settlement was under water from the stream",
        "the dam flooded the river after the village broke",
    ),
    Triple(
        "the judge freed the thief although the police had proof",
        "even though officers held evidence the robber was released by the court",
        "the police freed the judge although the thief had proof",
    ),
    Triple(
        "the child dropped the glass because the cat scared her",
        "frightened by a kitten the little girl let the cup fall",
        "the cat dropped the child because the glass scared her",
    ),
    Triple(
        "the farmer sold his horse so that his son could study",
        "in order to let his boy go to school the mare was sold by the grower",
        "the son sold his farmer so that his horse could study",
    ),
    Triple(
        "the pilot landed the plane although one engine had failed",
        "despite a broken motor the aircraft was brought down safely by the captain",
        "the engine landed the pilot although one plane had failed",
    ),
    Triple(
        "the team lost the match since their best player was ill",
        "as the star athlete was sick the game was not won by the side",
        "their best player lost the team since the match was ill",
    ),
    Triple(
        "the painter gave the king a portrait during the war",
        "in the time of fighting a picture was presented to the monarch by the artist",
        "the king gave the painter a war during the portrait",
    ),
    Triple(
        "the scientists found the planet when they pointed the telescope north",
        "turning their instrument to the north astronomers discovered a new world",
        "the scientists pointed the planet when they found the telescope north",
    ),
    Triple(
        "the mayor closed the bridge until the workers repaired it",
        "before the builders had mended it the crossing was shut by the city",
        "the workers closed the mayor until the bridge repaired it",
    ),
    Triple(
        "the singer forgot the words and the crowd sang for her",
        "the audience performed in her place as the lyrics had slipped her mind",
        "the crowd forgot the singer and the words sang for her",
    ),
)
