"""Words around the name of a document, in English, German, French and Spanish: folded, singular. Pure."""

_WORDS = {
    "cues": """in from under of by im aus unter vom der dans de du des sous en del see siehe voir
        ver doe say what""",
    "determiners": """the a an our this that my your der die das den dem des unser unsere unserer unserem
        unseren diese dieser diesem le la les l notre nos ce cette el los las nuestro
        nuestra este esta""",
    "nouns": """guide policy report bulletin handbook manual template charter register memo
        memorandum form faq log contract agreement guideline playbook newsletter agenda plan
        presentation slide spreadsheet document file letter mail email sop directive
        regulation statute minute brochure leaflet whitepaper invoice offer specification
        standard code procedure catalogue catalog workbook checklist circular leitfaden
        richtlinie handbuch bericht vertrag formular vorlage prasentation protokoll
        rundschreiben anweisung ordnung satzung vereinbarung merkblatt anleitung dokument
        datei brief plan verordnung angebot rechnung katalog checkliste politique rapport
        manuel reglement contrat formulaire modele presentation lettre accord charte note
        procedure registre fichier notice facture guia politica informe manual contrato
        formulario plantilla reglamento carta acuerdo boletin documento archivo
        procedimiento registro factura presentacion""",
    "endings": """leitfaden richtlinie handbuch bericht vertrag formular vorlage protokoll ordnung
        satzung vereinbarung merkblatt anweisung anleitung verordnung""",
}

#: "According to the travel guide": a name follows, whatever it looks like.
CLEAR_CUES = frozenset(
    [
        *("according to", "as per", "per", "cite", "quote"),
        *("laut", "gemass", "zufolge", "nach", "selon", "suivant", "d apre", "segun", "conforme a"),
    ]
)
#: "In the travel guide": a name may follow.
CUES = frozenset(_WORDS["cues"].split())
DETERMINERS = frozenset(_WORDS["determiners"].split())
#: "Bulletin No. 33", "version 2": said before a number.
FILLERS = frozenset(["no", "nr", "number", "num", "nummer", "numero", "n", "version", "ausgabe"])

#: What documents are called by their kind.
_NOUNS = frozenset(_WORDS["nouns"].split())
#: German puts the noun at the end of one word: Reiserichtlinie, Mitarbeiterhandbuch.
_ENDINGS = tuple(_WORDS["endings"].split())


def is_document_noun(word: str) -> bool:
    """Whether a folded word is what a kind of document is called."""
    return word in _NOUNS or is_compound(word)


def is_compound(word: str) -> bool:
    """Whether a word is such a noun with what it is about before it: a name by itself."""
    return any(word.endswith(end) and len(word) >= len(end) + 4 for end in _ENDINGS)
