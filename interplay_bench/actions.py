"""The rules that give each turn its action, for data that comes without (paper, section 3.5, does not say how).

Recommender, first rule that holds:
  1. ``recommend``: it newly proposes an item (the loader knows);
  2. ``inquire``: it asks about tastes, moods, films seen, or whether a film appeals;
  3. ``greeting``: it opens its side with a hello and says little more;
  4. ``chat``.

User, first rule that holds:
  1. ``accept``: something has been proposed, the user commits to it ("I'll watch it", "I accept", "sounds perfect"),
     and neither turns it down nor asks for something else;
  2. ``greeting``: it opens its side with a hello and says little more;
  3. ``feedback``: the recommender's last turn proposed or named an item and the user reacts;
  4. ``disclose-goal``: it says what it likes or wants, names an item, or answers an inquiry;
  5. ``chat``.

How well they do against people's labels: :mod:`interplay_bench.label_audit`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from interplay_bench.dialogue import Action, Role, Turn


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_FILM = r"(?:movies?|films?|flicks?|shows?|trailers?|genres?|books?)"
_SEE = r"(?:watch|see|try|check|rent|stream|download|find|look|give|go|add|put|buy|get|read)"

GREETING = _any(
    r"^\W*(?:hi+|hey+|hello+|hell|good (?:morning|afternoon|evening|day)|greetings|howdy|hiya|yo)\b",
    r"^\W*how(?:'s| is| are) (?:you|it|things)",
    r"^\W*(?:merry|happy) \w+",
)
"""A turn that opens with a hello."""

SMALL_TALK = _any(
    r"how(?:'s| is| are| r) (?:you|u|it|things|your)[^?.!]*[?.!]*", r"what'?s up\W*", r"can i help[^?]*\?"
)
"""Questions that ask for nothing about tastes."""

INQUIRY = _any(
    rf"\b(?:what|which|any|who)\b[^.?!]*\b(?:kind|type|sort|genre|{_FILM}|favou?rite|actors?|actress|directors?|like|liked"
    r"|enjoy\w*|prefer\w*|mood|into|looking|watch\w*|interest\w*|feel\w*|think|about it|seen?|want|era|style|part)\b",
    r"\b(?:do|did|does|are|were|would|will|have|has|had|can|could|is|was) (?:you|u|your|yo|it|he|she|they|that|this)\b"
    r"[^.!]*\b(?:like[ds]?|love|enjoy\w*|prefer\w*|into|interested|fan|in the mood|looking|seen|see|saw|watch\w*|heard"
    r"|hear|want|think|open to|favou?rite|mind|into|feel\w*|rather|consider|familiar|good|care|know)\b[^.!]*\?",
    r"\b(?:have|did|do|are|would|will|were) (?:you|u|yo) (?:ever )?(?:seen|see|watch\w*|heard|hear|like|love|enjoy|prefer"
    r"|want|interested|a fan|into|think|looking)\b",
    rf"\b(?:tell me|let me know|describe|name)\b[^.]*\b(?:you|your|like|{_FILM})\b",
    r"\b(?:how about|what about|how do you|how did you)\b[^.!]*\?",
    r"\b(?:anything|something) (?:specific|in particular|else you|you)\b[^.!]*\?",
    r"\byou(?:'ve| have)? (?:like|love|enjoy|prefer|seen|watched|want)\b[^.!]*\?",
    r"\bwhy\b[^.!]*\?|\b(?:depends on|interests? you)\b",
    r"\b(?:comedy|comedies|drama|horror|action|romance|romantic|thriller|sci-?fi|animated|older|newer|kids?)\b[^.!?]*\?",
    rf"\b(?:favou?rite|last)\b[^.!?]*\b{_FILM}\b[^.!]*\?",
)
"""A recommender's question about tastes, experience or interest."""

