"""The rules that give each turn its action, for data that comes without (the paper does not say how it did).

Recommender, first rule that holds:
  1. ``recommend``: it newly proposes an item (the loader knows);
  2. ``inquire``: it asks about tastes, moods, films seen, or whether a film appeals;
  3. ``greeting``: it opens its side with a hello and says little more;
  4. ``chat``.

User, first rule that holds:
  1. ``accept``: something has been proposed, and a sentence commits to it ("I'll watch it", "sounds perfect") without
     asking for something else afterwards or turning it down;
  2. ``greeting``: it opens its side with a hello and says little more;
  3. ``chat``: thanks and goodbyes, and nothing else;
  4. ``feedback``: the recommender's last turn proposed or named an item, and this answers it;
  5. ``disclose-goal``: it says what it likes or wants, names an item, or answers an inquiry;
  6. ``chat``.

How well they do against people's labels: :mod:`interplay_bench.label_audit`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from interplay_bench.dialogue import Action, Role, Turn


def _any(*patterns: str) -> str:
    """Any of ``patterns``, each at the start of a word. Compiled when first used: many commands use none."""
    return rf"\b(?:{'|'.join(patterns)})"


_CONTRACTIONS = {
    "can't": "can not",
    "let's": "let us",
    "won't": "will not",
    **{
        f"{verb}n't": f"{verb} not"
        for verb in ("do", "does", "did", "is", "was", "are", "would", "could", "should", "have", "has", "had")
    },
    **{f"{who}'ll": f"{who} will" for who in ("i", "you", "we", "they", "that", "it", "this")},
    **{f"{who}'ve": f"{who} have" for who in ("i", "you", "we", "they")},
    **{f"{who}'d": f"{who} would" for who in ("i", "you", "we", "they", "that", "it")},
    **{f"{who}'re": f"{who} are" for who in ("you", "we", "they")},
    **{f"{who}'s": f"{who} is" for who in ("it", "that", "what", "how", "who", "there", "he", "she")},
    "i'm": "i am",
    "gonna": "will",
    "going to": "will",
    "u": "you",
}
_CONTRACTIONS |= {
    short.replace("'", ""): full
    for short, full in _CONTRACTIONS.items()
    if not short.endswith(("'d", "'s", "'re", "e'll"))
}
_CONTRACTED = _any(*sorted(_CONTRACTIONS, key=len, reverse=True)) + r"\b"

_FILM = r"(?:movies?|films?|flicks?|shows?|trailers?|genres?|books?|novels?)"
_SEE = r"(?:watch|see|try|check|rent|stream|download|look|give|go|add|buy|get|read|find)"
_IT = r"(?:it|that|this|them|those|these|one|both|all)"
_SAY = r"(?:recom+endations?|suggestions?|advice|recs?|choices?|picks?|ideas?)"
_GREAT = r"(?:good|great|perfect|excellent|brilliant|wonderful|fantastic|amazing|awesome|lovely)"
_GENRE = (
    r"(?:comed(?:y|ies)|dramas?|horrors?|action|roman(?:ces?|tic)|rom-?coms?|thrillers?|sci-?fi|animat\w+|fantasy"
    r"|documentar(?:y|ies)|myster(?:y|ies)|scary|funny|superhero\w*|westerns?|musicals?|crime|adventure|suspense"
    r"|classics?)"
)

GREETING = (
    r"\W*(?:hi+|hey+|hell?o+|good (?:morning|afternoon|evening|day)|greetings|howdy|how (?:is|are) (?:you|it|things)"
    r"|(?:merry|happy) \w+)\b"
)
"""A turn that opens with a hello."""

SMALL_TALK = r"how (?:is|are|r|have) (?:you|it|things|your)\b[^?.!]*|what is up|(?:can|may) i help[^?.!]*"
"""Questions that ask for nothing about tastes."""

INQUIRY = _any(
    rf"(?:what|which|any)\b[^.?!]*?\b(?:kind|type|sort|{_FILM}|{_GENRE}|favou?rites?|act(?:or|ress)\w*"
    r"|directors?|like|enjoy\w*|prefer\w*|mood|into|looking|watch\w*|interest\w*|think|seen?|want|era|specific)\b",
    r"(?:do|did|does|are|were|would|will|have|has|had|can|could|is|was) (?:not )?(?:you|he|she|they|your \w+)\b"
    r"[^.?!]*?\b(?:like|love|enjoy|prefer|into|interest(?:ed)?|fan|mood|looking|seen?|saw|watch\w*|hear|heard|want"
    r"|think|open|mind|feel\w*|rather|consider|familiar|know|accept|read)\b",
    rf"(?:tell me|let me know|describe)\b[^.?!]*?\b(?:you|your|like|{_FILM}|about)\b",
    r"(?:how about|what about|why)\b[^.!?]*\?",
    r"how (?:do|did|would) you\b",
    r"what else\b",
    r"should i (?:recommend|suggest)\b",
    r"(?:who|seen?|watch\w*|heard|for you)\b[^.!?]*\?",
    r"depends on\b",
    r"you (?:have )?(?:like|love|enjoy|prefer|seen|watched|want|do|are)\b[^.!?]*\?",
    rf"(?:anything|something|{_GENRE}|older|newer|kids?|or|favou?rite|last)\b[^.!?]*\?",
)
"""A recommender's question about tastes, experience or interest."""

