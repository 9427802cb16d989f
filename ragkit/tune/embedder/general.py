"""A small check that is always there: does a model still know which sentences mean the same?

Twenty-eight pairs of everyday sentences, each of which says one thing twice in other words. For
each sentence the other of its pair must be nearer than the fifty-four of other pairs. That is no
benchmark; a model that was pushed too far fails it, and one that was not does not.
"""

from __future__ import annotations

import math

import numpy as np

from ragkit_ingest.embed.protocol import Embedder

PAIRS = (
    ("The train to the coast leaves at noon.", "At midday a railway service departs for the sea."),
    ("She paid for the meal in cash.", "The dinner was settled by her with banknotes."),
    ("It will rain all day tomorrow.", "The forecast for the next day is wet from morning on."),
    ("The cat sleeps on the sofa.", "On the couch a kitten is having a nap."),
    ("He forgot where he had put his keys.", "He could not recall the place of his keyring."),
    ("The museum is closed on Mondays.", "You cannot visit the gallery at the start of the week."),
    ("Water boils at a hundred degrees.", "At 100 Celsius, a liquid like this turns to steam."),
    ("The doctor told me to rest.", "My physician advised me to take it easy."),
    ("Children under six travel free.", "No fare is charged for kids who are five or younger."),
    ("The bridge was built of stone.", "Masons made the crossing over the river from rock."),
    ("My phone's battery is empty.", "The mobile has run out of power."),
    ("The film won three prizes.", "That movie was given several awards."),
    ("She runs five miles before breakfast.", "Every morning she jogs eight kilometres."),
    ("The shop gives refunds within a month.", "You get your money back for thirty days."),
    ("He plays the violin in an orchestra.", "He is a string player with a symphony."),
    ("The soup needs more salt.", "This broth tastes too bland."),
    ("The election will be held in spring.", "Voters go to the polls in April or May."),
    ("They painted the kitchen yellow.", "The room where they cook got a lemon coat."),
    ("The lawyer read the contract twice.", "The attorney went through the agreement again."),
    ("The heart pumps blood around the body.", "Circulation is driven by a muscle in the chest."),
    ("The plane landed two hours late.", "The flight's arrival was badly delayed."),
    ("Turn left after the church.", "Behind the chapel, go to the left-hand side."),
    ("The company hired ten new people.", "The firm took on additional staff."),
    ("Bees make honey from nectar.", "A sweet syrup is produced by insects out of flowers."),
    ("The lake froze over in winter.", "In the cold season the pond was covered with ice."),
    ("He fixed the leaking tap.", "The dripping faucet was repaired by him."),
    ("The students passed their exams.", "All the pupils were successful in the tests."),
    ("The old castle is open to visitors.", "Tourists may enter the ancient fortress."),
)


def general_scores(embedder: Embedder) -> list[float]:
    """Return for each of the 56 sentences how high the other of its pair ranks.

    Returns:
        1 / log2(rank + 1) each, nDCG with one right sentence; in (0, 1].
    """
    texts = [text for pair in PAIRS for text in pair]
    vectors = embedder.embed_documents(texts)
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    found = []
    for place, row in enumerate(similar):
        rank = 1 + int((row > row[place ^ 1]).sum())
        found.append(1.0 / math.log2(rank + 1))
    return found