COMMITMENT = _any(
    r"\bi accept\b|\baccept (?:your|the|that|this)\b|\baccept(?:ed|ing)? (?:it|your)\b|\balso accept\b",
    rf"\b(?:i|we|ill|well)(?:'|’)?(?:ll| will| wil|m going to| am going to|ma| think i(?:'|’)?ll| think i will)?\W+"
    rf"(?:\w+ ){{0,3}}?(?<!could )(?<!can )(?:will|'ll|gonna|going to)\W+(?:\w+ ){{0,3}}?{_SEE}\b",
    rf"\b(?:i|we)(?:'|’)ll (?:\w+ ){{0,3}}?{_SEE}\b|\bill (?:\w+ ){{0,2}}?{_SEE}\b|\bwe(?:'|’)?ll {_SEE}\b",
    rf"\bi(?:'|’)?m (?:\w+ )?(?:gonna|going to|goin to) (?:\w+ ){{0,2}}?{_SEE}\b",
    rf"\b(?:will|gonna|going to|have to|got to|gotta|need to) (?:\w+ ){{0,2}}?(?:{_SEE}) (?:\w+ )?(?:it|that|this|them|those|these|one"
    r"|both|out|into|into it)\b",
    rf"\b(?:want|like|love|excited|ready|planning|plan|decided|happy|glad|willing|can(?:'|’)?t wait) to {_SEE} (?:\w+ )?(?:it|that"
    r"|this|them|those|both|one)\b",
    rf"\blet(?:'|’)?s (?:\w+ )?(?:{_SEE}|do) (?:\w+ )?(?:it|that|this|with)\b|\blet me {_SEE} (?:it|that|this)\b",
    r"\blooking forward to\b|\bcan(?:'|’)?t wait\b|\b(?:sign me up|i(?:'|’)?m sold|count me in|you(?:'|’)?ve convinced me|deal)\b",
    r"\b(?:sounds?|looks?|seems?) (?:\w+ ){0,2}?(?:perfect|like (?:a |the )?(?:\w+ ){0,2}(?:winner|plan|movie for me|one for me)"
    r"|(?:exactly|just) (?:what|like what))",
    r"\b(?:exactly|just) what i(?:'|’)?(?:m| am| was|ve been)? (?:looking|searching|want|need|after)\w*",
    r"\b(?:that|this|it|which)(?:'|’)?s? (?:is|will be|would be|'ll be)? ?(?:my choice|my pick|perfect|the one)\b",
    r"^\W*(?:yes|yeah|sure|ok|okay|yep|definitely|absolutely)\W+(?:\w+ )?(?:i(?:'|’)?d|i would|that would|i(?:'|’)?ll|i will"
    r"|let(?:'|’)?s|please show|show me|i(?:'|’)?ll)\b",
    r"\bthank(?:s| you)\b[^.!?]*\b(?:recommendation|recomendation|suggestion|advice|recommending|suggesting)",
    r"\bgreat (?:recommendation|recomendation|suggestion|choice|pick)s?\b|\bgood (?:recommendation|suggestion|choice)s?\b",
    rf"\bi (?:definitely |really |would |might |may |do )*(?:want|plan|intend|need|have) to {_SEE}\b|\b(?:on|to) (?:my|the) (?:\w+ )?list\b",
    rf"\bi(?:'|’)?(?:d| would) (?:\w+ )?(?:love|like|be happy|be interested) (?:to|in) (?:{_SEE}|watching|seeing|that|it)",
    r"\b(?:worth|give (?:it|that|this|them) a) (?:watch|try|shot|go|look|chance|watching)\b",
    r"\bi(?:'|’)?m in\b|\bsold\b",
)
"""What commits the user to something proposed."""

REFUSAL = _any(
    r"\bno(?:pe)?\W+(?:thanks|thank you)\b|\bnot (?:really |quite |exactly |so |too )?(?:for me|my (?:thing|type|style|kind|cup|taste)|interested|into"
    r"|what i|a (?:big |huge )?fan|in the mood|sure (?:that|it|if|about|i)|feeling)",
    r"\b(?:don|didn|doesn|wouldn|can|couldn|won|isn|wasn)(?:'|’)?t (?:\w+ ){0,2}?(?:like|care|enjoy|want|think (?:i|that|it)|stand|interest"
    r"|feel|accept|watch|sound)\b",
    r"\b(?:hate[ds]?|dislike[ds]?|boring|disappoint\w+|rather not|i(?:'|’)?ll pass|pass on|too (?:scary|long|slow|violent|sad|dark|much))\b",
    r"\b(?:any(?:thing)?|something|some|another|other|others) (?:\w+ ){0,2}?(?:else|other|more|different|suggestions?|recommendations?"
    rf"|{_FILM}|options?|ideas?)\b[^.!]*(?:\?|$)",
    r"\b(?:can|could|do|would) you (?:\w+ ){0,2}?(?:recommend|suggest|think of|have)\b",
    r"\b(?:one more|next one|what else|how about|instead|looking for something|more like)\b",
    r"\b(?:already|i(?:'|’)ve|i have) (?:\w+ ){0,1}?(?:seen|watched|saw) (?:it|that|this|them|both|all)\b",
    r"\b(?:but|however|though|although)\b[^.!?]*\b(?:not|n(?:'|’)t|looking|prefer|more|less|something|hoping|wish|rather|lack\w*|want\w*)\b",
)
"""What turns a proposal down or asks for another one."""

