"""How names sound and which given names are one: letters spelt in ASCII, surname readings, everyday forms."""

from __future__ import annotations

import unicodedata
from typing import Final

# pypinyin reads these by their common sound; as surnames they are read otherwise.
_SURNAME_SOUNDS: Final = {
    "单": "shan", "仇": "qiu", "查": "zha", "解": "xie", "曾": "zeng", "区": "ou", "任": "ren", "盖": "ge",
    "黑": "he", "缪": "miao", "朴": "piao", "秘": "bi", "冼": "xian", "召": "shao", "乐": "yue", "员": "yun",
    "繁": "po", "种": "chong", "折": "she", "翟": "zhai", "逄": "pang", "卜": "bu", "尉迟": "yuchi", "万俟": "moqi",
    "长孙": "zhangsun", "澹台": "tantai",
}  # fmt: skip
COMPOUND_SURNAMES: Final = (
    "欧阳", "司马", "上官", "诸葛", "司徒", "东方", "独孤", "南宫", "夏侯", "皇甫", "尉迟", "公孙", "慕容", "令狐",
    "长孙", "宇文", "轩辕", "司空", "万俟", "端木", "百里", "呼延", "东郭", "西门", "澹台", "公冶", "濮阳", "太史",
    "申屠", "闻人", "赫连", "钟离", "鲜于",
)  # fmt: skip
# What is often misheard (zh/z, ch/c, sh/s, -ng/-n): zhang, zang and zan are one sound.
MISHEARD: Final = {"zh": "z", "ch": "c", "sh": "s", "ang": "an", "eng": "en", "ing": "in"}
# Letters of Latin alphabets that Unicode does not take apart.
LATIN: Final = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h"}
# Everyday forms of given names, by the formal name. One form may stand for several (Bert: Albert, Herbert, Robert).
_SHORT_FORMS: Final = {
    "abigail": "abby abbie gail", "abraham": "abe bram", "adelaide": "addie addy", "adeline": "addie addy",
    "agnes": "aggie nessie", "albert": "al bert bertie allie", "alexander": "alec alex alick sandy sasha xander zander",
    "alexandra": "alex sandra sasha lexi", "alfred": "alf alfie fred al", "algernon": "algie algy",
    "alice": "ally allie", "alison": "ali allie", "allan": "al", "amanda": "mandy", "amelia": "amy millie milly",
    "andrew": "andy drew andi", "angela": "angie", "ann": "annie nan nancy", "anthony": "tony ant", "antonia": "toni",
    "archibald": "archie baldie", "arnold": "arnie", "arthur": "art artie", "augustus": "gus",
    "barbara": "barb babs barbie", "barnaby": "barney", "bartholomew": "bart", "beatrice": "bea trixie",
    "benedict": "ben", "benjamin": "ben benny benji", "bernard": "bernie barney", "bertram": "bert bertie",
    "bradley": "brad", "bridget": "biddy bridie", "cameron": "cam", "carol": "carrie", "caroline": "carrie caro lina",
    "cassandra": "cass cassie", "catherine": "cathy kate katie kitty cate kay kathy cath", "cecilia": "cissy celia",
    "cecily": "cissy", "charles": "charlie charley chas chuck chad", "charlotte": "lottie charlie lotty",
    "christina": "chris chrissy tina", "christine": "chris chrissie tina", "christopher": "chris kit topher",
    "clarence": "clarrie", "clement": "clem", "clifford": "cliff", "constance": "connie",
    "cornelius": "con neil corny", "cynthia": "cindy", "cyril": "cy", "daniel": "dan danny dani",
    "david": "dave davy davey davie dai", "deborah": "deb debbie debby", "denis": "denny", "dominic": "dom nick",
    "donald": "don donnie donny", "dorothea": "dora thea dolly", "dorothy": "dot dottie dolly",
    "douglas": "doug dougie", "ebenezer": "eben", "edgar": "ed eddie eddy ned", "edith": "edie",
    "edmund": "ed eddie ned ted", "edward": "ed eddie eddy ned ted teddy teddie", "edwin": "ed eddie eddy win ned",
    "eleanor": "nell nellie ellie nora nelly", "elijah": "eli lige",
    "elizabeth": "liz beth betty lizzie lizzy bess bessie betsy eliza elsie libby lisa liza bet",
    "ellen": "nell nellie nelly", "emily": "em emmy millie emmie milly", "emma": "em emmie", "ernest": "ernie ern",
    "esther": "essie hettie", "ethel": "eth", "eugene": "gene", "eunice": "euny", "evelyn": "evie eve",
    "ferdinand": "ferdie", "florence": "flo florrie flossie", "frances": "fanny fran frankie francie frannie fannie",
    "francis": "frank frankie", "franklin": "frank", "frederick": "fred freddy freddie fritz", "gabriel": "gabe",
    "gabrielle": "gabby", "geoffrey": "geoff jeff", "george": "geordie georgie", "georgina": "georgie gina",
    "gerald": "gerry jerry", "gerard": "gerry jerry", "gertrude": "gertie trudy trudie trudi", "gilbert": "gil bert",
    "gillian": "gill jill", "gladys": "glad", "godfrey": "goff", "gordon": "gordy", "grace": "gracie",
    "gregory": "greg gregg", "guinevere": "gwen", "gwendolen": "gwen", "hannah": "nan", "harold": "hal harry",
    "harriet": "hattie hatty", "harrison": "harry", "helen": "nell nellie lena", "henrietta": "hettie hetty etta",
    "henry": "harry hal hank", "herbert": "bert bertie herb herbie", "hezekiah": "hez", "howard": "howie",
    "hubert": "bert hugh", "hugh": "hughie huey hughey", "humphrey": "humph", "ignatius": "iggy", "irene": "rene",
    "isaac": "ike zac", "isabel": "izzy bella tibby", "isabella": "izzy bella tibby", "isidore": "izzy dore",
    "israel": "izzy", "jacob": "jake jakey jay", "jacqueline": "jackie jacqui",
    "james": "jim jimmy jimmie jamie jem jimi jay", "jane": "jenny janie", "janet": "jan jessie netta", "jeffrey": "jeff",
    "jennifer": "jen jenny jenni", "jeremiah": "jerry jem", "jeremy": "jerry jez", "jessica": "jess jessie",
    "joan": "joanie", "joanna": "jo joey", "john": "jack johnny jon johnnie jackie", "jonathan": "jon jonny jonty",
    "joseph": "joe joey jo jody", "josephine": "jo josie", "joshua": "josh", "judith": "judy judie", "julia": "julie",
    "juliana": "julie", "katherine": "kate katie kathy kat kit kitty kay kath", "kathleen": "kath kathy katie kay",
    "kenneth": "ken kenny", "laura": "laurie lolly", "laurence": "larry laurie lawrie", "lavinia": "vinnie",
    "lawrence": "larry laurie lawrie", "leonard": "len lenny leo lennie", "leopold": "leo", "leslie": "les",
    "letitia": "letty", "lewis": "lew lou louie", "lillian": "lily lil lilian lilly", "louis": "lou louie",
    "louisa": "lou louie lulu lula",
    "louise": "lou", "lucinda": "lucy cindy", "lucy": "lu", "lydia": "liddy", "mabel": "may mab",
    "madeleine": "maddie maddy", "magdalene": "lena maddie", "malcolm": "mal mac", "marcus": "marc",
    "margaret": "maggie meg peggy madge daisy greta marge margie peg rita may maisie", "maria": "ria",
    "marian": "mary", "marjorie": "marge margie", "martha": "patty mattie matty marty", "martin": "marty",
    "mary": "molly polly mamie may minnie", "matilda": "tilly tillie mattie", "matthew": "matt mat",
    "maurice": "mo morrie", "maximilian": "max", "melissa": "mel lissa", "mercy": "merry",
    "michael": "mike mick mickey micky mikey mickie", "michelle": "shelly", "mildred": "millie", "miriam": "mim",
    "mitchell": "mitch", "montague": "monty", "mortimer": "mort", "moses": "mo mose", "nancy": "nan",
    "nathan": "nat nate", "nathaniel": "nathan nate nat", "nicholas": "nick nicky nico", "nicola": "nicky nikki",
    "nicole": "nicky nikki", "norman": "norm norrie", "oliver": "ollie noll", "olivia": "liv livvy",
    "oswald": "ossie oz", "pamela": "pam", "patience": "pat", "patricia": "pat patsy patty tricia trish",
    "patrick": "pat paddy patsy", "pauline": "polly", "penelope": "penny", "percival": "percy", "peter": "pete",
    "philip": "phil pip", "philippa": "pip pippa", "phineas": "phin", "phoebe": "fee", "priscilla": "cilla prissy",
    "prudence": "pru prue", "rachel": "rach ray", "randolph": "randy", "raymond": "ray", "rebecca": "becky becca",
    "reginald": "reg reggie rex", "richard": "rick dick richie dickie ricky rich ritchie richey dickon dickey ricki",
    "robert": "bert rob bob bobby robbie robby bobbie robin", "roberta": "bobbie robbie", "roderick": "rod roddy",
    "rodney": "rod", "roger": "rog", "roland": "rollo rolly", "rolland": "rollo", "ronald": "ron ronnie ronny",
    "rosalind": "ros roz", "rosamund": "ros roz", "rosemary": "rosie rose", "rudolph": "rudy rolf", "rupert": "rupe",
    "russell": "russ", "samantha": "sam sammy", "samson": "sam", "samuel": "sam sammy", "sarah": "sally sadie sallie",
    "sebastian": "seb bas", "selina": "lina", "sidney": "sid", "silvester": "vester", "simeon": "sim", "simon": "si",
    "solomon": "sol solly", "sophia": "sophy", "sophronia": "phronie", "stanley": "stan", "stephanie": "steph",
    "stephen": "steve stevie ste", "steven": "steve stevie ste", "stewart": "stew stu", "stuart": "stew stu",
    "susan": "sue susie suzy sukey", "susanna": "sue susie sukey", "sybil": "billie", "sydney": "syd",
    "sylvester": "syl", "tabitha": "tabby", "terence": "terry", "teresa": "terry tess tessa",
    "theodora": "dora theo thea", "theodore": "theo ted teddy", "theophilus": "theo", "theresa": "terry tess tessa",
    "thomas": "tom tommy tommie", "thomasina": "tamsin", "timothy": "tim timmy", "tobias": "toby", "ulysses": "lys",
    "antoinette": "toni", "arabella": "bella", "josiah": "joss", "llewellyn": "llew", "peregrine": "perry",
    "wallace": "wally", "ursula": "urs", "valentine": "val", "valerie": "val", "vanessa": "ness nessa", "veronica": "ronnie",
    "victor": "vic", "victoria": "vicky vicki tory", "vincent": "vince vin", "viola": "vi", "violet": "vi",
    "virginia": "ginny ginger", "vivian": "viv", "walter": "walt wally wat", "wilfred": "wilf fred will",
    "wilhelmina": "mina minnie willa", "william": "will bill billy willie wm liam willy",
    "winifred": "win winnie freda", "winston": "win", "zachariah": "zach zack", "zachary": "zach zack",
}  # fmt: skip
# One name in other languages and spellings. Each is told of the first only: Ian and Sean are two names.
_VARIANTS: Final = (
    "alan allan allen alain", "albert alberto albrecht", "alexander aleck alexandre alejandro alasdair alistair",
    "alice alicia alys", "andrew andreas andre andres", "ann anne anna", "anthony antony antonio anton antoine",
    "arthur arturo", "bernard bernhard bernardo", "brian bryan", "catherine katherine kathryn katharine katarina",
    "charles carl karl carlos carlo", "christian kristian", "emily emilie", "edmund edmond", "horatio horace",
    "laura lora", "barry barrie", "christopher christoph cristobal kristofer",
    "clara klara claire", "daniel daniele", "david dafydd", "denis dennis", "edward eduard eduardo iorwerth",
    "eleanor elinor eleanora", "elizabeth elisabeth elisabetta isabel", "ellen helen", "emanuel emmanuel manuel",
    "eric erik", "eugene eugenio", "eve eva", "felix felice", "ferdinand fernando", "frances francesca",
    "francis francisco francesco franz francois", "frederick friedrich frederic federico fredrick",
    "geoffrey jeffrey", "george georg jorge giorgio georges jerzy", "gavin gawain", "gerald gerard", "gilbert gilberto",
    "gregory gregor", "guy guido",
    "harriet harriett henrietta", "helen helena helene elena", "henry heinrich henri enrique", "hugh huw hugo",
    "ignatius ignacio", "isaac izaak", "isabel isobel isabella isabelle", "jacob jakob", "james jacques jaime",
    "janet jeanette jeannette",
    "john jon ian evan sean jean ivan juan giovanni johann johannes joannes hans jan joao ioan", "jonathan johnathan",
    "joseph jose giuseppe josef", "judith judit", "julia giulia", "julian julius", "katherine catherine",
    "laurence lawrence lorenzo laurent", "leonard leonardo leonhard", "leo leon", "lewis louis ludwig luis luigi",
    "louis lewis ludwig luis luigi", "louisa louise luisa", "lucy lucia", "luke lucas",
    "margaret margareta margarita marguerite", "mark marcus marc marco markus", "martin martyn", "mary maria marie",
    "matthew mathew matthias mathias mateo", "maurice moritz morris", "michael michel miguel michele mikhail",
    "nicholas nicolas nikolaus nicolaus nikolai", "oliver olivier", "owen owain", "patrick padraig",
    "paul pablo paolo pavel", "peter pierre pedro pietro pyotr", "philip phillip philippe felipe", "rachel rachael",
    "ralph raphael rafe", "raymond raimund ramon", "richard ricardo", "robert roberto rupert", "roland rolando orlando",
    "rose rosa", "rudolph rudolf", "samuel samuele", "sarah sara", "sidney sydney", "simon simeon",
    "sophia sofia sophie sofi", "stephen steven stefan stephan etienne esteban", "stuart stewart",
    "susan susanna suzanne susannah", "sylvester silvester", "teresa theresa", "theodore theodor teodoro",
    "thomas tomas", "victor viktor", "vincent vincenzo vicente", "walter walther",
    "william wilhelm guillaume gwilym guillermo", "zachary zachariah",
)  # fmt: skip