COMMITMENT = _any(
    r"accept(?:ed|ing)? (?:your|the|that|this|it)\b",
    r"(?:i|also|happily|gladly|do|will) accept\b",
    rf"(?:i|we) (?:\w+ ){{0,3}}?will (?!not\b)(?:\w+ ){{0,3}}?{_SEE}\b(?! any)",
    rf"we'll (?:\w+ ){{0,2}}?{_SEE}\b",
    rf"\Awill (?:\w+ )?{_SEE}\b",
    rf"(?:will|may|might|have to|got to|gotta|need to) (?:\w+ ){{0,2}}?{_SEE} (?:out )?{_IT}\b",
    r"(?:want|love|like|excited|ready|plan\w*|decided|happy|glad|willing|interested) (?:to|in) "
    rf"(?:{_SEE}|see\w*|watch\w*) (?:out )?{_IT}\b",
    r"(?:i|we) would (?:\w+ )?(?:love|like|be \w+) (?:to|in) (?:watch|see|try|check|rent|read|\w+ing|that|it)\b",
    r"i (?:\w+ )?(?:want|plan|intend|need|have|got) to (?:\w+ )?(?:watch|see|try|check|rent|read|give)\b",
    rf"let (?:us|me) (?:{_SEE}|do|go) (?:out )?(?:with )?{_IT}\b",
    rf"(?:i am|we are) (?:watching|trying|taking|buying|off to \w+) {_IT}\b",
    rf"(?:will|let us) (?:take|start|put) {_IT}\b",
    r"consider (?:it|me)\b",
    r"(?:looking forward to|can not wait|sign me up|i am sold|i am in[!.]|count me in|convinced me|deal)\b",
    r"(?:sounds?|looks?|seems?) (?:\w+ ){0,2}?"
    r"(?:perfect|(?:exactly|just) (?:like )?what|like a (?:winner|plan))\b",
    rf"(?:sounds?|looks?) (?:\w+ )?{_GREAT}\b(?!.*\?)",
    r"(?:exactly|just|precisely) what i\b[^.!?]*",
    r"(?:do not need to hear (?:any )?more|evening settled)\b",
    r"(?:my (?:choice|pick)|made for me|right up my \w+|ticks (?:all|every)|nailed it|found it|love the sound of)\b",
    r"(?:that|this|it) (?:is|will be|would be) (?:perfect|(?:\w+ )?the one|settled)\b",
    r"\A(?:yes|yeah|sure|ok|okay|yep|definitely|absolutely)\W+"
    r"(?:i would(?! be grateful| rather| prefer)|i (?:will|can)(?! not)|i think i will|that would|let us|please)\b",
    r"\A(?:yes|ok|okay|right|so)\b[^.!?]* it is[.!]",
    rf"thank(?:s| you)\b[^.!?]*?\b(?:{_SAY}|recommending|suggesting)\b",
    rf"{_GREAT} {_SAY}\b",
    r"(?:on|to) (?:my|the) (?:\w+ )?(?:list|queue)\b",
    rf"give {_IT} a \w+\b",
    r"worth a (?:watch|try|shot|go|look)\b",
)
"""What commits the user to something proposed."""

REFUSAL = _any(
    r"nope?\W+(?:thanks|thank you)\b",
    r"(?:but|just|still|to say) no\b|no mood\b|keep looking\b|(?:will|would|to) (?:have to )?(?:skip|pass)\b",
    r"not (?:\w+ ){0,2}?(?:for me|my \w+|interested|into|what i|fan|in the mood|sure|feeling)\b",
    r"(?:do|did|does|would|can|could|is|was) not (?:\w+ ){0,2}?"
    r"(?:like|care|enjoy|want|think|stand|interest|accept|sound)\b",
    r"(?:hate[ds]?|dislike[ds]?|boring|disappoint\w+|rather not|i will pass|pass on|turn(?:ed)? (?:off|down))\b",
    r"too (?:\w+ )?(?:scary|long|slow|violent|sad|dark|much|old|silly|gory|heavy|intense)\b",
    r"(?:but|however|though|although)\b[^.!?]*\b"
    r"(?:not|looking|prefer|more|less|something|hoping|wish|rather|want\w*|lack\w*)\b",
)
"""What turns a proposal down."""

