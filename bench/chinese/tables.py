"""What the made-up people are made of. Shares are per cent of mainland people where a column says so."""

from __future__ import annotations

from typing import Final

_SURNAMES: Final = """
王 7.25 李 7.19 张 6.83 刘 5.38 陈 4.53 杨 3.08 黄 2.23 赵 2.20 吴 2.05 周 2.00 徐 1.55 孙 1.50 马 1.35 朱 1.28 胡 1.25
郭 1.15 何 1.12 林 1.10 高 1.05 罗 0.95 郑 0.90 梁 0.85 谢 0.76 宋 0.73 唐 0.69 许 0.66 韩 0.64 邓 0.62 冯 0.62 曹 0.59
彭 0.57 曾 0.56 肖 0.55 田 0.53 董 0.51 潘 0.49 袁 0.48 蔡 0.47 蒋 0.46 余 0.45 于 0.44 杜 0.43 叶 0.42 程 0.41 魏 0.40
苏 0.39 吕 0.39 丁 0.38 任 0.37 卢 0.36 姚 0.36 沈 0.35 钟 0.35 姜 0.34 崔 0.34 谭 0.33 陆 0.32 范 0.31 汪 0.31 廖 0.30
石 0.29 金 0.29 韦 0.28 贾 0.28 夏 0.27 付 0.26 方 0.26 邹 0.25 熊 0.25 白 0.24 孟 0.24 秦 0.23 邱 0.23 侯 0.22 江 0.22
尹 0.21 薛 0.21 闫 0.21 雷 0.20 龙 0.20 黎 0.19 史 0.19 陶 0.19 贺 0.18 毛 0.18 段 0.18 郝 0.18 顾 0.17 龚 0.17 邵 0.17
覃 0.16 万 0.16 武 0.16 钱 0.16 戴 0.15 严 0.15 欧 0.15 莫 0.15 孔 0.15 向 0.15 常 0.14 汤 0.14 康 0.14 温 0.13 施 0.13
文 0.12 牛 0.12 樊 0.12 葛 0.11 邢 0.11 安 0.10 齐 0.10 易 0.10 乔 0.10 伍 0.10 庞 0.09 颜 0.09 倪 0.09 庄 0.09 聂 0.09
章 0.08 鲁 0.08 岳 0.08 翟 0.08 殷 0.08 詹 0.08 申 0.08 耿 0.07 关 0.07 兰 0.07 焦 0.07 俞 0.07 左 0.07 柳 0.07 甘 0.07
祝 0.06 包 0.06 宁 0.06 尚 0.06 符 0.06 舒 0.06 阮 0.06 柯 0.06 纪 0.06 梅 0.06 童 0.06 凌 0.06 毕 0.05 单 0.05 季 0.05
裴 0.05 霍 0.05 涂 0.05 成 0.05 苗 0.05 谷 0.05 曲 0.05 盛 0.05 冉 0.05 翁 0.05 蓝 0.05 路 0.05 游 0.05 辛 0.05 靳 0.05
管 0.05 柴 0.05 蒙 0.04 鲍 0.04 华 0.04 喻 0.04 祁 0.04 房 0.04 滕 0.04 屈 0.04 解 0.04 牟 0.04 艾 0.04 尤 0.04 阳 0.04
时 0.04 穆 0.04 农 0.04 司 0.04 卓 0.04 古 0.04 吉 0.04 缪 0.03 简 0.03 车 0.03 项 0.03 连 0.03 芦 0.03 麦 0.03 褚 0.03
娄 0.03 窦 0.03 戚 0.03 岑 0.03 景 0.03 党 0.03 费 0.03 卜 0.03 冷 0.03 席 0.03 卫 0.03 米 0.03 柏 0.03 宗 0.03 瞿 0.03
桂 0.03 全 0.03 佟 0.03 应 0.03 臧 0.03 闵 0.03 苟 0.03 邬 0.03 边 0.03 姬 0.02 师 0.02 仇 0.02 栾 0.02 隋 0.02 商 0.02
刁 0.02 沙 0.02 荣 0.02 巫 0.02 寇 0.02 桑 0.02 郎 0.02 甄 0.02 丛 0.02 仲 0.02 虞 0.02 敖 0.02 巩 0.02 明 0.02 查 0.02
区 0.02 朴 0.02 盖 0.01 乐 0.01 冼 0.01 种 0.01 逄 0.01
欧阳 0.35 上官 0.06 司马 0.05 诸葛 0.05 皇甫 0.05 司徒 0.05 令狐 0.04 尉迟 0.03 慕容 0.03 夏侯 0.03 公孙 0.02 东方 0.02
"""
_pairs = _SURNAMES.split()
SURNAMES: Final = dict(zip(_pairs[::2], map(float, _pairs[1::2]), strict=True))

