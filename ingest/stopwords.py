"""Words that say nothing of what a question is about, by language (ISO 639-1), accents kept."""

_WORDS = {
    "en": """a about above after again all also am an and any are as at be because been before being
        below between both but by can could did do does doing down during each else ever few for from
        further get had has have having he her here hers him his how i if in into is it its itself just
        let many may me might more most much must my no nor not of off on once only or other our ours out
        over own per please same shall she should so some such tell than that the their theirs them then
        there these they this those through to too under until up upon us very was we were what when
        where which while who whom whose why will with would you your yours""",
    "de": """ab aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin
        bis bist da dabei dadurch damit dann das dass daß dem den denn der deren des dessen die dies diese
        diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es etwas euch
        euer für gibt hab habe haben hat hatte hier ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins
        ist ja jede jedem jeden jeder jedes jetzt kann kannst kein keine keinem keinen keiner können könnte
        machen man mein meine meinem meinen meiner mich mir mit muss müssen nach nicht noch nun nur ob oder
        ohne sehr sein seine seinem seinen seiner seit sich sie sind so soll sollen sollte sondern über um
        und uns unser unsere unter viel viele vielen vom von vor wann war waren warum was weil welche
        welchem welchen welcher welches wenn wer werde werden wie wieviel will wir wird wo wohin wurde
        würde zu zum zur zwischen""",
    "fr": """à ai ainsi alors au aucun aussi autre aux avais avait avant avec avez avoir avons c ça car ce
        ceci cela celle celui ces cet cette ceux chez ci combien comme comment d dans de depuis des doit
        donc dont du elle elles en encore entre es est et étaient était étant être eu eux faire fait faut
        il ils j je l la là le les leur leurs lors lui m ma mais me même mes moi mon n ne ni nos notre nous
        on ont ou où par pas pendant peu peut peuvent plus pour pourquoi puis qu quand que quel quelle
        quelles quels qui quoi s sa sans se selon ses si soit son sont sous suis sur t ta te tes toi ton
        tous tout toute toutes très tu un une va vers vos votre vous y""",
    "es": """a al algo algún alguna algunas algunos ante antes aquel aquella así aún aunque bajo cada como
        cómo con contra cual cuál cuáles cuando cuándo cuánta cuántas cuánto cuántos de debe deben del
        desde donde dónde dos durante e el él ella ellas ellos en entre era es esa esas ese eso esos esta
        está están estas este esto estos fue ha había hace hacer han hasta hay he la las le les lo los más
        me mi mis mucho muchos muy nada ni no nos nosotros o os otra otro otros para pero poco por porque
        por qué puede pueden puedo que qué quien quién se sea ser si sí sido sin sobre solo son su sus
        también tan tanto te tener tengo tiene tienen todo todos tu tus un una unas uno unos usted ustedes
        y ya yo""",
    "it": """a ad agli ai al alla alle allo anche ancora c che chi ci ciò coi col come con cosa cui d da
        dagli dai dal dalla dalle dallo degli dei del della delle dello deve devo di dopo dove due e è ed
        era essere fa fra gli ha hai hanno ho i il in io l la le lei li lo loro lui ma me mentre mi mia mie
        mio molto ne negli nei nel nella nelle nello no noi non nostro o ogni per perché più può puoi qual
        quale quali quando quanta quante quanti quanto quella quelle quelli quello questa queste questi
        questo qui se sei si sia sono su sua sue sugli sui sul sulla sulle sullo suo tra tu tua tuo tutti
        tutto un una uno vi voi""",
    "pt": """a à ao aos aquela aquele as às até com como da das de dela dele deles depois deve do dos e é
        ela elas ele eles em entre era essa esse esta está este eu foi há isso isto já lhe mais mas me
        mesmo meu minha muito na não nas nem no nos nossa nosso num numa o onde os ou para pela pelas pelo
        pelos pode podem por porque posso qual quais quando quanta quantas quanto quantos que quem se sem
        ser seu seus sua suas são só também tem têm ter tudo um uma você vocês""",
    "nl": """aan al alle als altijd andere ben bij dan dat de der deze die dit doch doen door dus een en er
        ge geen haar had heb hebben heeft hem het hier hij hoe hoeveel hun iemand iets ik in is ja je kan
        kon kunnen maar me meer men met mij mijn moet moeten na naar niet niets nog nu of om omdat onder
        ons ook op over reeds te tegen toch toen tot u uit uw van veel voor waar waarom wanneer want waren
        was wat welk welke werd wie wij wil worden wordt ze zelf zich zij zijn zo zonder zou""",
}

STOP_WORDS: dict[str, frozenset[str]] = {
    code: frozenset(words.split()) for code, words in _WORDS.items()
}
