"""Reads from an answer whether it says that the part is anomalous, and in which language a text is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from anomalygpt.records import Turn

FIRST_QUESTION = "Is there any anomaly in the image?"
"""The paper's first question. The verdict on a photo is read from its answer."""


@dataclass(frozen=True)
class _Rules:
    """How one language speaks of anomalies.

    Attributes:
        sentence, clause: where to cut.
        skipped: sentences about what a good part looks like, which say nothing of this one.
        unsaid: clauses that ask, suppose or refer instead of stating.
        aside: wordings that contain words of the other lists without their meaning; taken out first.
        general, particular: words that say "anomalous", of the whole or by one kind of defect.
        normal: words that say "normal".
        negation: words that turn a statement round when they stand before it.
        denied: the same after it.
        place: names of places; what is denied of one place is not denied of the whole.
        yes, no: whole answers.
    """

    sentence: re.Pattern[str]
    clause: re.Pattern[str]
    skipped: re.Pattern[str]
    unsaid: re.Pattern[str]
    aside: re.Pattern[str]
    general: re.Pattern[str]
    particular: re.Pattern[str]
    normal: re.Pattern[str]
    negation: re.Pattern[str]
    denied: re.Pattern[str]
    place: re.Pattern[str]
    yes: re.Pattern[str]
    no: re.Pattern[str]


_PLACE_EN = (
    r"(?:that|this) (?:place|spot|area|corner)"
    r"|the (?:very )?(?:top|bottom|upper|lower|left|right|center|centre|middle|corner|edge)"
)
_SURE_EN = r"(?:certain|sure|confident|clear|obvious|severe|serious|large|big|far|exactly|only|just|know|tell|say|name)"
_WEAK_EN = r"(?:fine|ok|okay|good|alright|all right|clean|perfect|sound|healthy)"
_LINK_EN = (
    r"(?:is|are|was|be|looks?|seems?|appears?|'s|it|all|remains?) "
    r"(?:(?:still|quite|perfectly|completely|all|entirely|really|very|pretty|just|probably|not|also|so|to be|rather) )"
    r"{0,2}"
)

_ENGLISH = _Rules(
    sentence=re.compile(r"(?<=[.!?])\s+|\n"),
    clause=re.compile(r"[,;:.!?](?=\s|$)|\b(?:but|though|although|however)\b"),
    skipped=re.compile(
        r"(?<!you )\bshould\b|(?:^|: )(?:(?:a|an|any|the) )?(?:good|normal|perfect|flawless|healthy|intact) \w+"
        r"|^(?:on|in|for|with) (?:a|the) (?:good|normal|perfect|flawless) "
    ),
    unsaid=re.compile(
        r"\b(?:if|whether|unless|ask|how|what(?! (?:looks|appears|seems)))\b"
        r"|(?<!\bi )\bwould\b|^\s*(?:where|when)\b|\b(?:shows?|marks?|says?) where\b"
    ),
    aside=re.compile(
        r"\b(?:most of|the rest|everything else)\b[^,.;:]*"
        r"|\bnormal (?:photos?|images?|pictures?|samples?|references?|parts?|ones?|surfaces?|layout|patch\w*)\b"
        r"|\bgood (?:ones?|parts?|photos?|samples?|morning|question|idea|luck|day|evening|afternoon|look)\b"
        r"|\bi (?:may|might|could) be (?:wrong|mistaken)\b|\banomaly (?:score|map|value)\b"
        rf"|\bnot (?:entirely |quite |fully |completely |absolutely |very |that |so |too |at all )?{_SURE_EN}\b"
        r"|\b(?:no|little|hardly any|without(?: any| a)?) doubt\b|\bcannot\b|\bnot bad(?: at all)?\b|\bno problem\b"
        r"|\b(?:kinds?|types?|sorts?) of (?:defect|flaw|anomaly|fault)s?\b"
        r"|\bno (?:longer|single|clear|second|third|other) (?:one|region|place|area|spot)s?\b"
    ),
    general=re.compile(
        r"\b(?:anomal(?:y|ies|ous)|abnormal\w*|defect\w*|flaw(?:s|ed)?|(?<!color )(?<!print )fault[sy]?|problems?"
        r"|issues?|blemish\w*|imperfect\w*|irregular\w*|deviat\w+|suspicious|wrong|(?:is|something|looks) off|unusual"
        r"|amiss|(?:nothing|something) (?:was )?(?:found|detected|visible)"
        r"|(?:stand|stick)(?:s|ing)? out|weak response|differ(?:s|ences?)?|departs)\b"
    ),
    particular=re.compile(
        r"\b(?:(?:color|print) faults?|scratch\w*|crack(?:s|ed)?|holes?|stain(?:s|ed)?|dent(?:s|ed)?|cuts?"
        r"|contaminat\w+|misplaced|missing|bent|misprint\w*|damaged?|broken)\b"
    ),
    normal=re.compile(
        r"\b(?:normal|flawless|faultless|intact|undamaged|unharmed|unbroken|in order(?! of| to)|unremarkable"
        rf"|as (?:expected|it should)|it passes)\b|\b{_LINK_EN}{_WEAK_EN}\b"
        rf"|^\s*(?:yes |quite |perfectly |all )?{_WEAK_EN}\s*$"
    ),
    negation=re.compile(
        r"\b(?:no|not|never|none|nothing|neither|nor|without|hardly|fails?|lacks?|nowhere|zero|free (?:of|from)"
        r"|clear of|absence of|far from|doubt|doesnt|isnt|arent|dont)\b|n't\b"
    ),
    denied=re.compile(
        r"\b(?:not|n't|never) (?:\w+ )?(?:present|found|visible|detected|seen|there|observed)\b"
        r"|\babsent\b|\bnowhere\b"
    ),
    place=re.compile(_PLACE_EN),
    yes=re.compile(r"^\W*(?:yes|yeah|yep)\b\W*(?:$|(?:at|in|on|probably|certainly|definitely|there (?:is|are))\b)"),
    no=re.compile(r"^\W*(?:no|nope|none)\b\W*(?:$|none\b|there (?:is|are)(?: not|n't)\b)"),
)