# Born before, share of one-character given names, popular names and characters of men, the same of women.
ERAS: Final = (
    (1960, 0.18,
     "建国 建华 国强 志强 建军 志明 德华 文华 玉明 国华 金山 春生 福生 永明 明 军 平 伟 勇 华 强 林 祥 新华 树林 玉林",
     "国建志文明德玉金春福永树庆云海长学世成天光荣宝兴立宏忠万华强军生林山祥发贵才民臣义根堂",
     "秀英 桂英 秀兰 玉兰 玉英 桂兰 淑珍 凤英 淑英 秀珍 玉珍 素珍 桂芳 丽华 英 兰 珍 萍 芳 梅 琴 霞",
     "秀桂玉淑凤素翠美春月爱金惠巧荣彩英兰珍芳华莲梅芝云香琴仙娥花清霞"),
    (1980, 0.34,
     "勇 军 伟 强 涛 斌 波 辉 刚 健 磊 明 超 峰 平 建华 建军 志强 建国 海涛 志刚 晓东 卫东 国强 永强 红军 俊杰 建平",
     "建志国海晓卫永文红立小金新春东少明宏伟学玉庆军强华平勇东生林明辉峰波涛斌刚杰民良荣",
     "丽 敏 艳 芳 静 霞 红 燕 玲 娟 萍 英 梅 秀英 丽华 秀兰 红梅 小红 丽娟 海燕 春燕 晓燕 玉梅 丽萍 艳红 桂英",
     "丽秀晓红小玉春海艳桂雪文爱金美凤英华梅燕红玲萍霞芳娟敏静兰琴珍荣"),
    (2000, 0.36,
     "伟 磊 杰 浩 鹏 涛 超 强 鑫 宇 斌 凯 俊 飞 龙 帅 俊杰 文杰 志强 志伟 浩然 晓明 小明 建华 明辉 海波 志鹏 家豪 子豪",
     "志文俊海家晓明子小建国天嘉振永宇泽一锦杰伟强鹏涛明辉豪峰龙斌宇轩飞超凯航波洋阳博林",
     "静 婷 丽 娜 敏 倩 雪 娟 燕 颖 丹 玲 莹 慧 琳 婷婷 丽娟 晓燕 文静 雅婷 丽娜 小燕 晓丽 佳佳 雪梅 思雨 梦婷 欣怡",
     "晓雪文佳丽梦思雅小玉雨海春秀慧婷静怡琪颖燕娟丽玲娜敏莉梅蕾芳洁萍琴雯"),
    (2030, 0.09,
     "浩宇 浩然 宇轩 子轩 宇航 梓豪 奕辰 子墨 浩轩 俊杰 子涵 梓轩 博文 一鸣 皓轩 天佑 睿 涛 铭泽 宇辰 亦辰 泽宇 俊熙",
     "子梓浩宇奕俊一泽博天皓铭晨嘉亦睿明文昊思轩涵宇辰豪然泽熙航睿阳宸杰霖翔洋瑞恒哲彬",
     "欣怡 梓涵 一诺 依诺 欣妍 子涵 诗涵 雨桐 可馨 思涵 佳怡 雨涵 梓萱 语桐 若汐 一一 婷 雨欣 静怡 紫涵 可欣 艺涵 沐",
     "欣梓一依诗雨可思佳语若紫艺梦雅子心婉怡涵诺妍萱桐馨汐彤琪瑶悦蕊玥娴颖萌曦宁"),
)  # fmt: skip

