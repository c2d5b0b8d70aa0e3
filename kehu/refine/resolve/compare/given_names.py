"""Which given names are one, and who bears them: everyday forms, other languages, abbreviations."""

from __future__ import annotations

from typing import Final

# Everyday forms of given names, by the formal name. One form may stand for several (Bert: Albert, Herbert, Robert).
_SHORT_FORMS: Final = {
    "abigail": "abby abbie gail abbey", "abraham": "abe bram abram", "adelaide": "addie addy", "adeline": "addie addy",
    "agnes": "aggie nessie nancy aggy", "albert": "al bert bertie allie",
    "alexander": "alec alex alick sandy sasha xander zander alexr lex", "alexandra": "alex sandra sasha lexi",
    "alfred": "alf alfie fred al", "algernon": "algie algy", "alice": "ally allie", "alison": "ali allie", "allan": "al",
    "amanda": "mandy", "amelia": "amy millie milly", "andrew": "andy drew andi andie", "angela": "angie",
    "ann": "annie nan nancy", "anthony": "tony ant", "antoinette": "toni", "antonia": "toni", "arabella": "bella",
    "archibald": "archie baldie archy", "arnold": "arnie", "arthur": "art artie arty", "augustus": "gus",
    "barbara": "barb babs barbie", "barnaby": "barney", "bartholomew": "bart", "beatrice": "bea trixie", "benedict": "ben",
    "benjamin": "ben benny benji benj benjie", "bernard": "bernie barney", "bertram": "bert bertie", "bradley": "brad",
    "bridget": "biddy bridie", "cameron": "cam", "carol": "carrie", "caroline": "carrie caro lina caddie carry",
    "cassandra": "cass cassie", "catherine": "cathy kate katie kitty cate kay kathy cath cathie katy kathie",
    "cecilia": "cissy celia", "cecily": "cissy", "charles": "charlie charley chas chuck chad",
    "charlotte": "lottie charlie lotty", "christina": "chris chrissy tina", "christine": "chris chrissie tina",
    "christopher": "chris kit topher kris chistr xopher", "clarence": "clarrie", "clement": "clem", "clifford": "cliff",
    "constance": "connie", "cornelius": "con neil corny", "cynthia": "cindy", "cyril": "cy",
    "daniel": "dan danny dani danl dannie", "david": "dave davy davey davie dai", "deborah": "deb debbie debby", "denis": "denny",
    "dominic": "dom nick", "donald": "don donnie donny", "dorothea": "dora thea dolly", "dorothy": "dot dottie dolly dodie",
    "douglas": "doug dougie", "ebenezer": "eben", "edgar": "ed eddie eddy ned", "edith": "edie", "edmund": "ed eddie ned ted",
    "edward": "ed eddie eddy ned ted teddy teddie edwd edw", "edwin": "ed eddie eddy win ned",
    "eleanor": "nell nellie ellie nora nelly elly norah", "elijah": "eli lige",
    "elizabeth": "liz beth betty lizzie lizzy bess bessie betsy eliza elsie libby lisa liza "
    "bet eliz betsey bettie lizbeth libbie elsbeth lilibet",
    "ellen": "nell nellie nelly elly", "emily": "em emmy millie emmie milly emilia", "emma": "em emmie", "ernest": "ernie ern",
    "esther": "essie hettie", "ethel": "eth", "eugene": "gene", "eunice": "euny", "evelyn": "evie eve", "ferdinand": "ferdie",
    "florence": "flo florrie flossie flossy", "frances": "fanny fran frankie francie frannie fannie franny fay",
    "francis": "frank frankie", "franklin": "frank", "frederick": "fred freddy freddie fritz fredk", "gabriel": "gabe",
    "gabrielle": "gabby", "geoffrey": "geoff jeff", "george": "geordie georgie geo georgy", "georgina": "georgie gina",
    "gerald": "gerry jerry", "gerard": "gerry jerry", "gertrude": "gertie trudy trudie trudi gerty", "gilbert": "gil bert",
    "gillian": "gill jill", "gladys": "glad", "godfrey": "goff", "gordon": "gordy", "grace": "gracie",
    "gregory": "greg gregg gregor", "guinevere": "gwen", "gwendolen": "gwen", "hannah": "nan", "harold": "hal harry",
    "harriet": "hattie hatty", "harrison": "harry", "helen": "nell nellie lena nelly lenny",
    "henrietta": "hettie hetty etta", "henry": "harry hal hank harrie", "herbert": "bert bertie herb herbie", "hezekiah": "hez",
    "howard": "howie", "hubert": "bert hugh", "hugh": "hughie huey hughey", "humphrey": "humph", "ignatius": "iggy",
    "irene": "rene", "isaac": "ike zac", "isabel": "izzy bella tibby bell isa", "isabella": "izzy bella tibby bell isa",
    "isidore": "izzy dore", "israel": "izzy", "jacob": "jake jakey jay", "jacqueline": "jackie jacqui",
    "james": "jim jimmy jimmie jamie jem jimi jay jas", "jane": "jayne jenny janie jennie janey", "janet": "jan jessie netta",
    "jeffrey": "jeff", "jennifer": "jen jenny jenni jennie", "jeremiah": "jerry jem", "jeremy": "jerry jez",
    "jessica": "jess jessie jessy", "joan": "joanie", "joanna": "jo joey",
    "john": "jack johnny jon johnnie jackie jacky jno johny", "jonathan": "jon jonny jonty", "joseph": "joe joey jo jody jos",
    "josephine": "jo josie josey josephina fina", "joshua": "josh", "josiah": "joss", "judith": "judy judie", "julia": "julie",
    "juliana": "julie", "katherine": "kate katie kathy kat kit kitty kay kath kathie katy", "kathleen": "kath kathy katie kay",
    "kenneth": "ken kenny", "laura": "laurie lolly", "laurence": "larry laurie lawrie", "lavinia": "vinnie",
    "lawrence": "larry laurie lawrie", "leonard": "len lenny leo lennie", "leopold": "leo", "leslie": "les", "letitia": "letty",
    "lewis": "lew lou louie", "lillian": "lily lil lilian lilly", "llewellyn": "llew", "louis": "lou louie",
    "louisa": "lou louie lulu lula", "louise": "lou", "lucinda": "lucy cindy", "lucy": "lu lucie", "lydia": "liddy",
    "mabel": "may mab", "madeleine": "maddie maddy", "magdalene": "lena maddie", "malcolm": "mal mac", "marcus": "marc",
    "margaret": "maggie meg peggy madge daisy greta marge margie peg rita may maisie margot maggy margy mags mag", "maria": "ria",
    "marian": "mary", "marjorie": "marge margie", "martha": "patty mattie matty marty", "martin": "marty",
    "mary": "molly polly mamie may minnie mollie", "matilda": "tilly tillie mattie matty maud tilda", "matthew": "matt mat",
    "maurice": "mo morrie", "maximilian": "max", "melissa": "mel lissa", "mercy": "merry",
    "michael": "mike mick mickey micky mikey mickie", "michelle": "shelly", "mildred": "millie", "miriam": "mim",
    "mitchell": "mitch", "montague": "monty", "mortimer": "mort", "moses": "mo mose", "nancy": "nan", "nathan": "nat nate",
    "nathaniel": "nathan nate nat nathl", "nicholas": "nick nicky nico nic", "nicola": "nicky nikki", "nicole": "nicky nikki",
    "norman": "norm norrie", "oliver": "ollie noll", "olivia": "liv livvy", "oswald": "ossie oz", "pamela": "pam",
    "patience": "pat", "patricia": "pat patsy patty tricia trish", "patrick": "pat paddy patsy", "pauline": "polly",
    "penelope": "penny", "percival": "percy", "peregrine": "perry", "peter": "pete", "philip": "phil pip",
    "philippa": "pip pippa", "phineas": "phin", "phoebe": "fee", "priscilla": "cilla prissy", "prudence": "pru prue",
    "rachel": "rach ray", "randolph": "randy", "raymond": "ray rae", "rebecca": "becky becca beckie reba",
    "reginald": "reg reggie rex", "richard": "rick dick richie dickie ricky rich ritchie richey dickon dickey ricki richd rickie",
    "robert": "bert rob bob bobby robbie robby bobbie robin bobbi robt rabbie", "roberta": "bobbie robbie",
    "roderick": "rod roddy", "rodney": "rod", "roger": "rog", "roland": "rollo rolly", "rolland": "rollo",
    "ronald": "ron ronnie ronny", "rosalind": "ros roz", "rosamund": "ros roz", "rosemary": "rosie rose", "rudolph": "rudy rolf",
    "rupert": "rupe", "russell": "russ", "samantha": "sam sammy", "samson": "sam", "samuel": "sam sammy saml",
    "sarah": "sally sadie sallie", "sebastian": "seb bas", "selina": "lina", "sidney": "sid", "silvester": "vester",
    "simeon": "sim", "simon": "si", "solomon": "sol solly", "sophia": "sophy", "sophronia": "phronie", "stanley": "stan",
    "stephanie": "steph", "stephen": "steve stevie ste steph", "steven": "steve stevie ste", "stewart": "stew stu",
    "stuart": "stew stu", "susan": "sue susie suzy sukey susy suzie sukie", "susanna": "sue susie sukey", "sybil": "billie",
    "sydney": "syd", "sylvester": "syl", "tabitha": "tabby", "terence": "terry", "teresa": "terry tess tessa tessie",
    "theodora": "dora theo thea", "theodore": "theo ted teddy", "theophilus": "theo", "theresa": "terry tess tessa tessie",
    "thomas": "tom tommy tommie thos", "thomasina": "tamsin", "timothy": "tim timmy timmie", "tobias": "toby", "ulysses": "lys",
    "ursula": "urs", "valentine": "val", "valerie": "val", "vanessa": "ness nessa", "veronica": "ronnie", "victor": "vic",
    "victoria": "vicky vicki tory vickie", "vincent": "vince vin", "viola": "vi", "violet": "vi", "virginia": "ginny ginger",
    "vivian": "viv", "wallace": "wally", "walter": "walt wally wat", "wilfred": "wilf fred will",
    "wilhelmina": "mina minnie willa", "william": "will bill billy willie wm liam willy willm billie wills bil",
    "winifred": "win winnie freda", "winston": "win", "zachariah": "zach zack", "zachary": "zach zack zak",
}  # fmt: skip
# One name in other languages and spellings. Each is told of the first only: Ian and Sean are two names.
_VARIANTS: Final = (
    "adolf adolph adolphus", "adrian adriaan arie", "alan allan allen alain", "albert alberto albrecht",
    "alexander aleck alexandre alejandro alasdair alistair aleksandr aleksander alessandro", "alice alicia alys alix",
    "andrew andreas andre andres andrei andrzej", "ann anne anna", "anthony antony antonio anton antoine", "arthur arturo",
    "augustus august", "barry barrie", "bernard bernhard bernardo", "brian bryan",
    "catherine katherine kathryn katharine katarina caterina katerina ekaterina", "charles carl karl carlos carlo",
    "christian kristian", "christopher christoph cristobal kristofer", "clara klara claire", "daniel daniele", "david dafydd",
    "denis dennis", "edmund edmond", "edward eduard eduardo iorwerth", "eleanor elinor eleanora",
    "elizabeth elisabeth elisabetta isabel", "ellen helen", "emanuel emmanuel manuel", "emily emilie", "eric erik",
    "eugene eugenio", "eve eva", "felix felice", "ferdinand fernando", "frances francesca",
    "francis francisco francesco franz francois franciscus", "frederick friedrich frederic federico fredrick frederik fredric",
    "gavin gawain", "geoffrey jeffrey", "george georg jorge giorgio georges jerzy jordi jiri georgios yorgos",
    "georgina georgiana georgianna", "gerald gerard", "gilbert gilberto", "gregory gregor", "guy guido",
    "harriet harriett henrietta", "helen helena helene elena", "henry heinrich henri enrique hendrik henrik", "hermann herman",
    "horatio horace", "hugh huw hugo", "humphrey humphry", "ignatius ignacio", "isaac izaak", "isabel isobel isabella isabelle",
    "jacob jakob", "james jacques jaime", "janet jeanette jeannette",
    "john jon ian evan sean jean ivan juan giovanni johann johannes joannes hans jan joao ioan ieuan ifan iohannes iwan jens janos",
    "jonathan johnathan", "joseph jose giuseppe josef josephus", "judith judit", "julia giulia", "julian julius",
    "katherine catherine", "launcelot lancelot", "laura lora", "laurence lawrence lorenzo laurent", "leo leon",
    "leonard leonardo leonhard", "lewis louis ludwig luis luigi", "lionel lyonel", "louis lewis ludwig luis luigi",
    "louisa louise luisa", "lucy lucia", "luke lucas", "margaret margareta margarita marguerite", "mark marcus marc marco markus",
    "martin martyn", "mary maria marie mair maryam mariam mairi", "matthew mathew matthias mathias mateo",
    "maurice moritz morris", "michael michel miguel michele mikhail mihail mikael michal", "montague montagu",
    "nicholas nicolas nikolaus nicolaus nikolai nikolas nikola", "oliver olivier", "owen owain", "patrick padraig",
    "paul pablo paolo pavel pavlos pawel", "peter pierre pedro pietro pyotr piotr petr peder piet",
    "philip phillip philippe felipe", "rachel rachael", "ralph raphael rafe", "raymond raimund ramon", "richard ricardo",
    "robert roberto rupert robertus", "roland rolando orlando", "rose rosa", "rowland roland", "rudolph rudolf", "samuel samuele",
    "sarah sara", "sidney sydney", "simon simeon", "sophia sofia sophie sofi",
    "stephen steven stefan stephan etienne esteban stepan istvan", "stuart stewart", "susan susanna suzanne susannah",
    "sylvester silvester", "teresa theresa", "theodore theodor teodoro", "thomas tomas tomasz tommaso", "victor viktor",
    "vincent vincenzo vicente", "walter walther", "wilfred wilfrid",
    "william wilhelm guillaume gwilym guillermo gulielmus willem", "zachary zachariah",
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
# Names that have no other form here, by the gender of nearly all who bear them.
_OF_WOMEN: Final = _words(
    "ada adela adele adriana aileen alma anita annabel audrey augusta beryl bertha blanche brenda camilla carmen celeste cheryl "
    "chloe clarissa claudia colleen cora daphne deirdre delia denise diana doreen doris dulcie edna eileen elaine elena ella "
    "elsa elvira enid erica estelle fiona flora geraldine gemma gwenllian gwyneth hazel heather heidi hermione hester hilda ida "
    "imogen inez iris jasmine jemima jill joyce julianne karen keturah kirsty lara leila leonora lilith linda lorna lorraine "
    "lucille margery marianne marina maud maude maureen mavis maxine melanie moira mona monica morag morwenna muriel myra "
    "myrtle nadia naomi natalie natasha nina noreen norma octavia pearl phyllis rhoda rosalie rosina rowena ruby ruth sabina "
    "sheila sibella sonia stella sylvia thelma una vera wendy yolanda yvonne zoe"
)
_OF_MEN: Final = _words(
    "aaron abel adam aidan alastair alban aldous amos angus basil boris brendan bruce bruno caleb callum cecil cedric clive "
    "colin connor craig cuthbert cyrus darren declan derek desmond dermot dirk dudley duncan dylan eamon edwy egbert elias elliot "
    "enoch ephraim ethan eustace ezra fergus finlay fraser gareth garth gary giles graham hamish harvey hector hercules hiram "
    "horace iain ivor jared jason jasper jerome jesse joel jonas justin keith kevin kieran kurt lachlan lancelot lars leif leroy "
    "liam lionel lloyd luther magnus marmaduke melvin mervyn miles milo murdoch myles neil nigel noah norris oscar osmond "
    "quentin rhys roderick rory rowland roy rufus ryan saul scott seth shaun titus tristan troy uriah vaughan vernon wayne "
    "wesley wilbur wilfrid ambrose augustine griffith mario"
)
_EITHER: Final = _words(
    "ali andi ashley aubrey beverley beverly billie cameron christian courtney dani daniele drew evelyn hilary jaime jamie jan "
    "jean jessie jo joan jody kelly kerry kim leigh lesley leslie lindsay lindsey marion max mel meredith michele mo nat nico "
    "nicola noel rene robin rowan shelley shirley sidney stacey stevie sydney tracey tracy val valentine vivian"
)


def _usual_genders() -> dict[str, str]:
    """The gender of whoever bears a given name; without those that both do."""
    bearers: dict[str, set[str]] = {}
    groups = list(_SHORT_FORMS.items())
    groups += [(group.split()[0], group) for group in _VARIANTS]
    groups += [(name, "") for name in _OF_WOMEN | _OF_MEN]
    for formal, forms in groups:
        gender = "either" if formal in _EITHER else "female" if formal in _WOMEN | _OF_WOMEN else "male"
        for form in {formal, *forms.split()}:
            bearers.setdefault(form, set()).add("either" if form in _EITHER else gender)
    return {name: gender for name, [gender, *others] in bearers.items() if gender != "either" and not others}


_USUAL_GENDERS: Final = _usual_genders()
_KNOWN: Final = frozenset(SAME_NAMES) | _OF_WOMEN | _OF_MEN | _EITHER
_SPELT_WORDS: Final = 3  # of a Chinese name in Latin letters, a syllable each
_LEAST_LETTERS: Final = 5  # of a name that may be a slip of another


def _slips(name: str) -> list[str]:
    """A name with one of its letters left open, or left out; the last one of each comes last."""
    return [
        slip for at in range(len(name)) for slip in (f"{name[:at]}?{name[at + 1 :]}", f"{name[:at]}{name[at + 1 :]}")
    ]


def _slip_genders() -> dict[str, set[str]]:
    """The genders by what a name may be mistyped as."""
    genders: dict[str, set[str]] = {}
    for name in _KNOWN:
        if len(name) >= _LEAST_LETTERS:
            for slip in (name, *_slips(name)):
                genders.setdefault(slip, set()).add(_USUAL_GENDERS.get(name, "either"))
    return genders


_SLIP_GENDERS: Final = _slip_genders()


def usual_gender(word: str) -> str | None:
    """The gender that nearly all have who bear a given name, also where a letter of it is mistyped; "either"; None: not known.

    The last letter tells Mario from Maria: a slip there says nothing.
    """
    if word in _KNOWN:
        return _USUAL_GENDERS.get(word, "either")
    if len(word) < _LEAST_LETTERS or not word.isascii():
        return None
    *within, open_end, no_end = (_SLIP_GENDERS.get(slip, set()) for slip in (word, *_slips(word)))
    genders = set().union(*within)
    return genders.pop() if genders and len(genders | open_end | no_end) == 1 else None


def without_given_name_of_choice(name: str) -> str:
    """A name in Latin letters without the English given name before or behind it: Wong Man Tsz of Vincent Man Tsz Wong.

    Only where three words are left: two may be all that somebody is called.
    """
    first, *words = name.split(" ")
    if len(words) >= _SPELT_WORDS:
        if first in _KNOWN:
            return " ".join(words)
        if words[-1] in _KNOWN:
            return " ".join([first, *words[:-1]])
    return name
