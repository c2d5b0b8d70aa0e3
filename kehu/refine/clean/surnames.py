"""Chinese surnames: the compound ones, and how surnames are read where the usual reading is wrong."""

from __future__ import annotations

from typing import Final

COMPOUND: Final = (
    "欧阳", "歐陽", "太史", "端木", "上官", "司马", "司馬", "东方", "東方", "独孤", "獨孤",
    "南宫", "南宮", "万俟", "闻人", "聞人", "夏侯", "诸葛", "諸葛", "尉迟", "尉遲", "公羊",
    "赫连", "赫連", "澹台", "澹臺", "皇甫", "宗政", "濮阳", "濮陽", "公冶", "太叔", "申屠",
    "公孙", "公孫", "慕容", "仲孙", "仲孫", "钟离", "鍾離", "鐘離", "长孙", "長孫", "宇文",
    "司徒", "鲜于", "鮮于", "司空", "令狐", "百里", "呼延", "东郭", "東郭", "南门", "南門",
    "羊舌", "微生", "梁丘", "左丘", "西门", "西門", "拓跋", "轩辕", "軒轅", "第五", "纳兰",
    "納蘭", "耶律", "完颜", "完顏", "叶赫", "葉赫", "范姜", "張簡", "张简",
)  # fmt: skip

READINGS: Final = {
    "单": "shan", "單": "shan", "仇": "qiu", "查": "zha", "解": "xie", "曾": "zeng", "区": "ou",
    "區": "ou", "任": "ren", "盖": "ge", "蓋": "ge", "朴": "piao", "翟": "zhai", "乐": "yue",
    "樂": "yue", "员": "yun", "員": "yun", "折": "she", "缪": "miao", "繆": "miao", "逄": "pang",
    "黑": "he", "繁": "po", "种": "chong", "種": "chong", "冼": "xian", "秘": "bi", "覃": "qin",
    "牟": "mu", "郇": "xun", "葛": "ge", "华": "hua", "華": "hua", "洗": "xian", "沈": "shen",
    "宁": "ning", "甯": "ning", "卜": "bu", "隗": "wei", "贾": "jia", "賈": "jia", "石": "shi",
    "藏": "zang", "臧": "zang", "车": "che", "車": "che", "祭": "zhai", "召": "shao", "过": "guo",
    "過": "guo", "应": "ying", "應": "ying", "令": "ling", "薄": "bo", "燕": "yan", "纪": "ji",
    "紀": "ji", "柏": "bai", "费": "fei", "費": "fei", "哈": "ha", "教": "jiao", "乜": "nie",
    "芮": "rui", "曲": "qu", "殷": "yin", "万": "wan", "宿": "su", "尹": "yin", "占": "zhan",
    "佟": "tong", "尉迟": "yuchi", "尉遲": "yuchi", "万俟": "moqi", "长孙": "zhangsun", "長孫": "zhangsun",
    "澹台": "tantai",
    "澹臺": "tantai", "呼延": "huyan", "鲜于": "xianyu", "鮮于": "xianyu", "令狐": "linghu",
    "宗政": "zongzheng", "单于": "chanyu",
    "單于": "chanyu", "拓跋": "tuoba",
}  # fmt: skip

COMMON: Final = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜"
    "叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎"
    "贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申"
    "欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷曲盛冉翁蓝路游辛靳管柴"
    "蒙鲍华喻祁蒲房滕屈饶解牟艾尤时阳阎穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷"
    "張劉陳楊黃趙吳孫馬羅鄭謝許韓馮鄧蕭葉蘇呂盧鐘鍾譚陸賈韋鄒龍賀顧龔萬錢嚴湯溫齊喬龐顏"
    "莊聶魯歐關蘭寧紀畢單塗藍遊華饒時陽閻農簡車項連蘆麥婁竇黨宮費仇查区區朴盖蓋乐樂"
)
"""The first characters of most Chinese names, in both scripts."""

PINYIN: Final = frozenset(
    """
    bai cai cao chan chang chen cheng cheung chiang chiu chou chow chung cui dai deng ding dong du duan fan
    fang feng fong fu fung gao gong gu guo han hao he ho hou hsieh hsu hu huang hui jia jiang jin kang kong
    kuo kwok lai lam lau lee leung li liang liao lin liu lo long lu lui luo ma mak mao meng murong ng ouyang
    pan peng qian qin qiu ren shangguan shao shen shi sima situ song su sun tam tan tang tian tsai tsang tse
    tseng wan wang wei wong wu xia xiao xie xiong xu xue yan yang yao ye yeung yin yip yu yuan zeng zhang zhao
    zheng zhong zhou zhu zhuge zou
    """.split()  # noqa: SIM905 - a hundred quoted words read worse
)
"""Surnames in pinyin and in the spellings of Hong Kong and Taiwan."""

VIETNAMESE: Final = frozenset(
    """
    nguyễn nguyen trần tran lê le phạm pham hoàng hoang huỳnh huynh phan vũ vu võ vo đặng dang bùi bui đỗ do hồ ho ngô ngo
    dương duong lý ly đào dao đinh dinh trịnh trinh mai lâm lam cao hà ha tô to lương luong trương truong
    """.split()  # noqa: SIM905 - as above
)
"""Surnames of most people in Vietnam, who write them first."""