# Characters typed for others of the same or nearly the same sound, beside those of the tables above.
SOUNDS: Final = (
    "晓小筱笑孝 伟炜玮维唯 静婧靖敬景京菁晶 丽莉俐利立力黎 芳方放访 敏民珉闽 娜那 艳燕雁彦妍岩研言 娟涓鹃绢 强墙蔷 磊蕾雷 "
    "勇永咏泳 军君俊均钧骏峻 杰洁捷节婕 涛韬桃陶滔 明铭鸣名茗 超朝潮 霞侠夏遐 秀绣 英瑛莹颖盈迎滢 桂贵 玉宇雨羽语钰煜昱瑜裕 "
    "兰岚蓝澜 鹏朋彭 浩皓昊灏豪 鑫欣新心馨昕辛 宇予 轩萱宣 子梓紫姿 涵寒函晗含 怡仪宜一依伊艺奕亦逸义忆毅翼 诗思斯丝师 婷廷亭庭 "
    "佳嘉家加 琪奇琦淇祺棋 琳霖林麟临 春纯淳 华桦花 红洪宏弘虹鸿 国果 建健剑见渐 志智治致至 文雯闻纹 海 平萍苹屏 波博勃泊 "
    "辉晖慧惠会卉 峰锋丰枫烽风凤 刚钢 斌彬宾滨 东冬栋 生升胜声晟盛圣 梅美玫 玲灵凌铃龄 珍真贞振震 凯楷恺 倩茜 雪学 阳洋扬杨 "
    "航杭 泽则 瑞睿锐 辰晨宸尘臣 然燃 诺 汐曦熙希夕西溪 悦月玥越岳 萌蒙 宁凝柠 蓉容荣融 康 良亮梁 青清卿晴庆 珊山姗杉 安 可珂柯"
).split()

# Look alike on paper or on a small screen.
SHAPES: Final = (
    "己已巳 末未 土士 日曰 人入 千干于 天夭 王玉主 大太犬 木本术 戊戌戍 候侯 晴睛 清情晴 桐铜 杨扬 扬场 梅海悔 楠南 枫飒 "
    "刚钢冈 洁浩 治冶 准淮 冶治 莱菜 茜茵 苗苖 芬芳 芸芝芒 萍苹 兰三 玲铃珍 琳淋 珠株 琦绮 璐露 婷停 妍研 娟捐 娜那 婉惋 "
    "俊峻 伟纬炜 健建 杰杏 强弦 斌赋 彬杉 鹏鹛 辉挥晖 峰锋蜂 军车 勇男 志忘 思恩 慧彗 惠恵 雪雷 霞露 霖霜 宇字 宏宠 宁守 "
    "晨辰 昊旻 旭旮 昱昰 朋明 明朋 胜姓 凯铠 利刹 刘浏 陈阵 张涨 徐涂 孙孔 候侯 洪供 汪注 沈沉 贾买 段殷 裴斐 毕华 单草 薛薜"
).split()

# The same character in another form that registers use.
VARIANTS: Final = {
    "峰": "峯", "群": "羣", "升": "昇", "哲": "喆", "晋": "晉", "闫": "阎", "肖": "萧", "付": "傅", "戴": "代", "于": "於",
    "吴": "吳", "吕": "呂", "黄": "黃", "温": "溫", "青": "靑", "真": "眞", "秀": "琇", "杰": "傑", "凉": "涼", "沉": "沈",
    "琦": "琪", "布": "佈", "岳": "嶽", "淑": "叔", "娴": "嫻", "昆": "崑", "栋": "棟", "才": "材", "丽": "麗", "云": "雲",
}  # fmt: skip

UYGHUR: Final = (
    "买买提 阿卜杜拉 艾力 吐尔逊 阿不都热合曼 玉苏甫 艾尼瓦尔 阿迪力 库尔班 依明 卡德尔 热合曼 艾合买提 亚森 木拉提",
    "古丽娜尔 阿依古丽 热依汗古丽 帕提古丽 祖丽菲亚 米日古丽 阿孜古丽 迪丽努尔 热娜古丽 玛依拉",
)
UYGHUR_SPELLINGS: Final = {
    "买买提": "麦麦提", "阿卜杜拉": "阿布都拉", "吐尔逊": "图尔荪", "艾力": "艾里", "玉苏甫": "玉素甫", "艾尼瓦尔": "艾尼瓦",
    "阿迪力": "阿地力", "依明": "伊明", "艾合买提": "艾海提", "古丽": "古力", "热合曼": "热黑曼", "库尔班": "库尔巴",
}  # fmt: skip
TIBETAN: Final = (
    "扎西次仁 多吉 洛桑 丹增 次仁 旺堆 平措 格桑 达瓦 边巴 尼玛 巴桑 索朗 顿珠 强巴 扎西顿珠 洛桑丹增 索朗旺堆 尼玛次仁",
    "卓玛 央金 次仁卓玛 德吉 白玛 拉姆 格桑卓玛 旺姆 央宗 仓决 达娃卓玛 次仁拉姆 白玛央金 德吉央宗",
)
MONGOL: Final = (
    "巴特尔 巴图 那日苏 朝鲁 布和 额尔敦 特木尔 乌力吉 苏和 宝音 哈斯巴根 阿古拉",
    "其其格 乌云 萨仁 娜仁 斯琴 高娃 托娅 萨日娜 乌兰图雅 娜仁其其格",
)

