"""The words for what `sync.duty_bodies` names by codes; gates and office read the same."""

from passes.errors import N_

INCIDENTS: dict[str, str] = {
    "refusal": N_("refused to be checked"),
    "forced_entry": N_("forced entry"),
    "abuse": N_("abuse"),
    "assault": N_("assault"),
    "forgery": N_("forged pass"),
    "lent_pass": N_("lent pass"),
    "fever": N_("fever"),
    "tip_off": N_("tip-off"),
}
EFFORTS: dict[str, str] = {
    "publicity": N_("Publicity: banners, letters, broadcasts"),
    "patrol": N_("Patrols"),
    "dissuasion": N_("Gatherings dissuaded"),
    "households_visited": N_("Households visited"),
    "people_visited": N_("People visited"),
}
SOURCES: dict[str, str] = {
    "reserve": N_("reserve"),
    "own": N_("own"),
    "bought": N_("bought"),
    "allocated": N_("allocated"),
    "donated": N_("donated"),
}
CHANGES: dict[str, str] = {
    "stock_in": N_("came in"),
    "issue": N_("given out"),
    "count": N_("counted"),
}
POINTS: dict[str, str] = {
    "on_post": N_("On post"),
    "register_kept": N_("Register kept"),
    "thermometer_works": N_("Thermometer works"),
    "disinfected": N_("Disinfection done"),
    "notices_shown": N_("Notices shown"),
}
"""What an inspector looks at."""