def _same_names() -> dict[str, str]:
    """For each given name, the others that may be the same one, between spaces."""
    same: dict[str, set[str]] = {}
    for formal, shorts in _SHORT_FORMS.items():
        forms = {formal, *shorts.split()}
        for form in forms:
            same.setdefault(form, set()).update(forms - {form})
    for first, *others in (group.split() for group in _VARIANTS):
        for other in others:
            same.setdefault(first, set()).add(other)
            same.setdefault(other, set()).add(first)
    return {name: f" {' '.join(sorted(others))} " for name, others in same.items()}


# Given names that may be one: "bert" to " al albert bertie herbert robert ".
SAME_NAMES: Final = _same_names()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Of the names above those of women; and those of both, or of one in one country and of the other in another.
_WOMEN: Final = _words(
    "abigail adelaide adeline agnes alexandra alice alison amanda amelia angela ann antoinette antonia arabella barbara "
    "beatrice bridget carol caroline cassandra catherine cecilia cecily charlotte christina christine clara constance cynthia "
    "deborah dorothea dorothy edith eleanor elizabeth ellen emily emma esther ethel eunice eve florence frances gabrielle "
    "georgina gertrude gillian gladys grace guinevere gwendolen hannah harriet helen henrietta irene isabel isabella "
    "jacqueline jane janet jennifer jessica joan joanna josephine judith julia juliana katherine kathleen laura lavinia "
    "letitia lillian louisa louise lucinda lucy lydia mabel madeleine magdalene margaret maria marian marjorie martha mary "
    "matilda melissa mercy michelle mildred miriam nancy nicola nicole olivia pamela patience patricia pauline penelope "
    "philippa phoebe priscilla prudence rachel rebecca roberta rosalind rosamund rose rosemary samantha sarah selina sophia "
    "sophronia stephanie susan susanna sybil tabitha teresa theodora theresa thomasina ursula valerie vanessa veronica "
    "victoria viola violet virginia wilhelmina winifred"
)
_EITHER: Final = _words(
    "ali andi billie cameron christian dani daniele drew evelyn jaime jamie jan jean jessie jo joan jody leslie max mel michele "
    "mo nat nico nicola rene robin sidney stevie sydney val valentine vivian"
)


