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

The words of a domain, what it is called and what one does with it, are data: :mod:`domain_words`. How well the rules
do against people's labels: :mod:`interplay_bench.audits.label_audit`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from interplay_bench.dialogues.dialogue import Action, Item, Role, Turn
from interplay_bench.dialogues.domain_words import domain_words


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

_WORDS = domain_words()
_FILM = _WORDS.nouns
_SEE = _WORDS.verbs
_IT = r"(?:it|that|this|them|those|these|one|both|all)"
_SAY = r"(?:recom+endations?|suggestions?|advice|recs?|choices?|picks?|ideas?)"
_GREAT = (
    r"(?:good|nice|fine|okay|ok|cool|promising|acceptable|great"
    r"|perfect|excellent|brilliant|wonderful|fantastic|amazing|awesome|lovely)"
)
_GENRE = _WORDS.kinds
_ANY = r"(?:an?|any\w*|some\w*|another|other|more|\w+ " + _FILM + r")\b"
"""What follows a verb where a wish is told, and nothing in sight is meant: "to watch a horror movie"."""

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
    rf"(?:i|we) (?:\w+ ){{0,3}}?will (?!not\b)(?:\w+ ){{0,3}}?{_SEE}\b"
    r"(?! (?:any|if\b|for\b|some|another\b|an? (?!try|look|shot|chance|go\b)))",
    rf"we'll (?:\w+ ){{0,2}}?{_SEE}\b",
    rf"\Awill (?:\w+ )?{_SEE}\b",
    rf"(?:will|may|might|have to|got to|gotta|need to|(?:i|we|maybe) should) "
    rf"(?!not\b)(?:\w+ ){{0,2}}?{_SEE} (?:out )?{_IT}\b",
    r"(?:want|love|like|excited|ready|plan\w*|decided|happy|glad|willing|interested) (?:to|in) "
    rf"(?:{_SEE}|see\w*|watch\w*) (?:out |to )?{_IT}\b",
    rf"(?:i|we) would (?:\w+ )?(?:love|like|be \w+) (?:to|in) (?:{_SEE}|that|it)\b(?!(?: to)? {_ANY})",
    r"(?:i|we) would (?:\w+ )?(?:love|like) (?:that|it|this) one\b",
    rf"i (?:\w+ )?(?:want|plan|intend|need|have|got) to (?:\w+ )?{_SEE}\b(?!(?: to)? {_ANY})",
    rf"(?:i|we) (?:\w+ )?should {_SEE} (?:out )?{_IT}\b",
    rf"let (?:us|me) (?:{_SEE}|do|go) (?:out )?(?:with )?{_IT}\b",
    rf"(?:i am|we are) (?:watching|trying|taking|buying|off to \w+) {_IT}\b",
    rf"(?:will|let us) (?:take|start|put) {_IT}\b",
    r"consider (?:it|me)\b",
    r"(?:(?:that|this|it|which|one) (?:\w+ )?(?:works?|will (?:work|do)|would (?:work|do))|(?:is|are) fine)\b",
    r"(?:to|can you|please|you) (?:\w+ )?(?:book|reserve|purchase|order|buy) (?:\w+ )?"
    rf"(?:{_IT}|tickets?|rooms?|tables?|seats?|car|appointment|visit)\b",
    r"(?:what|that|the one) i (?:am|was) looking for\b",
    r"let us (?:try|choose|go with|rent|go ahead|play|read|watch|book|do)\b",
    rf"i (?:\w+ )?(?:want|choose|prefer|take|pick|select) (?:that|this|it)\b(?! (?:was|is|to|if|{_FILM})\b)",
    r"i am (?:\w+ )?interested in (?:that|this|it)\b",
    r"(?:(?:that|this|it|which|one|option) )?(?:suits me|fits the bill|is (?:ideal|suitable))\b",
    r"i (?:also |really )?like the sound of\b",
    r"(?:go ahead and |please |can you )(?:\w+ )?(?:book|reserve|schedule|play|rent|buy|add)\b",
    r"(?:\A|[.!,] )(?:book|reserve|schedule|rent|buy) (?:it|that|this|me|one|now|for|there)\b",
    rf"(?:that|this|it) (?:would|will|should) be (?:\w+ )?{_GREAT}\b(?! if\b)",
    rf"(?:that|this|it) (?:one )?is (?:(?:an?|the) )?(?:\w+ )?{_GREAT} (?:one|option|choice|place|deal|fit)\b",
    rf"(?:sounds?|seems?|looks?) (?:like )?(?:an? )?(?:\w+ )?{_GREAT}\b",
    r"(?:works for me|would be perfect|it is then|is my (?:\w+ )?choice)\b",
    r"(?:that|this|it) (?:would be|will be) (?:fine|great|good|nice)\b",
    r"(?:make|schedule|book) (?:me )?(?:an? |the )?(?:appointment|reservation|booking)\b",
    r"(?:play|cast|put) (?:it|that|this)\b",
    r"\A\W*(?:yes|yeah|sure|yep|right)\W+(?:that|this|it) (?:is|will be) (?:it|an? good one|the)\b",
    r"(?:looking forward to|can not wait(?! for (?:the|an?) (?:sequel|next|new))|sign me up|i am sold"
    r"|i am in[!.]|count me in|convinced me|deal)\b",
    r"(?:sounds?|looks?|seems?) (?:\w+ ){0,2}?"
    r"(?:perfect|(?:exactly|just) (?:like )?what|like a (?:winner|plan))\b",
    rf"(?:sounds?|looks?|seems?) (?:\w+ )?{_GREAT}\b",
    rf"\A\W*(?:(?:ok|okay|yes|yeah|alright|sure|oh)\W+)?(?:(?:that|this|it) is )?"
    rf"{_GREAT}(?: (?:for|to|by|with) me)?(?:\W*\Z|[.!,])",
    rf"\A\W*(?:(?:ok|okay|yes|yeah|alright|sure|oh)\W+)?[^.?!]{{1,60}}? is {_GREAT}\W*\Z",
    r"(?:exactly|just|precisely) what i\b[^.!?]*",
    r"(?:do not need to hear (?:any )?more|evening settled)\b",
    r"(?:my (?:choice|pick)|made for me|right up my \w+|ticks (?:all|every)|nailed it|found it|love the sound of)\b",
    r"(?:that|this|it) (?:is|will be|would be) "
    r"(?:perfect|(?:\w+ )?the one(?! (?:about|with|where|that|who)\b)|settled)\b",
    r"\A(?:yes|yeah|sure|ok|okay|yep|definitely|absolutely)\W+"
    r"(?:i would(?! be grateful| rather| prefer)|i (?:will|can)(?! not)|i think i will|that would|let us|please)\b",
    r"\A(?:yes|ok|okay|right|so)\b[^.!?]* it is[.!]",
    rf"{_GREAT} (?:recommendation|suggestion|choice|pick|idea)\b",
    r"(?:on|to) (?:my|the) (?:\w+ )?(?:list|queue)\b",
    rf"give {_IT} a \w+\b",
    r"worth a (?:watch|try|shot|go|look)\b",
)
"""What commits the user to something proposed."""

