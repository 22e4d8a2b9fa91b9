"""The settings with which LibreOffice is started (ingest/convert.py)."""

#: Macros off whatever signed them, nothing fetched or updated, no copies made for later.
_CHOICES = {
    "org.openoffice.Office.Common/Security/Scripting": {
        "MacroSecurityLevel": "3",
        "DisableMacrosExecution": "true",
        "BlockUntrustedRefererLinks": "true",
    },
    "org.openoffice.Office.Writer/Content/Update": {"Link": "2"},
    "org.openoffice.Office.Calc/Content/Update": {"Link": "2"},
    "org.openoffice.Office.Recovery/RecoveryInfo": {"Enabled": "false"},
    "org.openoffice.Office.Common/Save/Document": {"AutoSave": "false", "CreateBackup": "false"},
    "org.openoffice.Office.Common/Misc": {"UseLocking": "false"},
}


def written() -> str:
    """They in its own form: the XML of registrymodifications.xcu."""
    items = "".join(
        f'<item oor:path="/{path}"><prop oor:name="{name}" oor:op="fuse"><value>{value}</value></prop></item>'
        for path, values in _CHOICES.items()
        for name, value in values.items()
    )
    spaces = 'xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    return f'<?xml version="1.0" encoding="UTF-8"?><oor:items {spaces}>{items}</oor:items>'