def _usual_genders() -> dict[str, str]:
    """The gender of whoever bears a given name; without those that both do."""
    bearers: dict[str, set[str]] = {}
    groups = list(_SHORT_FORMS.items())
    groups += [(group.split()[0], group) for group in _VARIANTS]
    for formal, forms in groups:
        gender = "either" if formal in _EITHER else "female" if formal in _WOMEN else "male"
        for form in {formal, *forms.split()}:
            bearers.setdefault(form, set()).add("either" if form in _EITHER else gender)
    return {name: gender for name, [gender, *others] in bearers.items() if gender != "either" and not others}


USUAL_GENDERS: Final = _usual_genders()
# What stands before a name and is none. Those that are also given names (Earl, Major, Prince) are left out on purpose.
TITLES: Final = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "dr",
        "prof",
        "professor",
        "sir",
        "dame",
        "rev",
        "revd",
        "reverend",
        "rt",
        "hon",
        "honourable",
        "capt",
        "captain",
        "maj",
        "col",
        "colonel",
        "gen",
        "general",
        "lt",
        "lieutenant",
        "sgt",
        "sergeant",
        "admiral",
        "lord",
        "lady",
        "baron",
        "baroness",
        "baronet",
        "viscount",
        "viscountess",
        "countess",
        "marquess",
        "marchioness",
        "duchess",
        "herr",
        "frau",
        "monsieur",
        "madame",
        "mme",
        "mlle",
        "signor",
        "signora",
        "senor",
        "senora",
        "the",
        "1st",
        "2nd",
        "3rd",
        "4th",
        "5th",
        "6th",
        "7th",
        "8th",
        "9th",
        "10th",
        "esq",
    ]
)
_ALL_TITLES: Final = "|".join(sorted(TITLES))
TITLED: Final = rf"^(?:(?:{_ALL_TITLES})(?: |$))+"
HONOURS: Final = r" (?:[1-9][0-9]?(?:st|nd|rd|th)(?: .*)?|baronet|esq|esquire|phd|md|obe|mbe|cbe)$"
SUFFIX: Final = r" (jr|junior|sr|senior|ii|iii|iv)$"
HAN_TITLES: Final = r"(?:先生|女士|小姐|太太|老师|博士|教授|夫人|经理|同志|阿姨|叔叔|主任|医生|师傅)$"
# 老王, 小王, 王总: what friends and colleagues call somebody named 王; the given name remains unknown.
FAMILIAR: Final = r"^(?:[老小](.)|(.)总)$"
# A Chinese address as one text: street, number, and what comes after it.
STREET: Final = r"(?:^|省|市|区|县|镇|乡)([^省市区县镇乡0-9]{1,8}?(?:大道|大街|胡同|路|街|道|巷|弄))([0-9]+)号?(.*)$"


class _Letters(dict[int, str]):
    """Translation table from any letter to ASCII, filled as letters are met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if letter.isascii():
            spelt = letter
        elif "CJK" in (name := unicodedata.name(letter, "")):
            from pypinyin import Style, pinyin  # noqa: PLC0415  (a third of a second to load)

            spelt = pinyin(letter, style=Style.NORMAL, v_to_u=False)[0][0]
        else:
            # The last word of a letter's Unicode name spells it: CYRILLIC SMALL LETTER ZHE, HANGUL SYLLABLE GAN.
            spelt = name.rsplit(" ", 1)[-1].lower()
        self[code] = spelt if spelt.isascii() else ""
        return self[code]


_LETTERS: Final = _Letters()


def spell(text: str) -> str:
    """The text in ASCII letters: Han by pinyin without tones, other scripts by the names of their letters."""
    return text.translate(_LETTERS)


def spell_surname(text: str) -> str:
    """As `spell`, with the readings that Chinese surnames have (单 shan, 仇 qiu)."""
    return _SURNAME_SOUNDS.get(text) or spell(text)