# Province, city, telephone area, first digits of the postal code, and districts: name, number in resident ids, older
# name and the year in which it went, "-" where none.
CITIES: Final = """
北京市|北京市|010|100|东城区 110101 崇文区 2010,西城区 110102 宣武区 2010,朝阳区 110105 - 0,海淀区 110108 - 0,丰台区 110106 - 0
上海市|上海市|021|200|黄浦区 310101 卢湾区 2011,静安区 310106 闸北区 2015,浦东新区 310115 南汇区 2009,徐汇区 310104 - 0,杨浦区 310110 - 0
天津市|天津市|022|300|和平区 120101 - 0,南开区 120104 - 0,滨海新区 120116 塘沽区 2009
重庆市|重庆市|023|400|渝中区 500103 - 0,江北区 500105 - 0,綦江区 500110 万盛区 2011
广东省|广州市|020|510|越秀区 440104 东山区 2005,天河区 440106 - 0,黄埔区 440112 萝岗区 2014,番禺区 440113 - 0
广东省|深圳市|0755|518|福田区 440304 - 0,南山区 440305 - 0,龙岗区 440307 - 0,罗湖区 440303 - 0
浙江省|杭州市|0571|310|上城区 330102 江干区 2021,拱墅区 330105 下城区 2021,西湖区 330106 - 0,萧山区 330109 - 0
浙江省|宁波市|0574|315|海曙区 330203 - 0,鄞州区 330212 江东区 2016
江苏省|南京市|025|210|秦淮区 320104 白下区 2013,鼓楼区 320106 下关区 2013,玄武区 320102 - 0
江苏省|苏州市|0512|215|姑苏区 320508 沧浪区 2012,虎丘区 320505 - 0,吴中区 320506 - 0
四川省|成都市|028|610|锦江区 510104 - 0,武侯区 510107 - 0,双流区 510116 双流县 2015
湖北省|武汉市|027|430|江岸区 420102 - 0,武昌区 420106 - 0,洪山区 420111 - 0
陕西省|西安市|029|710|碑林区 610103 - 0,雁塔区 610113 - 0,长安区 610116 长安县 2002
山东省|青岛市|0532|266|市南区 370202 - 0,市北区 370203 四方区 2012,黄岛区 370211 胶南市 2012
山东省|济南市|0531|250|历下区 370102 - 0,槐荫区 370104 - 0
河南省|郑州市|0371|450|金水区 410105 - 0,中原区 410102 - 0
湖南省|长沙市|0731|410|岳麓区 430104 - 0,望城区 430112 望城县 2011
辽宁省|沈阳市|024|110|和平区 210102 - 0,浑南区 210112 东陵区 2014
福建省|厦门市|0592|361|思明区 350203 - 0,湖里区 350206 - 0
黑龙江省|哈尔滨市|0451|150|道里区 230102 - 0,南岗区 230103 - 0
云南省|昆明市|0871|650|五华区 530102 - 0,呈贡区 530114 呈贡县 2011
新疆维吾尔自治区|乌鲁木齐市|0991|830|天山区 650102 - 0,沙依巴克区 650103 - 0
西藏自治区|拉萨市|0891|850|城关区 540102 - 0,堆龙德庆区 540103 堆龙德庆县 2015
内蒙古自治区|呼和浩特市|0471|010|新城区 150102 - 0,赛罕区 150105 - 0
""".strip().splitlines()
STREETS: Final = (
    "中山路 人民路 解放路 建设路 和平路 新华路 文化路 学府路 长江路 黄河路 南京路 北京路 光明路 胜利路 青年路 迎宾路 园林路 "
    "滨江大道 世纪大道 科技路 体育路 友谊路 幸福街 朝阳街 西大街 东大街 花园路 工业路 民生路 复兴路 天山路 翠竹路 凤起路"
).split()
ESTATES: Final = (
    "阳光花园 翠苑小区 绿城花园 锦绣家园 金色家园 万科城 碧桂园 世纪花园 丽景苑 怡景花园 水岸名都 东方明珠花园 名仕豪庭 "
    "幸福小区 新世纪小区 华府 御景湾 香榭丽舍 紫金苑 春江花月 江南名府 银河湾 龙湖花园 保利花园 中海国际"
).split()
EMPLOYERS: Final = (
    "华兴科技 天虹贸易 众诚物流 蓝海软件 恒通机械 瑞丰食品 金桥建设 远大电子 安泰医药 宏图印刷 博雅教育 美佳服饰 "
    "第一人民医院 实验中学 大学附属医院 交通银行 供电公司 自来水公司 邮政局 税务局"
).split()