GOAL = _any(
    r"\bi(?:'|’)?(?:m| am| was)? (?:\w+ ){0,3}?(?:like|love|enjoy|prefer|want|need|watch|looking|hoping|searching|into|fan|interested"
    r"|in the mood|wanting|trying|open|thinking)\b",
    r"\bmy favou?rites?\b|\b(?:recommend|suggest|in the mood|looking for|something|anything|any|similar|favou?rite|mood for)\b",
    rf"\b(?:comed(?:y|ies)|dramas?|horrors?|action|romances?|romantic|rom-?coms?|thrillers?|sci-?fi|animat\w+|fantasy|documentar\w+"
    rf"|myster(?:y|ies)|scary|funny|superheroe?s?|westerns?|musicals?|crime|adventure|family|suspense|classics?|old|new|kids|{_FILM})\b",
    r"\b(?:like|love|enjoy|prefer|liked|loved|enjoyed)\b",
)
"""What says what the user likes or wants."""

PARTING = _any(
    r"^\W*(?:(?:ok(?:ay)?|well|alright|great|you too|u too|same to you|thanks?|thank you|so much|very much|a lot|bye|good ?bye|good ?night"
    r"|see (?:you|ya)|take care|you(?:'|’)?re welcome|welcome|no problem|and|for (?:your|the|all) ?(?:your )?(?:help|chat|time)|have (?:a|an)"
    r" \w+ (?:day|night|one|evening|weekend|time)|again|enjoy|nice (?:chatting|talking)(?: (?:to|with) you)?|later|cheers|have fun|now|too|it was)\W*)+$"
)
"""Thanks and goodbyes, and nothing else."""

LITTLE = 8
"""How many words a greeting may have and still be no more than one."""


def label(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns with the actions that the rules give them; the actions that they come with are not looked at."""
    labelled: list[Turn] = []
    proposed = False
    for index, turn in enumerate(turns):
        before = labelled[-1] if labelled else None
        opening = all(earlier.role is not turn.role for earlier in labelled)
        if turn.role is Role.RECOMMENDER:
            action = recommender_action(turn, opening=opening)
            proposed = proposed or bool(turn.recommended)
        else:
            action = user_action(turn, before, opening=opening, proposed=proposed)
        labelled.append(replace(turn, action=action))
        assert index + 1 == len(labelled)
    return tuple(labelled)


def recommender_action(turn: Turn, *, opening: bool) -> Action:
    """The action of a recommender's turn; ``opening`` if it is its first."""
    if turn.recommended:
        return Action.RECOMMEND
    if INQUIRY.search(SMALL_TALK.sub(" ", turn.text)):
        return Action.INQUIRE
    return Action.GREETING if opening and greets(turn.text) else Action.CHAT


def user_action(turn: Turn, before: Turn | None, *, opening: bool, proposed: bool) -> Action:
    """The action of a user's turn after ``before``; ``proposed`` if something has been recommended by now."""
    if proposed and accepts(turn.text):
        return Action.ACCEPT
    if opening and greets(turn.text):
        return Action.GREETING
    if PARTING.match(turn.text):
        return Action.CHAT
    if proposed and before is not None and (before.recommended or before.mentions):
        return Action.FEEDBACK
    inquired = before is not None and before.action is Action.INQUIRE
    return Action.DISCLOSE_GOAL if inquired or turn.mentions or GOAL.search(turn.text) else Action.CHAT


def accepts(text: str) -> bool:
    """Whether a user's words take up what was proposed, without turning it down or asking for more."""
    return COMMITMENT.search(text) is not None and not refuses(text)


def refuses(text: str) -> bool:
    """Whether a user's words turn a proposal down or ask for another."""
    return REFUSAL.search(text) is not None


def greets(text: str) -> bool:
    """Whether a turn is a hello and little more."""
    return GREETING.search(text) is not None and len(text.split()) <= LITTLE and GOAL.search(text) is None
