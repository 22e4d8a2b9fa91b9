"""What answers cost, and of how few people nothing is told (usage/)."""

from sovereign.settings import env

CURRENCY = env.text("SOVEREIGN_CURRENCY", "EUR")
#: A group or an assistant that fewer people used in a month is told among the others (usage/small.py).
USAGE_LEAST_PEOPLE = env.number("SOVEREIGN_USAGE_LEAST_PEOPLE", 5, least=2)
#: After that single answers become totals of their month (usage/keeping.py); 0: never.
KEEP_USAGE_DAYS = env.number("SOVEREIGN_KEEP_USAGE_DAYS", 100)