BOOKING = _any(r"(?:book|reserv|purchas|order|buy|rent|play|find|search|look)\w*\b", r"(?:i|we) will\b")
"""A next step that follows what was taken up."""

INTENT = _any(
    rf"(?:i|we) (?:\w+ ){{0,3}}?will (?!not\b)(?:\w+ ){{0,3}}?{_SEE} (?:out )?(?:to )?{_IT}\b",
    rf"(?:have|got|need) to (?:\w+ )?{_SEE} (?:out )?(?:to )?{_IT}\b",
)
"""A commitment that holds after a refusal of something else: "I don't think so, I will have to check that out"."""

SEEN = _any(
    r"(?:re)?(?:watch|see|read|hear|listen|play|visit|cook|eat) (?:\w+ ){0,2}?again\b",
    r"(?:seen|saw|watched|read) (?:\w+ ){0,2}?(?:before|already|twice)\b",
    r"(?:i|we) (?:saw|loved|enjoyed|have seen) (?:it|that|this|both)\b",
    r"one of my (?:all.time )?favou?rites?\b",
)
"""What says that the user knows the item already."""
DETAIL = (
    r"[^.!?]*\b(?:but|though|first|before)\b[^.!?]*\b(?:what|how|where|when|who|whose|which|(?:tell|give) me"
    r"|(?:is|are|was|does|did|has) (?:it|this|that|the|there|they|he|she))\b[^.!]*\?"
)
"""A question about what was proposed, asked before taking it."""

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

ENOUGH = _any(
    r"(?:do|will|would) not (?:\w+ )?(?:need|want|require) (?:to hear )?(?:any\w*|more)"
    r"(?: (?:else|more|further|other|help|assistance|from you|with|any\w*))*\b",
    r"(?:nothing else|need no (?:more|further|other)(?: help| assistance)?)\b",
)
"""What says that nothing more is wanted."""

FOUND = r"(?:exactly |just |precisely )?(?:what|the (?:very )?(?:one|thing)) i (?:am|was|have been) looking for\b"
"""What says that a search is over."""