MORE = _any(
    r"(?:any|something|anything|some|another|other|others|what) (?:\w+ ){0,2}?"
    rf"(?:else|others?|more|different|{_SAY}|{_FILM})\b",
    r"(?:can|could|do|would) you (?:\w+ ){0,2}?(?:recommend|suggest|think of|have)\b",
    r"(?:have you got|is there|got) (?:anything|something|one)\b",
    r"(?:one more|next one|how about|instead|looking for|more like|in the mood)\b",
)
"""What asks for another proposal."""

GOAL = _any(
    r"i (?:\w+ ){0,3}?(?:like[ds]?|loved?|enjoy(?:ed)?|prefer|want|need|watch|hoping|into|fan|interested|open|hate)\b",
    r"(?:recommend|suggest|mood|looking for|something|anything|similar|favou?rites?)\b",
    rf"(?:{_GENRE}|{_FILM})\b",
)
"""What says what the user likes or wants."""

PARTING = (
    r"(?:(?:ok(?:ay)?|well|alright|great|you|too|same to|thanks?|so much|very|much|a lot|bye|good ?bye|good ?night|see"
    r"|ya|take care|are welcome|welcome|no problem|and|for|your|the|all|help|chat|time|have (?:a|an) \w+|day|night"
    r"|evening|weekend|one|again|enjoy|nice|chatting|talking|to|with|later|cheers|fun|now|it was|been|has)\b\W*)+$"
)
"""Thanks and goodbyes, and nothing else."""

LITTLE = 8
"""How many words a greeting may have and still be no more than one."""

LONGEST = 4_000
"""How many characters of a turn are read. People write a few hundred; on output that goes round in circles for a
hundred thousand, the rules would take time by its length squared."""


def label(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns with the actions that the rules give them; the actions that they come with are not looked at."""
    labelled: list[Turn] = []
    for turn in turns:
        before = labelled[-1] if labelled else None
        opening = all(earlier.role is not turn.role for earlier in labelled)
        if turn.role is Role.RECOMMENDER:
            action = recommender_action(turn, opening=opening)
        else:
            proposed = any(earlier.recommended for earlier in labelled)
            action = user_action(turn, before, opening=opening, proposed=proposed)
        labelled.append(turn if action is turn.action else replace(turn, action=action))
    return tuple(labelled)


def recommender_action(turn: Turn, *, opening: bool) -> Action:
    """The action of a recommender's turn; ``opening`` if it is its first."""
    if turn.recommended:
        return Action.RECOMMEND
    said = plain(turn.text)
    if re.search(INQUIRY, re.sub(SMALL_TALK, " ", said)):
        return Action.INQUIRE
    return Action.GREETING if opening and _greets(said) else Action.CHAT


def user_action(turn: Turn, before: Turn | None, *, opening: bool, proposed: bool) -> Action:
    """The action of a user's turn after ``before``; ``proposed`` if something has been recommended by now."""
    said = plain(turn.text)
    if proposed and _accepts(said):
        return Action.ACCEPT
    if opening and _greets(said):
        return Action.GREETING
    if re.match(PARTING, said):
        return Action.CHAT
    if proposed and before is not None and (before.recommended or before.mentions):
        return Action.FEEDBACK
    inquired = before is not None and before.action is Action.INQUIRE
    return Action.DISCLOSE_GOAL if inquired or turn.mentions or re.search(GOAL, said) else Action.CHAT


def accepts(text: str) -> bool:
    """Whether a user's words take up what was proposed, without turning it down or going on to ask for more."""
    return _accepts(plain(text))


def refuses(text: str) -> bool:
    """Whether a user's words turn a proposal down."""
    return re.search(REFUSAL, plain(text)) is not None


def plain(text: str) -> str:
    """``text`` as the rules read it: its beginning, lower case, straight apostrophes, contractions written out."""
    text = text[:LONGEST].lower().replace("’", "'").replace("‘", "'").strip()
    return re.sub(_CONTRACTED, lambda match: _CONTRACTIONS[match.group()], text)


def _accepts(said: str) -> bool:
    match = re.search(COMMITMENT, said)
    return match is not None and not re.search(REFUSAL, said) and not re.compile(MORE).search(said, match.end())


def _greets(said: str) -> bool:
    return re.match(GREETING, said) is not None and len(said.split()) <= LITTLE and re.search(GOAL, said) is None
