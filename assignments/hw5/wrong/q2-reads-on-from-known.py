# hint: With n = 3 the first character has no context
shorter = probabilities


def probabilities(known, held, K, n, d):
    past = known[len(known) - n + 1 :]
    return shorter(known, past + held, K, n, d)[len(past) :]
