"""Words that say the opposite of each other: "increase" and "reduce", "paid" and "unpaid".

A table written for this project, and the prefixes by which English turns a word around.
"""

from __future__ import annotations

from functools import cache

from ragkit_ingest.lexical import stem

_TABLE = """
    increase rise grow raise gain climb|decrease fall reduce drop decline lower diminish shrink lose
    higher greater more larger above exceed|lower less fewer smaller below
    upregulate|downregulate
    high|low
    upregulation|downregulation
    promote activate induce stimulate enhance enable trigger|inhibit suppress block prevent repress
    improve better|worsen worse impair deteriorate
    strengthen|weaken
    strong|weak
    enhance|reduce impair attenuate diminish
    positive positively|negative negatively
    before prior earlier|after later following
    early|late
    first|last
    begin start open launch|end stop finish close cease
    include|exclude
    allow permit|forbid prohibit ban prevent disallow
    accept approve agree|reject refuse deny decline disapprove
    win victory|lose loss defeat
    succeed success successful|fail failure unsuccessful
    pass|fail
    true|false
    same identical similar|different distinct
    always|never rarely sometimes
    all every|none some few no
    many most|few
    majority|minority
    maximum most|minimum least
    with|without
    mandatory compulsory required obligatory|optional voluntary
    paid|unpaid
    full|empty partial
    old|new young
    large big great|small little tiny
    long|short
    fast quick rapid|slow
    hot warm|cold cool
    rich wealthy|poor
    safe|dangerous unsafe risky
    easy simple|difficult hard complex
    cheap|expensive
    public|private
    internal|external
    import|export
    buy purchase|sell
    enter arrive|leave exit depart
    male man men boy|female woman women girl
    husband|wife
    father|mother
    son brother|daughter sister
    north northern|south southern
    east eastern|west western
    left|right
    day|night
    light|dark heavy
    love like enjoy|hate dislike
    support favour|oppose
    friend ally|enemy
    alive live|dead die
    survive survival|die death mortality
    born|died
    remember|forget
    appear|disappear
    attack|defend
    guilty|innocent
    sensitive sensitivity susceptible|resistant resistance insensitive
    beneficial|harmful detrimental
    benign|malignant
    acute|chronic
    agonist|antagonist
    dependent|independent
    upstream|downstream
    temporary|permanent
    direct|indirect
    common frequent|rare uncommon infrequent
    accelerate hasten|delay slow
    protect|harm damage
    cause|prevent
    expand|contract shrink
    present presence|absent absence
    homozygous|heterozygous
    gain|loss
    add|remove
    top|bottom
    inside|outside
    up|down
    over|under
    often usually|seldom rarely
    ahead|behind
    maintain keep retain|abandon remove
    connect|disconnect
    create build|destroy
    encourage|discourage
    employer|employee
    landlord|tenant
    buyer|seller
    parent|child
    teacher|student
    optimistic|pessimistic
    profit|loss
    increase|reduction
    gross|net
    domestic|foreign
    local|global
    major|minor
    natural|artificial
    vertical|horizontal
    wide|narrow
    deep|shallow
    thick|thin
    soft|hard
    clean|dirty
    wet|dry
    active|passive inactive
    friendly|hostile
    superior|inferior
    senior|junior
    primary|secondary
    urban|rural
    winner|loser
"""
_PREFIXES = ("un", "in", "im", "ir", "il", "non", "dis", "anti", "mis", "hypo", "hyper")
_SHORTEST = 4


@cache
def opposites() -> dict[str, frozenset[str]]:
    """Return, by stem, the stems that say the opposite."""
    table: dict[str, set[str]] = {}
    for line in _TABLE.strip().splitlines():
        one, other = ([stem(word) for word in side.split()] for side in line.split("|"))
        for first in one:
            for second in other:
                if first != second:
                    table.setdefault(first, set()).add(second)
                    table.setdefault(second, set()).add(first)
    return {word: frozenset(found) for word, found in table.items()}


def opposed(first: str, second: str) -> bool:
    """Return whether two stems say the opposite, by the table or by a prefix."""
    if second in opposites().get(first, ()):
        return True
    short, long = sorted((first, second), key=len)
    return len(short) >= _SHORTEST and any(long == prefix + short for prefix in _PREFIXES)