# Hong Kong: surname, romanised, per cent; Taiwan: surname, romanised, per cent (both rounded).
HONG_KONG: Final = """
陳 Chan 9.9 黃 Wong 6.5 李 Lee 6.3 梁 Leung 4.8 林 Lam 4.2 張 Cheung 4.1 劉 Lau 3.8 吳 Ng 3.6 何 Ho 3.0 鄭 Cheng 2.7 楊 Yeung 2.4
葉 Yip 2.1 鄧 Tang 2.1 郭 Kwok 1.8 謝 Tse 1.7 曾 Tsang 1.6 許 Hui 1.5 蔡 Choi 1.5 周 Chow 1.5 王 Wong 1.4 馮 Fung 1.3 羅 Law 1.2
"""
TAIWAN: Final = """
陳 Chen 11.1 林 Lin 8.3 黃 Huang 6.0 張 Chang 5.3 李 Li 5.1 王 Wang 4.1 吳 Wu 4.0 劉 Liu 3.2 蔡 Tsai 2.9 楊 Yang 2.7 許 Hsu 2.3
鄭 Cheng 1.9 謝 Hsieh 1.8 郭 Kuo 1.5 洪 Hung 1.5 邱 Chiu 1.5 曾 Tseng 1.4 廖 Liao 1.4 賴 Lai 1.3 周 Chou 1.2 徐 Hsu 1.2 蘇 Su 1.2
"""
# Character, Cantonese, Wade-Giles, m or f or both.
GIVEN_ROMANISED: Final = """
志 Chi Chih m|明 Ming Ming m|偉 Wai Wei m|家 Ka Chia b|豪 Ho Hao m|俊 Chun Chun m|傑 Kit Chieh m|文 Man Wen b|國 Kwok Kuo m
強 Keung Chiang m|永 Wing Yung m|浩 Ho Hao m|然 Yin Jan m|子 Tsz Tzu b|軒 Hin Hsuan m|建 Kin Chien m|宏 Wang Hung m|德 Tak Te m
美 Mei Mei f|玲 Ling Ling f|麗 Lai Li f|珍 Chun Chen f|雅 Nga Ya f|婷 Ting Ting f|淑 Shuk Shu f|芬 Fan Fen f|惠 Wai Hui f
慧 Wai Hui f|怡 Yi Yi f|君 Kwan Chun b|欣 Yan Hsin f|詩 Sze Shih f|芳 Fong Fang f|華 Wah Hua b|英 Ying Ying f|秀 Sau Hsiu f
嘉 Ka Chia b|穎 Wing Ying f|敏 Man Min f|儀 Yee I f|宗 Chung Tsung m|翰 Hon Han m|承 Shing Cheng m|恩 Yan En b|冠 Kwun Kuan m
"""
ENGLISH_ALIASES: Final = (
    "Peter David Kelvin Jason Eric Tony Raymond Andy Ken Vincent Kevin Alex Jacky Leo Ivan",
    "Mary Grace Amy Carmen Winnie Joyce Vivian Fiona Cherry Karen Sandy Ivy Michelle Emily Yoyo",
)
HK_STREETS: Final = (
    ("九龍旺角", "彌敦道", "Nathan Road", "Mong Kok, Kowloon"), ("香港灣仔", "軒尼詩道", "Hennessy Road", "Wan Chai, Hong Kong"),
    ("香港銅鑼灣", "怡和街", "Yee Wo Street", "Causeway Bay, Hong Kong"), ("新界沙田", "沙田正街", "Sha Tin Centre Street", "Sha Tin, N.T."),
    ("新界荃灣", "青山公路", "Castle Peak Road", "Tsuen Wan, N.T."), ("九龍觀塘", "牛頭角道", "Ngau Tau Kok Road", "Kwun Tong, Kowloon"),
    ("香港北角", "英皇道", "King's Road", "North Point, Hong Kong"), ("九龍深水埗", "長沙灣道", "Cheung Sha Wan Road", "Sham Shui Po, Kowloon"),
)  # fmt: skip
HK_BUILDINGS: Final = (
    ("康怡花園", "Kornhill"), ("美孚新邨", "Mei Foo Sun Chuen"), ("太古城", "Taikoo Shing"), ("沙田第一城", "City One Shatin"),
    ("富豪大廈", "Fu Ho Building"), ("金輝大廈", "Kam Fai Mansion"), ("海景大廈", "Hoi King Building"),
)  # fmt: skip
TW_STREETS: Final = (
    "臺北市大安區和平東路二段 臺北市中山區南京東路三段 臺北市信義區忠孝東路五段 新北市板橋區文化路一段 新北市中和區景平路 "
    "臺中市西屯區臺灣大道三段 高雄市左營區博愛二路 臺南市東區裕農路 桃園市中壢區中央西路二段"
).split()

