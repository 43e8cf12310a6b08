"""The numbers of currencies, as ISO 4217 has them (list one, the ones in which households pay for energy)."""

from __future__ import annotations

from typing import Final

NUMBERS: Final = {
    "AED": 784, "ALL": 8, "AMD": 51, "ARS": 32, "AUD": 36, "AZN": 944, "BAM": 977, "BDT": 50, "BHD": 48,
    "BOB": 68, "BRL": 986, "BWP": 72, "CAD": 124, "CHF": 756, "CLP": 152, "CNY": 156, "COP": 170, "CRC": 188,
    "CZK": 203, "DKK": 208, "DOP": 214, "DZD": 12, "EGP": 818, "EUR": 978, "GBP": 826, "GEL": 981,
    "GHS": 936, "GTQ": 320, "HKD": 344, "HNL": 340, "HUF": 348, "IDR": 360, "ILS": 376, "INR": 356,
    "ISK": 352, "JMD": 388, "JOD": 400, "JPY": 392, "KES": 404, "KRW": 410, "KWD": 414, "KZT": 398,
    "LBP": 422, "LKR": 144, "MAD": 504, "MDL": 498, "MKD": 807, "MUR": 480, "MXN": 484, "MYR": 458,
    "NAD": 516, "NGN": 566, "NOK": 578, "NPR": 524, "NZD": 554, "OMR": 512, "PEN": 604, "PHP": 608,
    "PKR": 586, "PLN": 985, "PYG": 600, "QAR": 634, "RON": 946, "RSD": 941, "RUB": 643, "SAR": 682,
    "SEK": 752, "SGD": 702, "THB": 764, "TND": 788, "TRY": 949, "TWD": 901, "UAH": 980, "USD": 840,
    "UYU": 858, "UZS": 860, "VND": 704, "ZAR": 710,
}  # fmt: skip