ALTERNATIVE = _any(
    rf"(?:any|something|anything|some|another|other|others|anywhere|somewhere|different|alternative|more) "
    rf"(?:\w+ ){{0,2}}?(?:else|others?|different|cheaper|{_SAY}|options?|alternatives?|{_FILM})\b"
    r"(?! (?:is|was|are|were|about)\b)",
    r"(?:find|show|search|look|see|get|have|hear|try|is there|are there) (?:\w+ ){0,3}?"
    r"(?:other|others|another|different|else|alternatives?|more options)\b",
    r"(?:what|any(?:one|thing|where)?|who|where) (?:else|other)\b(?! (?:info\w*|details?|can you tell)\b)",
    r"(?:any|find me|got) more\b\W*(?:$|\?|i )",
    r"(?:what|how) about (?:an?|another|something|other|one)\b",
    r"(?:one more|next one|instead|rather have|try again|look again|need something|anywhere but)\b",
)
"""What asks for another proposal in place of the last."""

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

OWN = "\ue000"
"""Stands for an item that the user brings up: "I can not wait to see Heat" takes up nothing that was proposed."""

TO_OWN = rf"(?:\W+\w+){{0,3}}?\W*{OWN}"
"""What is said behind a commitment to such an item."""

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
            proposed = [item for earlier in labelled for item in earlier.recommended]
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


def user_action(turn: Turn, before: Turn | None, *, opening: bool, proposed: Sequence[Item]) -> Action:
    """The action of a user's turn after ``before``; ``proposed``: what has been recommended by now."""
    said = plain(turn.text)
    if proposed and _accepts(plain(pointing(turn, proposed))):
        return Action.ACCEPT
    if opening and _greets(said):
        return Action.GREETING
    if re.match(PARTING, said):
        return Action.CHAT
    if proposed and before is not None and (before.recommended or before.mentions):
        return Action.FEEDBACK
    inquired = before is not None and before.action is Action.INQUIRE
    return Action.DISCLOSE_GOAL if inquired or turn.mentions or re.search(GOAL, said) else Action.CHAT


def pointing(turn: Turn, proposed: Sequence[Item]) -> str:
    """The turn's text with "it" for what was proposed, whose titles may be any words, and a mark for other items."""
    text, at = "", 0
    for mention in turn.mentions:
        text += turn.text[at : mention.start] + ("it" if mention.item in proposed else OWN)
        at = mention.end
    text = (text + turn.text[at:])[:LONGEST]
    lower = text.lower()
    titles = sorted({item.title for item in proposed if item.title and item.title.lower() in lower}, key=len)[::-1]
    named = rf"(?<!\w)(?:{'|'.join(map(re.escape, titles))})(?:\s*\(\d{{4}}\))?(?!\w)"
    return re.sub(named, "it", text, flags=re.IGNORECASE) if titles else text


def accepts(text: str) -> bool:
    """Whether a user's words take up what was proposed, without turning it down or going on to ask for more."""
    return _accepts(plain(text))


def refuses(text: str) -> bool:
    """Whether a user's words turn a proposal down."""
    return re.search(REFUSAL, plain(text)) is not None


def asks_for_another(text: str) -> bool:
    """Whether a user's words turn a proposal down, or ask for another one, and do not take it up."""
    said = re.sub(ENOUGH, " ", plain(text))
    return not _accepts(said) and (re.search(REFUSAL, said) or re.search(ALTERNATIVE, said)) is not None


def plain(text: str) -> str:
    """``text`` as the rules read it: its beginning, lower case, straight apostrophes, contractions written out."""
    text = text[:LONGEST].lower().replace("’", "'").replace("‘", "'").strip()
    return re.sub(_CONTRACTED, lambda match: _CONTRACTIONS[match.group()], text)


def _accepts(said: str) -> bool:
    said = re.sub(FOUND, "perfect", re.sub(ENOUGH, " ", said))
    match = next((match for match in re.finditer(COMMITMENT, said) if not _is_to_own(said, match)), None)
    if match is None or re.search(ALTERNATIVE, said) or re.compile(MORE).search(said, match.end()):
        return False
    if re.search(SEEN, said):
        return False
    if re.compile(DETAIL).search(said, match.end()) and not re.search(BOOKING, said):
        return False
    refusals = [found.start() for found in re.finditer(REFUSAL, said)]
    intent = re.search(INTENT, said) if refusals else None
    return not refusals or (intent is not None and refusals[-1] < intent.start())


def _is_to_own(said: str, match: re.Match[str]) -> bool:
    """Whether a commitment is to an item that the user brought up: it holds, follows or is followed by one."""
    about = said[: match.start()].rstrip()[-1:] + match.group()
    return OWN in about or re.match(TO_OWN, said[match.end() :]) is not None


def _greets(said: str) -> bool:
    return re.match(GREETING, said) is not None and len(said.split()) <= LITTLE and re.search(GOAL, said) is None