ENGLISH_GIVEN: Final = (
    "James John Robert Michael William David Richard Joseph Thomas Charles Daniel Matthew Anthony Mark Steven Edward Henry "
    "George Walter Samuel",
    "Mary Patricia Jennifer Linda Elizabeth Barbara Susan Jessica Sarah Karen Nancy Margaret Emily Emma Olivia Sophia Anna "
    "Katherine Rebecca Laura",
)
NICKNAMES: Final = {
    "James": "Jim", "John": "Jack", "Robert": "Bob", "Michael": "Mike", "William": "Bill", "David": "Dave", "Richard": "Rick",
    "Joseph": "Joe", "Thomas": "Tom", "Charles": "Chuck", "Daniel": "Dan", "Matthew": "Matt", "Anthony": "Tony", "Steven": "Steve",
    "Edward": "Ted", "Patricia": "Pat", "Jennifer": "Jenny", "Elizabeth": "Liz", "Barbara": "Barb", "Susan": "Sue",
    "Margaret": "Peggy", "Katherine": "Kate", "Rebecca": "Becky", "Samuel": "Sam",
}  # fmt: skip
ENGLISH_FAMILY: Final = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Wilson Anderson Thomas Taylor Moore Jackson Martin Thompson White "
    "Harris Clark Lewis Robinson Walker Young Allen King Wright Scott Hill Green Adams Baker Nelson Carter Mitchell Roberts "
    "Turner Phillips Campbell Parker Evans Edwards Collins Stewart Morris Murphy Cook Rogers Morgan Cooper Peterson"
).split()
ENGLISH_STREETS: Final = "Main Street,Oak Avenue,Maple Drive,Park Road,Church Street,Elm Street,High Street,Station Road,Lake View,Mill Lane".split(",")  # fmt: skip
ENGLISH_TOWNS: Final = (
    "Springfield IL 627,Portland OR 972,Austin TX 787,Columbus OH 432,Madison WI 537,Denver CO 802".split(",")
)
TRANSLITERATED: Final = {
    "James": "詹姆斯", "John": "约翰", "Robert": "罗伯特", "Michael": "迈克尔", "William": "威廉", "David": "大卫", "Mary": "玛丽",
    "Jennifer": "珍妮弗", "Linda": "琳达", "Sarah": "萨拉", "Emily": "艾米莉", "Emma": "艾玛", "Anna": "安娜", "Laura": "劳拉",
    "Smith": "史密斯", "Johnson": "约翰逊", "Williams": "威廉姆斯", "Brown": "布朗", "Jones": "琼斯", "Miller": "米勒", "Davis": "戴维斯",
    "Wilson": "威尔逊", "Anderson": "安德森", "Taylor": "泰勒", "Moore": "摩尔", "Jackson": "杰克逊", "Martin": "马丁", "Harris": "哈里斯",
}  # fmt: skip
KOREAN_FAMILY: Final = "金 김 Kim,李 이 Lee,朴 박 Park,崔 최 Choi,郑 정 Jung".split(",")
KOREAN_GIVEN: Final = (
    "敏俊 민준 Minjun,志勋 지훈 Jihoon,贤宇 현우 Hyunwoo,成民 성민 Sungmin".split(","),
    "智恩 지은 Jieun,秀珍 수진 Sujin,惠珍 혜진 Hyejin,美英 미영 Miyoung".split(","),
)
JAPANESE_FAMILY: Final = "佐藤 Sato,铃木 Suzuki,高桥 Takahashi,田中 Tanaka,渡边 Watanabe,山本 Yamamoto".split(",")
JAPANESE_GIVEN: Final = (
    "健一 Kenichi,浩 Hiroshi,大辅 Daisuke,翔太 Shota".split(","),
    "美咲 Misaki,阳子 Yoko,惠子 Keiko,由美 Yumi".split(","),
)