_CHINESE = _Rules(
    sentence=re.compile(r"(?<=[。！？!?])|\n"),
    clause=re.compile(r"[，。；：！？,;:!?]|但是?|不过|然而|虽然|尽管"),
    skipped=re.compile(r"应该有|应该是|应当|应为|应有|应(?=[呈是保均])|^(?:合格|正常|完好|良好|好)的(?![，,。！!])"),
    unsaid=re.compile(r"如果|若|假如|是否|有没有|会不会|是不是|怎[么样]|什么|哪(?!里都)|可以问|问我|请问|请继续|越"),
    aside=re.compile(
        r"正常(?:的)?(?:照片|图片|图像|样品|样本|样张|品|件|零件|参考图?|部件|连接|工作|使用|运行|配合)|良品|合格(?:样品|品的?照片|件)"
        r"|好的(?:零件|样品|照片)|认不出|看不准|说不[准清出]|分不清|无法|不能|不仅|不只|毫无疑问|无疑"
        r"|不(?:太|是很|能|够|完全|十分|大|敢)?(?:确定|肯定|确信|知道|清楚|明确|明显|严重)"
        r"|(?:没有|无|未见|未发现)(?:第.{1,2}处|明确|单一|哪一处)"
    ),
    general=re.compile(
        r"异常|缺陷|瑕疵|故障|毛病|有问题|问题|(?<!印刷)不良|次品|可疑|不对劲|不对|反常|显眼|差异|差别|不同|偏离|反应"
    ),
    particular=re.compile(
        r"损伤|损坏|损毁|破损|受损|坏了?|划痕|划伤|刮痕|裂纹|裂缝|裂痕|开裂|孔洞|破洞|污渍|污点|凹痕|凹陷|切口|割痕"
        r"|缺失|缺件|错位|弯曲|变形|色差|变色|污染|异物|印刷不良"
    ),
    normal=re.compile(r"正常|完好|合格|良好|无损|完整|无恙|没事|如常|没毛病|没问题|无瑕"),
    negation=re.compile(
        r"没有|没(?!事|毛病|问题)|无(?!损|恙|瑕)|未|不是|并非|非(?!常)|不存在|毫无|不(?!良|同|对)|零(?!件|部件)"
    ),
    denied=re.compile(r"不存在|没有出现|未出现|未见|没有(?:发现|看到|找到)|没找到|看不到|找不到|[也都]没有?"),
    place=re.compile(r"[左右上下]|中央|中间|中心|那里|这里"),
    yes=re.compile(r"^\W*(?:(?:有的?|是的?|对的?|存在)[，,。！!]?)+$"),
    no=re.compile(r"^\W*(?:(?:没有|否|不是|无|没|不存在|不)[，,。！!]?)+$"),
)

_CJK = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]+")


def detect_language(text: str) -> Literal["en", "zh"]:
    """The language of a text: Chinese where it has at least half as many Chinese signs as Latin words, else English."""
    chinese = len(_CJK.findall(text))
    return "zh" if chinese and chinese * 2 >= len(_LATIN.findall(text)) else "en"


def parse_verdict(answer: str) -> bool | None:
    """What an English or Chinese answer says of the presence of an anomaly.

    The first clause that speaks of it decides, negations taken into account; sentences about what a good part looks
    like, conditions and questions do not speak of it. What denies only one place or one kind of defect decides where
    nothing else does. Only a bare "yes" or "no" is taken as an answer to "is there an anomaly?", since after "is it
    fine?" the words mean the opposite.

    Returns:
        True for anomalous, False for normal, None where the answer does not say.
    """
    rules = _CHINESE if detect_language(answer) == "zh" else _ENGLISH
    text = answer.lower().replace("\u2019", "'").strip()
    partly: bool | None = None
    for sentence in rules.sentence.split(text):
        if sentence.endswith(("?", "？")) or rules.skipped.search(sentence):
            continue
        for clause in rules.clause.split(rules.aside.sub(" ", sentence)):
            stated, whole = _stated(clause, rules)
            if stated is not None and whole:
                return stated
            partly = stated if partly is None else partly
    if partly is not None:
        return partly
    if rules.yes.search(text):
        return True
    return False if rules.no.search(text) else None


def stated_verdict(turns: Sequence[Turn]) -> bool | None:
    """What the words of a dialogue said last of the presence of an anomaly, None if no answer said anything of it."""
    return next((turn.verdict for turn in reversed(turns) if turn.verdict is not None), None)


def _stated(clause: str, rules: _Rules) -> tuple[bool | None, bool]:
    """What one clause states (None if nothing), and whether it states it of the whole part."""
    if rules.unsaid.search(clause):
        return None, False
    found = [
        (match.end(), match.start(), words, value)
        for words, value in ((rules.general, True), (rules.particular, True), (rules.normal, False))
        if (match := words.search(clause))
    ]
    if not found:
        return None, False
    end, _, words, value = min(found, key=lambda entry: entry[:2])
    turns = len(rules.negation.findall(clause[:end])) + bool(rules.denied.search(clause[end:]))
    stated = value if turns % 2 == 0 else not value
    narrow = not stated and (words is rules.particular or rules.place.search(clause) is not None)
    return stated, not narrow
