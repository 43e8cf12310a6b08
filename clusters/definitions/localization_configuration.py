"""Localization Configuration cluster as Matter 1.4.2 defines it."""

from matter_node.model import Cluster, ListOf, Utf8, attribute


class LocalizationConfiguration(Cluster):
    """Localization Configuration, cluster 0x002b."""

    ID = 0x002B
    REVISION = 1
    NAME = "LocalizationConfiguration"
    PICS = "LCFG"

    active_locale = attribute(0x0000, Utf8(), access="RW VM", quality="N")
    supported_locales = attribute(0x0001, ListOf(Utf8(maximum=35), maximum=32), quality="F")
